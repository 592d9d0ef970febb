import csv
import json

import numpy as np
import pytest

from autodl_agent.errors import UsageError
from autodl_agent.output import RunFolder, log_to, prepare_folder
from autodl_agent.task import Domain, Task
from autodl_agent.testing import FakeClock
from data_format.predictions import list_predictions, read_prediction, read_start

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
    out.finish(True, {"any": "thing"}, np.array([[1, 0], [0, 1], [1, 0]], np.float32))
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
    assert json.loads((tmp_path / "run.json").read_text()) == {"any": "thing"}


def test_nothing_is_written_after_stop(tmp_path):
    out, _ = folder_for(tmp_path)
    out.add(PREDICTION, None)
    out.stop()
    assert out.add(PREDICTION, 0.5) is None
    assert len(list_predictions(tmp_path / "predictions")) == 1


@pytest.mark.parametrize(("multilabel", "likely"), [(False, ["001", "x", "001"]), (True, ["001", "x", "001 x"])])
def test_predictions_for_people(tmp_path, multilabel, likely):
    out, _ = folder_for(tmp_path, multilabel, ("001", "x"))
    out.add(PREDICTION, None)
    out.stop()
    out.finish(True, {}, None)
    rows = read_csv(tmp_path / "predictions.csv")
    assert rows[0] == ["id", "001", "x", "most_likely"]
    assert [row[0] for row in rows[1:]] == IDS
    assert [row[-1] for row in rows[1:]] == likely
    assert read_csv(tmp_path / "learning_curve.csv")[0] == ["time", "held_out_nauc"]


def test_a_folder_with_a_run_is_refused_or_replaced_never_mixed(tmp_path):
    out, _ = folder_for(tmp_path)
    out.add(PREDICTION, None)
    with pytest.raises(UsageError, match="already holds a run"):
        prepare_folder(tmp_path, overwrite=False)
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
    out.finish(True, {}, np.array([[1, 0], [0, 1], [1, 0]], np.float32), seconds=-1.0)
    scores = [line[2] for line in read_csv(tmp_path / "learning_curve.csv")[1:]]
    assert scores == ["", "", "1.000000"]
    assert all("test_nauc" not in point for point in out.curve)
