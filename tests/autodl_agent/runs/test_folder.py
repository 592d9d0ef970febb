import csv
import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.data.task import Domain, Task
from autodl_agent.learners.testing.contract import FakeClock
from autodl_agent.runs.folder import RunFolder, discard_run, log_to, prepare_folder, restore_log
from autodl_agent.system.errors import UsageError
from data_format.dataset import Problem
from data_format.predictions import list_predictions, prediction_text, read_prediction, read_start

PREDICTION = np.array([[0.9, 0.1], [0.2, 0.7], [0.6, 0.55]], np.float32)
IDS = ["test/a.png", "test/b,c.png", "test/d\ne.png"]


def folder_for(tmp_path, multilabel=False, classes=("001", 'été, or "x"')):
    clock = FakeClock()
    task = Task("my set", Domain.IMAGE, "", classes, 9, 3, (1, 8, 8, 3), multilabel, (5, 4))
    out = RunFolder(tmp_path, clock.budget(60), task, IDS)
    out.open()
    return out, clock


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_whole_run_on_disk(tmp_path):
    out, clock = folder_for(tmp_path)
    clock.at += 2
    assert out.add(PREDICTION, None) == 2
    out.judge_last(0.4)
    clock.at += 3
    out.add(1 - PREDICTION, 0.8)
    assert out.stop() == 2
    out.finish(True, {"any": "thing"}, truth=lambda: np.array([[1, 0], [0, 1], [1, 0]], np.float32))
    assert (tmp_path / "classes.txt").read_text(encoding="utf-8").splitlines() == ["001", 'été, or "x"']
    assert (tmp_path / "test_rows.txt").read_text(encoding="utf-8").splitlines() == [*IDS[:2], "test/d\\ne.png"]
    start = read_start(tmp_path / "predictions")
    assert [start.timestamps[k] - start.start_time for k in (0, 1)] == [2, 5]
    assert len(list_predictions(tmp_path / "predictions", "my set")) == 2
    assert np.allclose(read_prediction(tmp_path / "predictions" / "my set.predict_1"), 1 - PREDICTION)
    curve = read_csv(tmp_path / "learning_curve.csv")
    assert curve[0] == ["time", "held_out_nauc", "test_nauc"]
    assert [float(v) for v in curve[1][:2]] == [2, 0.4]
    assert float(curve[1][2]) == 1 and float(curve[2][2]) == -1
    assert json.loads((tmp_path / "run.json").read_text())["any"] == "thing"


def test_nothing_is_written_after_stop(tmp_path):
    out, _ = folder_for(tmp_path)
    out.add(PREDICTION, None)
    out.stop()
    assert out.add(PREDICTION, 0.5) is None
    assert len(list_predictions(tmp_path / "predictions")) == 1


def other(out, **changes):
    """The folder as a resumed run on other data sees it."""
    ids = changes.pop("ids", out.test_ids)
    return RunFolder(out.folder, out.budget, replace(out.task, **changes), ids)


def test_a_run_of_the_same_data_is_gone_on_with_and_its_lists_stay(tmp_path):
    out, _ = folder_for(tmp_path)
    out.add(np.tile(out.task.class_priors, (3, 1)), None)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.txt")}
    again = other(out)
    again.check_same()
    again.resume(out.curve)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.txt")} == before
    (tmp_path / "test_rows.txt").unlink()
    again.check_same()
    again.resume(out.curve)
    assert (tmp_path / "test_rows.txt").read_text(encoding="utf-8").splitlines() == [*IDS[:2], "test/d\\ne.png"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ids": IDS[:2]}, r"test_rows.txt: made from other data: 3 lines there, 2 in the data"),
        ({"ids": ["x", *IDS[1:]]}, r"test_rows.txt: made from other data: line 1 is 'test/a.png', 'x' in the data"),
        ({"class_names": ("001", "b")}, r"classes.txt: made from other data: line 2 is 'été, or .*', 'b' in the data"),
        ({"class_counts": (4, 5)}, r"class shares 0.55\d* 0.4\d* …, found 0.4\d* 0.55"),
        ({"n_train": 20}, r"class shares 0\.55"),
    ],
)
def test_a_run_of_other_data_is_told_and_nothing_is_written(tmp_path, changes, says):
    out, _ = folder_for(tmp_path)
    out.add(np.tile(out.task.class_priors, (3, 1)), None)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=says):
        other(out, **changes).check_same()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("line", [b"", b"not numbers\n", b"0.1 0.2 0.7\n"])
def test_a_first_prediction_that_is_no_row_of_shares_is_told(tmp_path, line):
    out, _ = folder_for(tmp_path)
    out.add(PREDICTION, None)
    (tmp_path / "predictions" / "my set.predict_0").write_bytes(line)
    with pytest.raises(UsageError, match="class shares"):
        out.check_same()


