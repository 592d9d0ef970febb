"""The scoring program from its first look to its exit code; runs are written by hand, processes are real."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.challenge.scoring import ScoringConfig, main, run_scoring
from autodl_agent.scoring.alc import alc
from autodl_agent.scoring.auc import nauc
from autodl_agent.scoring.report import score_folder

TRUTH = np.eye(3)[np.arange(30) % 3]


def noisy(sigma: float) -> np.ndarray:
    return TRUTH + np.random.default_rng(3).normal(0, sigma, TRUTH.shape)


class Folders:
    """A solution, a prediction folder and where the scores go."""

    def __init__(self, root: Path, truth: np.ndarray = TRUTH, task: str = "toy") -> None:
        self.solution, self.predictions, self.scores = root / "truth", root / "predictions", root / "scores"
        self.solution.mkdir()
        self.predictions.mkdir()
        np.savetxt(self.solution / f"{task}.solution", truth, "%d")
        self.task, self.start_time = task, time.time()

    def start(self, budget: float = 60, seconds: tuple[float, ...] = (), ago: float = 0, pid: int = 1) -> None:
        self.start_time = time.time() - ago
        self.stamp(budget, seconds, pid)

    def stamp(self, budget: float, seconds: tuple[float, ...], pid: int = 1) -> None:
        lines = [f"ingestion_pid: {pid}", f"task_name: {self.task}", f"time_budget: {budget}"]
        lines += [f"start_time: {self.start_time!r}"]
        lines += [f"{k}: {self.start_time + t!r}" for k, t in enumerate(seconds)]
        (self.predictions / "new").write_text("\n".join(lines) + "\n")
        (self.predictions / "new").rename(self.predictions / "start.txt")

    def predict(self, k: int, matrix: np.ndarray) -> None:
        np.savetxt(self.predictions / "new", matrix, "%.9g")
        (self.predictions / "new").rename(self.predictions / f"{self.task}.predict_{k}")

    def end(self, success: int = 1) -> None:
        text = f"ingestion_duration: 1.5\ningestion_success: {success}\nend_time: {time.time()}\n"
        (self.predictions / "end.txt").write_text(text)

    def config(self, **changes: float) -> ScoringConfig:
        quick = {"poll_s": 0.02, "start_timeout_s": 20.0, "end_grace_s": 0.2, "kill_grace_s": 0.3}
        return ScoringConfig(self.solution, self.predictions, self.scores, **{**quick, **changes})  # type: ignore[arg-type]

    def flags(self, *more: str) -> list[str]:
        folders = (("solution_dir", self.solution), ("prediction_dir", self.predictions), ("score_dir", self.scores))
        return [*(f"--{name}={folder}" for name, folder in folders), *more]

    def score_lines(self) -> dict[str, str]:
        return dict(line.split(": ") for line in (self.scores / "scores.txt").read_text().splitlines())

    @property
    def page(self) -> str:
        return (self.scores / "detailed_results.html").read_text()


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited 20 s"
        time.sleep(0.01)


def test_a_live_run_from_waiting_to_the_last_page(folders: Folders) -> None:
    folders.scores.mkdir()
    (folders.scores / "learning-curve-toy.png").write_text("of an earlier scoring")
    (folders.scores / "learning-curve-zoo.png").write_text("of another task")
    scoring = threading.Thread(target=run_scoring, args=(folders.config(),))
    scoring.start()
    wait_for(lambda: (folders.scores / "detailed_results.html").exists() and "Waiting" in folders.page)
    assert folders.score_lines()["score"] == "0.0" and not (folders.scores / "learning-curve-toy.png").exists()
    folders.start(seconds=(0.5,))
    folders.predict(0, noisy(2.0))
    wait_for(lambda: folders.score_lines()["timestamps"] != "[]")
    wait_for(lambda: "toy.predict_0" in folders.page)
    assert 'http-equiv="refresh" content="5"' in folders.page and (folders.scores / "learning-curve-toy.png").exists()
    folders.stamp(60, (0.5, 1.5))
    folders.predict(1, noisy(0.5))
    folders.end()
    scoring.join(20)
    assert not scoring.is_alive()
    report = score_folder(folders.predictions, folders.solution)
    facts = folders.score_lines()
    assert float(facts["score"]) == report.alc > 0 and float(facts["Duration"]) == pytest.approx(1.5, abs=1e-4)
    assert report.alc_error is not None and float(facts["alc_mean"]) == report.alc_error.mean
    assert "refresh" not in folders.page and folders.page.count("<img") == 1
    assert "toy.predict_1" in folders.page and "zoo" not in folders.page


@pytest.mark.parametrize("obeys", [True, False])
def test_an_overrun_is_ended_and_what_is_there_is_scored(folders: Folders, obeys: bool) -> None:
    ignore = "" if obeys else "signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    code = f"import signal, time; {ignore}print('ready', flush=True); time.sleep(60)"
    command = [sys.executable, "-S", "-c", code, "ingestion"]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        folders.start(budget=0.4, seconds=(0.2,), pid=process.pid)
        folders.predict(0, TRUTH)
        result = run_scoring(folders.config())
        assert process.wait(5) < 0
    assert result.report is not None and result.report.nauc == 1.0 and result.success is None
    assert "exceeded the budget and was ended" in result.messages[0] and result.messages[0] in folders.page
    assert float(folders.score_lines()["score"]) > 0


def test_a_process_that_is_not_the_ingestion_is_left_alone(folders: Folders) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        folders.start(budget=0.3, pid=process.pid)
        result = run_scoring(folders.config())
        assert process.poll() is None
        process.communicate(b"\n")
    assert "no ingestion process of this machine" in result.messages[0]


def test_an_ingestion_that_died_is_not_waited_for(folders: Folders) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()", "ingestion"], stdin=subprocess.PIPE) as process:
        folders.start(budget=3600, seconds=(0.1,), pid=process.pid)
        folders.predict(0, TRUTH)
        found: list[object] = []
        scoring = threading.Thread(target=lambda: found.append(run_scoring(folders.config())))
        scoring.start()
        wait_for(lambda: (folders.scores / "learning-curve-toy.png").exists())
        process.communicate(b"\n")
    scoring.join(20)
    assert not scoring.is_alive() and "ended without writing end.txt" in folders.page


def test_stopping_scores_what_is_there(folders: Folders) -> None:
    folders.start(budget=3600, seconds=(0.1,))
    folders.predict(0, TRUTH)
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    result = run_scoring(folders.config(), stop)
    assert result.report is not None and result.report.nauc == 1.0 and "refresh" not in folders.page


def test_late_predictions_are_dropped_everywhere(folders: Folders) -> None:
    """The protocol's example has T = 1200 and 0.1061952; the official program made 0.0961610 of it."""
    scores = {0.5: (0.75, 0.25), 0.9: (0.95, 0.05)}
    truth = np.array([[1.0, 0.0], [0.0, 1.0]] * 20)
    for file in folders.solution.iterdir():
        file.unlink()
    np.savetxt(folders.solution / "toy.solution", truth, "%d")
    for k, (wanted, (up, _)) in enumerate(scores.items()):
        wins = np.where(np.arange(40) < 40 * up, truth[:, 0], 1 - truth[:, 0])
        prediction = np.stack([wins, 1 - wins], axis=1)
        assert nauc(truth, prediction) == pytest.approx(wanted)
        folders.predict(k, prediction)
    folders.start(budget=1200, seconds=(600, 1300), ago=1400)
    folders.end()
    assert main(folders.flags()) == 0
    facts = folders.score_lines()
    assert float(facts["score"]) == pytest.approx(0.1061952, abs=1e-6)
    assert facts["nauc_scores"].count(",") == facts["timestamps"].count(",") == 0 and float(facts["Duration"]) < 601
    assert "late, does not count" in folders.page


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("no prediction", "no predictions"),
        ("failed", "ingestion failed"),
        ("unreadable", "toy.predict_0"),
        ("misshapen", r"\(29, 3\)"),
        ("missing", "toy.predict_0"),
        ("impossible budget", "budget=0"),
        ("no usable class", "no class has both"),
    ],
)
def test_scores_are_always_there(tmp_path: Path, case: str, said: str) -> None:
    folders = Folders(tmp_path, np.tile([1, 0, 0], (30, 1)) if case == "no usable class" else TRUTH)
    seconds = () if case in ("no prediction", "failed") else (1.0,)
    folders.start(budget=0 if case == "impossible budget" else 60, seconds=seconds, ago=70)
    if case not in ("no prediction", "failed", "missing"):
        folders.predict(0, noisy(1)[: 29 if case == "misshapen" else 30])
    if case == "unreadable":
        (folders.predictions / "toy.predict_0").write_bytes(b"\xff\x00 nonsense")
    folders.end(success=0 if case == "failed" else 1)
    assert main(folders.flags()) == 0
    facts = folders.score_lines()
    assert float(facts["score"]) == 0.0
    assert {"Duration", "timestamps", "nauc_scores", "accuracy", "nauc_mean", "alc_var"} <= set(facts)
    assert "refresh" not in folders.page and re.search(said, folders.page)


