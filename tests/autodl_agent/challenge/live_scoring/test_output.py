"""What the scoring program shows while a run goes on and when it is over."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autodl_agent.challenge.live_scoring import output as module
from autodl_agent.challenge.live_scoring.output import Board
from autodl_agent.runs.report.html_templates import template_environment
from autodl_agent.scoring.report import score_folder
from data_format.predictions import append_timestamp, write_prediction, write_start

TRUTH = np.eye(2)[np.arange(12) % 2]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Plots that were asked for; one is a file of its title."""
    plots: list[str] = []

    def draw(path: Path, curve: Any, task: str, t0: float, empty: str) -> None:
        plots.append(empty)
        path.write_bytes(b"\x89PNG plot")

    monkeypatch.setattr("autodl_agent.runs.report.curve_png.draw_curve", draw)
    return plots


def report(folder: Path, predictions: int) -> Any:
    folder.mkdir()
    np.savetxt(folder / "set.solution", TRUTH, fmt="%d")
    write_start(folder, "set", 60, 1000.0, 1)
    for k in range(predictions):
        write_prediction(folder, "set", k, TRUTH * 0.5 + 0.25)
        append_timestamp(folder, k, 1000.0 + 40 * (k + 1))
    return score_folder(folder, folder / "set.solution", None, 60.0)


def test_an_earlier_scoring_is_not_taken_for_this_one(tmp_path: Path, drawn: list[str]) -> None:
    board = Board(tmp_path / "new", "set", True)
    board.plot.write_bytes(b"old")
    board.wait()
    assert not board.plot.exists()
    assert (tmp_path / "new" / "scores.txt").is_file() and list((tmp_path / "new").glob("*.html"))


def test_new_predictions_are_logged_once(tmp_path: Path, drawn: list[str]) -> None:
    log = io.StringIO()
    board = Board(tmp_path / "out", "set", True, log=log)
    found = report(tmp_path / "in", 2)
    board.show(found, changed=True)
    board.show(found, changed=True)
    board.close(found, 60, bars=False)
    first, second = log.getvalue().splitlines()
    assert first.startswith("scoring: set.predict_0 at 40.00 s: NAUC 1.0000, ALC ")
    assert "late, does not count" in second and "late" not in first


def test_plots_are_drawn_as_often_as_is_cheap(
    tmp_path: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    board, found = Board(tmp_path / "out", "set", True), report(tmp_path / "in", 1)
    board.show(found, changed=True)
    board.show(found, changed=True)
    assert len(drawn) == 1
    clock[0] += 2
    board.show(found, changed=False)  # what changed too early for a plot is drawn now
    clock[0] += 2
    board.show(found, changed=False)
    assert len(drawn) == 2


def test_the_last_state_stands_still(tmp_path: Path, drawn: list[str]) -> None:
    board = Board(tmp_path / "out", "set", True)
    board.close(report(tmp_path / "in", 1), 60, bars=True)
    (page,) = (tmp_path / "out").glob("*.html")
    assert "refresh" not in page.read_text().lower() and board.plot.read_bytes().startswith(b"\x89PNG")
    assert drawn == ["no prediction"]


@pytest.mark.parametrize("error", [ImportError("no matplotlib"), OSError("full"), ValueError("odd")])
def test_a_page_without_a_plot_is_still_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*facts: Any) -> None:
        raise error

    monkeypatch.setattr("autodl_agent.runs.report.curve_png.draw_curve", fail)
    board = Board(tmp_path / "out", "set", True)
    for _ in range(2):
        board.close(report(tmp_path / "in", 1) if not (tmp_path / "in").exists() else None, 60, bars=False)
    assert board.messages == [f"the learning curve could not be drawn ({error})"]
    assert list((tmp_path / "out").glob("*.html"))


def test_without_jinja2_the_scores_are_written_and_the_log_says_why(
    tmp_path: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    template_environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    log, out = io.StringIO(), tmp_path / "out"
    board = Board(out, "set", True, log=log)
    (out / "detailed_results.html").write_text("of an earlier scoring")
    board.wait()
    board.close(report(tmp_path / "in", 1), 60, bars=False)
    assert log.getvalue().count("detailed_results.html is not written") == 1 and "jinja2" in log.getvalue()
    assert "score: " in (out / "scores.txt").read_text() and list(out.glob("*.html")) == []
