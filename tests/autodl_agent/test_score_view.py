"""Tables of scores, and of a data set, in a terminal: all that came from data is escaped, long lists are cut."""

import json
from typing import Any

import numpy as np
import pytest

from autodl_agent import inspect_view, score_view
from autodl_agent.inspect_view import show_json, show_tables
from autodl_agent.inspection import inspect_opened
from autodl_agent.score_view import show_score
from autodl_agent.testing import memory_dataset
from data_format.dataset import Problem
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


def facts(domain: Any = "tabular") -> dict[str, Any]:
    dataset, _ = memory_dataset(domain)
    dataset.problems.extend(Problem(f"[red]row {i}", "damaged") for i in range(3))
    return inspect_opened(dataset)


@pytest.mark.parametrize("domain", ["tabular", "image", "text", "speech", "video"])
def test_facts_of_every_domain_are_json_and_tables(domain: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = facts(domain)
    show_json(found)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(found))
    show_tables(found)
    said = capsys.readouterr().out
    assert f"memory-{domain}" in said and "60 training, 20 test" in said
    assert "problem: [red]row 0: damaged" in said


def test_long_lists_are_cut_and_counted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHOWN_CLASSES", "SHOWN_PROBLEMS", "SHOWN_COLUMNS"):
        monkeypatch.setattr(inspect_view, name, 2)
    show_tables(facts())
    said = capsys.readouterr().out
    for rest in ("1 classes more", "1 problems more", "5 columns more"):
        assert f"… and {rest} (--json lists all)" in said


def test_columns_with_something_to_say_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    found = facts()
    found["columns"][-1]["leak"] = True
    show_tables(found)
    said = capsys.readouterr().out
    assert said.index("equals the label") < said.index("n0")