def test_not_a_number_never_wins_and_never_stops_the_program(folders: Folders) -> None:
    folders.start(seconds=(1.0, 2.0), ago=70)
    folders.predict(0, np.full((30, 3), np.nan))
    folders.predict(1, np.where(np.arange(30)[:, None] < 2, np.nan, TRUTH))
    folders.end()
    assert main(folders.flags()) == 0
    first, second = (float(text) for text in folders.score_lines()["nauc_scores"].strip("[]").split(","))
    assert first == 0.0 and 0.8 < second < 1.0


def test_t0_and_the_budget_can_be_those_of_autocv(folders: Folders) -> None:
    folders.start(budget=1200, seconds=(100, 400), ago=2000)
    folders.predict(0, noisy(2.0))
    folders.predict(1, noisy(0.5))
    folders.end()
    assert main(folders.flags("-t0=300", "--time_budget=7200")) == 0
    expected = alc([100, 400], [nauc(TRUTH, noisy(2.0)), nauc(TRUTH, noisy(0.5))], 7200, 300)
    assert float(folders.score_lines()["score"]) == pytest.approx(expected, abs=1e-6)
    assert "T = 7200 s, t0 = 300 s" in folders.page


def test_error_bars_come_from_a_seed(folders: Folders) -> None:
    folders.start(seconds=(1.0,), ago=70)
    folders.predict(0, noisy(1.0))
    folders.end()
    texts = []
    for seed in (0, 0, 1):
        run_scoring(folders.config(seed=seed))
        texts.append((folders.scores / "scores.txt").read_text())
    assert texts[0] == texts[1] != texts[2] and "nauc_std: 0.0\n" not in texts[0]