def test_the_log_of_a_refused_run_goes_and_that_of_the_run_before_stays(tmp_path):
    (tmp_path / "log.txt").write_text("old\nnew\n")
    restore_log(tmp_path, 4)
    assert (tmp_path / "log.txt").read_text() == "old\n"
    discard_run(tmp_path, True)
    assert not (tmp_path / "log.txt").exists() and tmp_path.exists()


def test_a_folder_with_a_run_is_refused_or_replaced_never_mixed(tmp_path):
    out, _ = folder_for(tmp_path)
    out.add(PREDICTION, None)
    with pytest.raises(UsageError, match="already holds a run"):
        prepare_folder(tmp_path, overwrite=False)
    prepare_folder(tmp_path, overwrite=True)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_goes_with_it(tmp_path):
    folder_for(tmp_path)
    (tmp_path / ".model-123.new" / "parts").mkdir(parents=True)
    (tmp_path / ".tmp_abc").write_text("half a file")
    prepare_folder(tmp_path, overwrite=True)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_other_files_is_never_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        prepare_folder(tmp_path, overwrite=True)
    with pytest.raises(UsageError, match="is a file"):
        prepare_folder(tmp_path / "thesis.tex", overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot make the output folder"):
        prepare_folder(tmp_path / "file" / "below", overwrite=False)


def test_log_lines_carry_the_seconds_of_the_budget(tmp_path):
    import logging

    clock = FakeClock()
    handler = log_to(tmp_path / "log.txt", clock.budget(60))
    try:
        clock.at += 1.5
        logging.getLogger("autodl_agent.test").info("hello")
    finally:
        logging.getLogger("autodl_agent").removeHandler(handler)
        handler.close()
    assert (tmp_path / "log.txt").read_text().split() == ["1.500", "INFO", "hello"]


def test_predictions_that_cannot_be_scored_in_time_are_left_blank(tmp_path):
    out, _ = folder_for(tmp_path)
    for k in range(3):
        out.add(PREDICTION, 0.1 * k)
    out.stop()
    # One look before the rows for people, one before the truth, one before each prediction.
    left = iter([1.0, 1.0, 1.0, 0.0])
    out.finish(True, {}, truth=lambda: np.array([[1, 0], [0, 1], [1, 0]], np.float32), left=lambda: next(left))
    scores = [line[2] for line in read_csv(tmp_path / "learning_curve.csv")[1:]]
    assert scores == ["", "", "1.000000"]
    assert all("test_nauc" not in point for point in out.curve)


def test_without_time_what_is_quick_is_written_and_nothing_half(tmp_path, caplog):
    out, _ = folder_for(tmp_path)
    out.add(PREDICTION, 0.1)
    out.stop()

    def unread():
        raise AssertionError("the truth is not read")

    out.finish(True, {"any": "thing"}, [Problem("a", "b")], truth=unread, left=lambda: 0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("classes.txt", "learning_curve.csv", "predictions", "run.json", "skipped.csv", "test_rows.txt")
    ]
    assert read_csv(tmp_path / "learning_curve.csv")[0] == ["time", "held_out_nauc"]
    assert read_csv(tmp_path / "skipped.csv")[1:] == [["a", "b"]]
    assert "no predictions.csv" in caplog.text and "predict_0" in caplog.text


def test_what_reading_the_truth_brings_to_light_is_told(tmp_path):
    out, _ = folder_for(tmp_path)
    out.add(PREDICTION, 0.1)
    problems = [Problem("a", "b")]

    def truth():
        problems.append(Problem("test.csv", "a class seen in no training row"))

    out.finish(True, {}, problems, truth=truth)
    assert read_csv(tmp_path / "skipped.csv")[1:] == [["a", "b"], ["test.csv", "a class seen in no training row"]]
    facts = json.loads((tmp_path / "run.json").read_text())
    assert len(facts["skipped"]) == 2 and facts["skipped_by_reason"]["b"] == 1


def test_only_large_results_have_to_be_begun_before_the_end(tmp_path):
    out, _ = folder_for(tmp_path)
    assert out.early_s == 0
    out.task = replace(out.task, n_test=100_000, class_names=tuple(map(str, range(100))))
    assert 1 < out.early_s < 5
    out.task = replace(out.task, n_test=10**8)
    assert out.early_s == pytest.approx(6)  # a tenth of the budget


def test_who_closes_the_folder_does_not_wait_for_a_prediction_to_become_text(tmp_path, monkeypatch):
    out, _ = folder_for(tmp_path)
    out.add(PREDICTION, None)
    begun, go_on = threading.Event(), threading.Event()

    def slowly(path, prediction):
        begun.set()
        go_on.wait(20)
        return prediction_text(path, prediction)

    monkeypatch.setattr("autodl_agent.runs.folder.prediction_text", slowly)
    writing = threading.Thread(target=out.add, args=(PREDICTION, None), daemon=True)
    writing.start()
    assert begun.wait(20)
    assert out.stop() == 1
    go_on.set()
    writing.join(20)
    assert [path.name for path in sorted(out.predictions.iterdir())] == ["my set.predict_0", "start.txt"]
