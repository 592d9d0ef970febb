"""Facts of a data set in a terminal: all that came from data is escaped, long lists are cut."""

import json
from typing import Any

import pytest

from autodl_agent.commands import inspect_view
from autodl_agent.commands.inspect_view import show_json, show_tables
from autodl_agent.data.inspection.summary import inspect_opened
from autodl_agent.learners.testing.contract import memory_dataset
from data_format.dataset import Problem


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


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
