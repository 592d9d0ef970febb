"""Going on from a run, however it ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.learners.testing.contract import memory_dataset
from autodl_agent.runs.agent import run
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.model.load import load_model
from autodl_agent.runs.result import RunResult
from autodl_agent.runs.resume import PreviousRun, read_previous_run
from autodl_agent.system.clock import Budget
from autodl_agent.system.errors import UsageError
from data_format.predictions import list_predictions, read_prediction, read_start

WINE = Path(__file__).resolve().parents[3] / "sample_data" / "wine"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "first"
    run(WINE, folder, RunConfig(budget_s=1.5, seed=5))
    return folder


def go_on(folder: Path, data: object = WINE, more_s: float = 2.0) -> RunResult:
    earlier = read_previous_run(folder)
    budget = Budget.from_now(more_s).after(earlier.seconds)
    return run(data, folder, RunConfig(budget_s=more_s), budget, previous=earlier)


def test_a_finished_run_is_extended(first: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(first, tmp_path / "run"))
    before = [read_prediction(path) for _, path in list_predictions(folder / "predictions")]
    there = read_previous_run(folder)
    used = there.seconds
    there.close()
    go_on(folder)
    after = list_predictions(folder / "predictions")
    assert [k for k, _ in after] == list(range(len(after)))
    assert len(after) >= len(before)
    for old, (_, path) in zip(before, after, strict=False):
        assert np.array_equal(old, read_prediction(path))
    times = [path.stat().st_mtime - read_start(folder / "predictions").start_time for _, path in after]
    assert times == sorted(times)
    assert all(later > used for later in times[len(before) :])
    curve = (folder / "learning_curve.csv").read_text().splitlines()
    assert len(curve) == len(after) + 1
    scores = [float(line.split(",")[1]) for line in curve[1:] if line.split(",")[1]]
    assert scores == sorted(scores)
    assert load_model(folder).task.seed == 5


def test_nothing_is_lost_where_nothing_better_comes(first: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(first, tmp_path / "run"))
    model = load_model(folder).snapshot.nauc
    go_on(folder, more_s=0.3)
    again = load_model(folder).snapshot.nauc
    assert model is not None
    assert again is not None
    assert again >= model


def test_after_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    code = "import sys; from autodl_agent.commands import main; sys.argv = ['autodl', *sys.argv[1:]]; main()"
    command = [sys.executable, "-c", code, "run", str(WINE), "-o", str(folder), "--budget", "60", "--use-all-budget"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 40
    while not (folder / "model" / "logits.npz").exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "run.json").exists()
    count = len(list_predictions(folder / "predictions"))
    earlier = read_previous_run(folder)
    assert earlier.parts
    assert len(earlier.curve) == count
    earlier.close()
    go_on(folder)
    assert (folder / "run.json").exists()
    assert len(list_predictions(folder / "predictions")) >= count


@pytest.mark.parametrize("jump_s", [-3600, 86400])
def test_the_wall_clock_is_set_in_mid_run(jump_s: int, tmp_path: Path) -> None:
    """Only `time.time` and what files say of their time can jump; the budget, the curve and a resumed run do not."""
    folder = tmp_path / "run"
    code = f"""
import sys, time
from autodl_agent.commands import main
real, since = time.time, time.monotonic()
time.time = lambda: real() + ({jump_s} if time.monotonic() - since > 0.8 else 0)
sys.argv = ["autodl", *sys.argv[1:]]
main()
"""
    command = [sys.executable, "-c", code, "run", str(WINE), "-o", str(folder), "--budget", "3", "--use-all-budget"]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert time.monotonic() - began < 3 + 2
    assert done.returncode == 0, done.stderr
    files = [path for _, path in list_predictions(folder / "predictions")]
    for path in files[len(files) // 2 :]:  # what the file system would have said
        os.utime(path, (time.time() + jump_s,) * 2)
    (folder / "run.json").unlink()
    earlier = read_previous_run(folder)
    times = [float(point["time"] or 0) for point in earlier.curve]
    assert len(times) == len(files)
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] <= earlier.seconds < 5
    earlier.close()
    (folder / "learning_curve.csv").unlink()
    bare = read_previous_run(folder)
    stamps = [float(point["time"] or 0) for point in bare.curve]
    assert stamps == sorted(stamps)
    assert bare.seconds < 5
    bare.close()


def test_models_that_go_on_see_pictures_as_they_were_taught(first: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(first, tmp_path / "run"))
    model = folder / "model" / "model.json"
    facts = json.loads(model.read_text())
    facts["task"]["levels"] = [[1.0, 2.0]]
    model.write_text(json.dumps(facts))
    go_on(folder, more_s=0.3)
    assert load_model(folder).task.levels == ((1.0, 2.0),)


def test_other_data_are_refused_and_the_run_stays(first: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(first, tmp_path / "run"))
    other, _ = memory_dataset("tabular", 30, 10)
    before = content(folder)
    with pytest.raises(UsageError, match=r"made from data with class_names .* found \('first'"):
        go_on(folder, other)
    assert content(folder) == before


def content(folder: Path) -> dict[Path, bytes]:
    """Every file of a run."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("model", [True, False])