def test_no_run_at_all(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(folders.flags("--start_timeout=0.2")) == 1
    assert folders.score_lines()["score"] == "0.0" and "waited 0.2 s" in folders.page
    assert "start.txt" in capsys.readouterr().err and "refresh" not in folders.page
    folders.end(success=0)
    assert main(folders.flags()) == 0
    assert folders.score_lines()["score"] == "0.0" and "failed before the run began" in folders.page


def test_a_name_too_long_for_a_picture_still_has_scores(tmp_path: Path) -> None:
    folders = Folders(tmp_path, task="n" * 240)
    folders.start(seconds=(1.0,), ago=70)
    folders.predict(0, TRUTH)
    folders.end()
    assert main(folders.flags()) == 0
    assert float(folders.score_lines()["score"]) > 0.9 and "could not be drawn" in folders.page


@pytest.mark.parametrize("solutions", [0, 2])
def test_without_one_solution_it_is_misuse(
    folders: Folders, capsys: pytest.CaptureFixture[str], solutions: int
) -> None:
    (folders.solution / "toy.solution").unlink()
    for i in range(solutions):
        np.savetxt(folders.solution / f"s{i}.solution", TRUTH)
    assert main(folders.flags()) == 2
    assert f"found {solutions}" in capsys.readouterr().err
    assert folders.score_lines()["score"] == "0.0"


@pytest.mark.parametrize("flag", ["--t0=0", "--time_budget=nan", "--solution=x", "--start_timeout=-1", "extra"])
def test_flags_that_mean_nothing(flag: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([flag])


def test_default_folders_are_those_of_the_starting_kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = Folders(tmp_path)
    folders.start(seconds=(1.0,), ago=70)
    folders.predict(0, TRUTH)
    folders.end()
    folders.solution.rename(tmp_path / "AutoDL_sample_data")
    folders.predictions.rename(tmp_path / "AutoDL_sample_result_submission")
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert (tmp_path / "AutoDL_scoring_output" / "learning-curve-toy.png").exists()


def test_one_input_folder_as_codalab_has_it(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.start(seconds=(1.0,), ago=70)
    folders.predict(0, TRUTH)
    folders.end()
    shared = tmp_path / "run" / "input"
    shared.mkdir(parents=True)
    folders.solution.rename(shared / "ref")
    folders.predictions.rename(shared / "res")
    arguments = [f"-solution_dir={shared}", f"-prediction_dir={shared}", f"-score_dir={folders.scores}"]
    assert main(arguments) == 0
    assert float(folders.score_lines()["score"]) > 0.9


def test_the_program_by_its_module_name_loads_no_drawing_library_before_a_run(folders: Folders) -> None:
    code = (
        "import sys, autodl_agent.challenge.scoring; print(sorted({'matplotlib', 'scipy', 'PIL'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
    folders.start(seconds=(1.0,), ago=70)
    folders.predict(0, TRUTH)
    folders.end()
    command = [sys.executable, "-m", "autodl_agent.challenge.scoring", *folders.flags()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "toy.predict_0 at 1.00 s: NAUC 1.0000" in done.stderr
    assert "Traceback" not in done.stderr
