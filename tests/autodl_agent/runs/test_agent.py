import csv
import json
import os
import signal
import threading

import numpy as np
import pytest

from autodl_agent.engine.policy.planner import Slice
from autodl_agent.learners import registry
from autodl_agent.learners.testing.contract import scripted
from autodl_agent.runs.agent import run
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.lifecycle import RunLifecycle
from autodl_agent.system.clock import Budget
from data_format.errors import DataError
from data_format.predictions import list_predictions, read_prediction


def write_table(folder, n=60, label=True, rows=20, seed=0):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", n), ("test", rows)):
        x = rng.normal(size=(count, 3))
        y = (x[:, 0] + 0.3 * rng.normal(size=count) > 0).astype(int)
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["a", "b", "c", *(["label"] if label or name == "train" else [])])
            for row, value in zip(x, y, strict=True):
                writer.writerow([*row, *([f"k{value}"] if label or name == "train" else [])])
    return folder


def in_turn(history, candidates, task, gone, total, folds):
    """A policy that looks at no clock, so that two runs play the same rounds."""
    for spec in candidates:
        past = [r for r in history if r.learner == spec.name]
        if len(past) < 2 and (not past or past[-1].more):
            return Slice(spec, 1000, 1)
    return None


def test_the_output_contract(tmp_path):
    result = run(write_table(tmp_path / "my data"), tmp_path / "out", RunConfig(20), choose=in_turn)
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {
        "predictions", "classes.txt", "test_rows.txt", "predictions.csv", "learning_curve.csv", "run.json", "log.txt",
        "model", "skipped.csv", "report.html", "learning_curve.png",
    }  # fmt: skip
    assert (tmp_path / "out" / "classes.txt").read_text() == "k0\nk1\n"
    assert (tmp_path / "out" / "test_rows.txt").read_text().split() == [str(i) for i in range(20)]
    files = list_predictions(tmp_path / "out" / "predictions", "my data")
    assert len(files) == result.n_predictions >= 3
    assert read_prediction(files[-1][1]).shape == (20, 2)
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["domain"] == "tabular" and facts["n_test"] == 20 and facts["peak_memory_bytes"] > 0
    with (tmp_path / "out" / "learning_curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["test_nauc"]) == 0
    assert float(rows[-1]["test_nauc"]) > 0.7
    assert result.held_out_nauc is not None and result.held_out_nauc > 0.7


def test_the_truth_of_test_rows_changes_nothing(tmp_path):
    found = []
    for label in (True, False):
        data = write_table(tmp_path / f"label {label}" / "set", label=label)
        out = tmp_path / f"out {label}"
        run(data, out, RunConfig(60), choose=in_turn)
        found.append([path.read_bytes() for _, path in list_predictions(out / "predictions")])
    assert len(found[0]) >= 3
    assert found[0] == found[1]


def test_the_program_ends_although_a_learner_hangs(tmp_path, monkeypatch):
    release = threading.Event()

    def hang(self, data, deadline):
        release.wait(60)
        return False

    spec = scripted("sleeper")
    monkeypatch.setattr("autodl_agent.learners.testing.contract.ScriptedLearner.fit", hang)
    monkeypatch.setitem(registry.LEARNERS_BY_DOMAIN, "tabular", (spec,))
    budget = Budget.from_now(1.0)
    result = run(write_table(tmp_path / "set"), tmp_path / "out", RunConfig(1.0), budget)
    release.set()
    assert budget.elapsed() < 3
    assert result.reason == "budget used"
    assert result.n_predictions == 1


def test_bad_data_is_one_clear_error_and_leaves_no_half_run(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "there").mkdir()
    for name in ("out", "there", "out"):  # the same folder may be tried again
        with pytest.raises(DataError, match="empty"):
            run(tmp_path / "empty", tmp_path / name, RunConfig(5))
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "there").iterdir()) == []


def test_an_interrupt_keeps_what_there_is(tmp_path):
    def interrupting(task, played, written):
        if played.number == 1:
            os.kill(os.getpid(), signal.SIGINT)  # as a terminal does; it wakes the main thread
            threading.Event().wait(1.0)

    # A shell that starts the tests in the background lets them ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(write_table(tmp_path / "set"), tmp_path / "out", RunConfig(60), watch=interrupting)
    finally:
        signal.signal(signal.SIGINT, before)
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["ended_because"] == "interrupted"
    assert (tmp_path / "out" / "predictions.csv").exists()
    assert "ingestion_success: 0" in (tmp_path / "out" / "predictions" / "end.txt").read_text()


def test_an_interrupt_while_the_last_files_are_written_loses_none(tmp_path, monkeypatch):
    whole = RunLifecycle.complete

    def interrupted_once(lifecycle, interrupted):
        monkeypatch.setattr(RunLifecycle, "complete", whole)
        lifecycle.engine.out.stop()
        raise KeyboardInterrupt

    monkeypatch.setattr(RunLifecycle, "complete", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        run(write_table(tmp_path / "set"), tmp_path / "out", RunConfig(20), choose=in_turn)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"run.json", "predictions.csv", "model", "report.html"} <= names
    assert (tmp_path / "out" / "predictions" / "end.txt").exists()


def test_data_too_slow_to_open_leave_the_folder_for_the_next_try(tmp_path, monkeypatch):
    from data_format import open_dataset

    data, go_on, opened = write_table(tmp_path / "set"), threading.Event(), threading.Event()

    def slowly(*args):
        go_on.wait(20)
        opened.set()
        return open_dataset(*args)

    monkeypatch.setattr("autodl_agent.runs.lifecycle.GRACE_S", 0.0)
    monkeypatch.setattr("autodl_agent.runs.engine_thread.open_dataset", slowly)
    with pytest.raises(DataError, match="could not be opened within the budget"):
        run(data, tmp_path / "out", RunConfig(0.3))
    assert not (tmp_path / "out").exists()
    go_on.set()
    assert opened.wait(20)
    for thread in threading.enumerate():
        if thread.name == "engine":
            thread.join(20)
    assert not (tmp_path / "out").exists()  # what was abandoned writes nothing later
    monkeypatch.undo()
    assert run(data, tmp_path / "out", RunConfig(20), choose=in_turn).n_predictions >= 3


def test_a_truth_that_cannot_be_read_costs_only_the_curve(tmp_path):
    from data_format import open_dataset
    from data_format.autodl.writer import write_dataset

    data = write_dataset(open_dataset(write_table(tmp_path / "set")), tmp_path / "autodl")
    solution = next(p for p in (tmp_path / "autodl").rglob("*.solution"))
    solution.write_text("1 0\n")
    result = run(solution.parent, tmp_path / "out", RunConfig(20), choose=in_turn)
    assert result.n_predictions >= 3
    assert "test_nauc" not in (tmp_path / "out" / "learning_curve.csv").read_text()
    assert data is not None