def test_the_same_data_under_another_name_go_on_under_the_old_one(model: bool, first: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(first, tmp_path / "run"))
    if not model:
        shutil.rmtree(folder / "model")
    renamed = Path(shutil.copytree(WINE, tmp_path / "beer"))
    for part in ("data", "solution"):
        (renamed / f"wine.{part}").rename(renamed / f"beer.{part}")
    result = go_on(folder, renamed)
    files = list_predictions(folder / "predictions")
    assert {path.name for _, path in files} == {f"wine.predict_{k}" for k in range(result.n_predictions)}
    start = read_start(folder / "predictions")
    assert start.task_name == "wine"
    assert sorted(start.timestamps) == list(range(len(files)))
    assert "the run goes on as wine" in (folder / "log.txt").read_text()


@pytest.mark.parametrize("rows", [30, 60])
def test_a_run_without_a_model_is_not_mixed_with_other_data(rows: int, tmp_path: Path) -> None:
    """Killed before its first model, and resumed on other data; nothing of it changes."""
    mine, _ = memory_dataset("tabular", 60, 20)
    run(mine, tmp_path / "run", RunConfig(budget_s=1.0))
    shutil.rmtree(tmp_path / "run" / "model", ignore_errors=True)
    before = content(tmp_path / "run")
    other, _ = memory_dataset("tabular", rows, 20 if rows == 30 else 10)
    with pytest.raises(UsageError, match=r"class shares|made from other data") as caught:
        go_on(tmp_path / "run", other)
    assert "\n" not in str(caught.value)
    assert content(tmp_path / "run") == before


@pytest.mark.parametrize("damage", ["nothing", "no start", "gap", "model", "mixed"])
def test_what_is_no_run_is_told_in_one_line(damage: str, first: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    if damage != "nothing":
        shutil.copytree(first, folder)
    if damage == "no start":
        (folder / "predictions" / "start.txt").unlink()
    if damage == "gap":
        (folder / "predictions" / "wine.predict_0").unlink()
    if damage == "mixed":
        last = list_predictions(folder / "predictions")[-1][1]
        last.rename(last.with_name(last.name.replace("wine", "beer")))
    if damage == "model":
        (folder / "model" / "logits.npz").write_bytes(b"PK nonsense")
    with pytest.raises(UsageError) as caught:
        read_previous_run(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def held_out(folder: Path) -> list[float]:
    """The held-out NAUCs that a run wrote down."""
    lines = (folder / "learning_curve.csv").read_text().splitlines()[1:]
    return [float(line.split(",")[1]) for line in lines if line.split(",")[1]]


@pytest.mark.parametrize("lost", ["model", "logits", "seed"])
def test_without_its_ensemble_no_worse_prediction_follows(lost: str, first: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(first, tmp_path / "run"))
    if lost == "logits":  # too large to be kept
        (folder / "model" / "logits.npz").unlink()
    else:
        shutil.rmtree(folder / "model")
    if lost == "seed":  # after a kill; other rows are held out then
        (folder / "run.json").unlink()
    before, count = held_out(folder), len(list_predictions(folder / "predictions"))
    earlier = read_previous_run(folder)
    assert not earlier.parts
    assert earlier.seed == (None if lost == "seed" else 5)
    assert earlier.to_beat == pytest.approx(before[-1], abs=2e-6)
    earlier.close()
    result = go_on(folder)
    assert held_out(folder)[: len(before)] == before
    assert held_out(folder) == sorted(held_out(folder))
    assert result.n_predictions >= count
    assert lost == "logits" or (folder / "model").exists() == (result.n_predictions > count)


@pytest.mark.parametrize(
    ("curve", "model", "expected"),
    [
        ([None, None, 0.5, 0.75], None, 0.749999),
        ([None, 0.5, 0.75, None], 0.6, 0.749999),  # killed after a prediction, before its model
        ([None, 0.5, 0.75], 0.7500004, 0.7500004),
        ([None, None], 0.6, 0.6),
        ([None], None, None),
    ],
)
def test_what_a_better_prediction_must_beat(
    curve: list[float | None], model: float | None, expected: float | None, tmp_path: Path
) -> None:
    points = tuple({"time": float(k), "held_out_nauc": nauc} for k, nauc in enumerate(curve))
    assert PreviousRun(tmp_path, "set", 5.0, 0.0, points, nauc=model).to_beat == expected


def test_copies_are_removed(first: Path) -> None:
    earlier = read_previous_run(first)
    assert earlier.scratch is not None
    assert [entry.name for entry in earlier.scratch.iterdir()] == ["model"]
    earlier.close()
    assert not earlier.scratch.exists()
