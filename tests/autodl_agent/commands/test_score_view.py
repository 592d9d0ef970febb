"""Tables of scores in a terminal: all that came from data is escaped, long lists are cut."""

import json

import numpy as np
import pytest

from autodl_agent.commands import score_view
from autodl_agent.commands.score_view import show_score
from data_format.predictions import append_timestamp, write_prediction, write_start


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def scored(tmp_path, monkeypatch: pytest.MonkeyPatch):
    truth = np.eye(3)[np.arange(12) % 3]
    np.savetxt(tmp_path / "set.solution", np.column_stack([truth, np.zeros(12)]), fmt="%d")
    folder = tmp_path / "predictions"
    folder.mkdir()
    (folder / "classes.txt").write_text("[bold]red\ngreen\nblue\nnever\n")
    write_start(folder, "set", 60, 1000.0, 1)
    write_prediction(folder, "set", 0, np.column_stack([truth, np.zeros(12)]))
    append_timestamp(folder, 0, 1002.5)
    write_prediction(folder, "set", 1, np.full((12, 4), 0.5))
    append_timestamp(folder, 1, 1090.0)
    return folder, tmp_path / "set.solution"


def test_scores_as_tables(scored, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_view, "SHOWN_CLASSES", 1)
    show_score(*scored, None, 60.0, False)
    said = capsys.readouterr().out
    assert "2.50" in said and "1.0000" in said and "late, does not count" in said
    assert "[bold]red" in said and "green" not in said.split("classes more")[0]
    assert "… and 3 classes more (--json lists all)" in said
    assert "(T = 60 s, t0 = 60 s)" in said


def test_a_class_of_one_value_is_said_to_be_left_out(scored, capsys: pytest.CaptureFixture[str]) -> None:
    show_score(*scored, None, 60.0, False)
    assert "one value only, left out" in capsys.readouterr().out


def test_scores_as_json(scored, capsys: pytest.CaptureFixture[str]) -> None:
    show_score(*scored, 120.0, 30.0, True)
    found = json.loads(capsys.readouterr().out)
    assert found["alc"] > 0
