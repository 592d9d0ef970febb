"""`detailed_results.html`: the learning curve of one task, its numbers, and what went wrong; for a browser or CodaLab.

The page is self-contained (the plot is inlined), reloads itself every five seconds while the run goes on, and is
replaced as a whole, so that a reader never meets half of it or pieces of an older run. All functions that write one
raise OSError as the file system gives it, and ImportError where jinja2 is not installed.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autodl_agent.runs.report.html_templates import template_environment
from autodl_agent.scoring.report import PredictionScore, ScoreReport
from data_format.atomic import write_atomic

PAGE_NAME = "detailed_results.html"
REFRESH_S = 5
# A run of thousands of predictions still gives a page that opens at once: the first and the last ones are shown.
_SHOWN_ROWS = 500


@dataclass(frozen=True)
class PredictionTable:
    """Predictions in the order of time. left_out: how many there are between `first` and `last`.

    has_accuracy: whether any has a soft accuracy.
    """

    first: tuple[PredictionScore, ...]
    left_out: int
    last: tuple[PredictionScore, ...]
    has_accuracy: bool


@dataclass(frozen=True)
class SetFacts:
    """A data set among several. failed: whether the score only stands in for a missing one.

    plot: a `data:` address, as `inline_png` gives it.
    """

    number: int
    score: float
    failed: bool
    plot: str


def write_waiting_page(folder: Path, task: str) -> None:
    """The page before the run has begun."""
    _write(folder, "waiting.html.j2", title=f"Results of task {task}", refresh_s=REFRESH_S)


def write_page(
    folder: Path,
    task: str,
    report: ScoreReport | None,
    plot: bytes | None,
    alternative: str = "",
    messages: Sequence[str] = (),
    running: bool = False,
) -> None:
    """Write the page of one task.

    report: None where nothing could be scored. plot: the PNG, None for none; alternative: its text. messages: one
    line each, shown above the problems of the report. running: whether the page reloads itself.
    """
    _write(
        folder,
        "task.html.j2",
        title=f"Results of task {task}",
        refresh_s=REFRESH_S if running else None,
        report=report,
        table=None if report is None else prediction_table(report),
        plot=None if plot is None else inline_png(plot),
        alternative=alternative,
        messages=messages,
    )


def write_sets_page(folder: Path, sets: Sequence[SetFacts]) -> None:
    """Write the page of several data sets."""
    _write(folder, "sets.html.j2", title="Detailed results", refresh_s=None, sets=sets)


def prediction_table(report: ScoreReport) -> PredictionTable:
    """All predictions of a report; of very many, the first and the last ones."""
    rows, half = report.predictions, _SHOWN_ROWS // 2
    has_accuracy = any(row.accuracy is not None for row in rows)
    if len(rows) <= _SHOWN_ROWS:
        return PredictionTable(rows, 0, (), has_accuracy)
    return PredictionTable(rows[:half], len(rows) - 2 * half, rows[-half:], has_accuracy)


def inline_png(png: bytes) -> str:
    """A `data:` address that carries the PNG itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _write(folder: Path, template: str, **facts: Any) -> None:
    environment = template_environment("autodl_agent.challenge.live_scoring")
    write_atomic(folder / PAGE_NAME, environment.get_template(template).render(facts).encode("utf-8"))
