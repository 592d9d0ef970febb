"""A folder that changes between looks."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.challenge.live_scoring.watch import RunWatch, read_end
from autodl_agent.scoring.report import score_folder
from autodl_agent.scoring.scorer import PredictionScorer

TRUTH = np.eye(3)[np.arange(30) % 3]


def noisy(sigma: float) -> np.ndarray:
    return TRUTH + np.random.default_rng(7).normal(0, sigma, TRUTH.shape)


class Run:
    """Writes a run by hand, its clock starting now."""

    def __init__(self, root: Path, name: str = "toy", started: float | None = None) -> None:
        self.folder = root / "predictions"
        self.folder.mkdir(exist_ok=True)
        self.solution = root / f"{name}.solution"
        np.savetxt(self.solution, TRUTH, "%d")
        self.name, self.started = name, time.time() if started is None else started
        self.stamps: dict[int, float] = {}

    def start(self, task_name: str | None = None) -> None:
        stamps = "".join(f"{k}: {self.started + t!r}\n" for k, t in self.stamps.items())
        head = f"ingestion_pid: 1\ntask_name: {task_name or self.name}\ntime_budget: 60\nstart_time: {self.started!r}\n"
        (self.folder / "start.txt").write_text(head + stamps)

    def predict(self, k: int, seconds: float, matrix: np.ndarray, name: str | None = None) -> Path:
        self.stamps[k] = seconds
        self.start()
        path = self.folder / f"{name or self.name}.predict_{k}"
        np.savetxt(path, matrix, "%.9g")
        return path

    def watch(self) -> RunWatch:
        return RunWatch(self.folder, PredictionScorer(self.solution))


def naucs(watch: RunWatch) -> list[float]:
    report = watch.report()
    assert report is not None
    return [row.nauc for row in report.predictions]


def test_predictions_are_scored_once_as_they_appear(tmp_path: Path) -> None:
    run = Run(tmp_path)
    watch = run.watch()
    assert not watch.begun() and not watch.look() and watch.report() is None
    run.start()
    assert watch.begun() and not watch.look() and naucs(watch) == []
    path = run.predict(0, 1.0, noisy(2))
    assert watch.look() and not watch.look()
    first = naucs(watch)
    np.savetxt(path, TRUTH)  # someone improves an earlier prediction while the run goes on
    run.predict(1, 2.0, noisy(1))
    assert watch.look() and naucs(watch)[0] == first[0] and len(naucs(watch)) == 2
    assert watch.look(last=True) and naucs(watch)[0] == 1.0


def test_numeric_not_alphabetic_order(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for k in range(11):
        run.predict(k, k + 1.0, noisy(11 - k))
    watch = run.watch()
    watch.look(last=True)
    report = watch.report(bars=True)
    assert report is not None
    assert [row.file for row in report.predictions] == [f"toy.predict_{k}" for k in range(11)]
    again = score_folder(run.folder, run.solution)
    assert (report.alc, report.nauc, report.alc_error) == (again.alc, again.nauc, again.alc_error)


def test_a_prediction_without_its_time_waits_for_it(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.start()
    np.savetxt(run.folder / "toy.predict_0", TRUTH)
    watch = run.watch()
    assert watch.begun() and not watch.look()
    assert any("no time" in doubt for doubt in watch.doubts())
    run.stamps[0] = 3.0
    run.start()
    assert watch.look() and naucs(watch) == [1.0] and watch.doubts() == []


def test_a_start_that_is_being_rewritten_is_no_catastrophe(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.predict(0, 5.0, TRUTH)
    watch = run.watch()
    watch.look()
    (run.folder / "start.txt").write_text("")
    assert not watch.look() and naucs(watch) == [1.0]
    run.stamps[0] = 6.0
    run.start()
    assert watch.look()  # the time in force is that of the latest start.txt
    report = watch.report()
    assert report is not None and report.predictions[0].seconds == pytest.approx(6.0, abs=1e-5)


def test_damaged_files_are_named_and_read_again_when_they_change(tmp_path: Path) -> None:
    run = Run(tmp_path)
    path = run.predict(0, 1.0, TRUTH)
    path.write_text("0.1 0.2")
    watch = run.watch()
    assert watch.look() and not watch.look() and naucs(watch) == []
    report = watch.report()
    assert report is not None and "toy.predict_0" in report.problems[0] and "(30, 3)" in report.problems[0]
    np.savetxt(path, TRUTH)
    assert watch.look() and naucs(watch) == [1.0]


def test_files_older_than_the_run_wait_for_the_last_look(tmp_path: Path) -> None:
    run = Run(tmp_path)
    path = run.predict(0, 1.0, noisy(3))
    os.utime(path, (run.started - 100, run.started - 100))
    watch = run.watch()
    assert watch.begun() and not watch.look()
    run.predict(0, 1.0, TRUTH)
    assert watch.look() and naucs(watch) == [1.0]
    os.utime(path, (run.started - 100, run.started - 100))  # a copied folder is still scored
    watch = run.watch()
    assert watch.look(last=True) and naucs(watch) == [1.0]


def test_another_run_in_the_folder_starts_from_nothing(tmp_path: Path) -> None:
    Run(tmp_path, started=time.time() - 500).predict(0, 1.0, TRUTH)
    run = Run(tmp_path)
    watch = run.watch()
    watch.look(last=True)
    assert naucs(watch) == [1.0]
    run.start()
    (run.folder / "toy.predict_0").unlink()
    watch.look()
    assert naucs(watch) == []


def test_dots_in_names(tmp_path: Path) -> None:
    run = Run(tmp_path, name="a.b")
    run.predict(0, 1.0, TRUTH)
    run.start(task_name="a")  # as the public ingestion cuts it
    watch = run.watch()
    assert watch.look() and naucs(watch) == [1.0]


def test_files_of_the_cut_name_are_found_and_foreign_ones_only_at_the_end(tmp_path: Path) -> None:
    run = Run(tmp_path, name="a.b")
    run.predict(0, 1.0, TRUTH, name="a")
    watch = run.watch()
    assert watch.look() and naucs(watch) == [1.0]
    (tmp_path / "two").mkdir()
    other = Run(tmp_path / "two")
    other.predict(0, 1.0, TRUTH, name="elsewhere")
    watch = other.watch()
    assert watch.begun() and not watch.look()
    assert watch.look(last=True) and naucs(watch) == [1.0]


def test_the_end_of_an_earlier_run_does_not_count(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.start()
    watch = run.watch()
    assert watch.begun() and watch.end() is None
    (run.folder / "end.txt").write_text(f"ingestion_duration: 3\ningestion_success: 1\nend_time: {run.started - 60}\n")
    assert watch.end() is None
    (run.folder / "end.txt").write_text(f"ingestion_duration: 3\ningestion_success: 0\nend_time: {run.started + 3}\n")
    end = watch.end()
    assert end is not None and end.success is False
    (run.folder / "end.txt").write_text("")
    end = read_end(run.folder)
    assert end is not None and end.success is None


def test_no_usable_class_is_said(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.predict(0, 1.0, TRUTH)
    np.savetxt(run.solution, np.tile([1, 0, 0], (30, 1)), "%d")
    watch = run.watch()
    watch.look()
    report = watch.report()
    assert report is not None and report.nauc == 0.0 and "no class has both" in report.problems[0]


def test_pipes_and_floods_hold_nobody_up(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.predict(0, 1.0, TRUTH).write_text("1 " * 200_000)
    run.stamps[1] = 2.0
    run.start()
    os.mkfifo(run.folder / "toy.predict_1")
    os.mkfifo(run.folder / "end.txt")
    watch = run.watch()
    watch.look(last=True)
    report = watch.report()
    assert report is not None and report.predictions == () and watch.end() is None
    assert "found a file of 400000 bytes" in report.problems[0]
    (run.folder / "start.txt").unlink()
    os.mkfifo(run.folder / "start.txt")
    assert not run.watch().begun() and "start.txt: expected a file" in watch.start_problem()
