"""The last page of a run, as complete as the time that is left allows, and its learning curve as a PNG file."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from autodl_agent.runs.report import curve_file
from autodl_agent.runs.report.page_file import PageFile
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.system.clock import Deadline

if TYPE_CHECKING:
    from autodl_agent.runs.report.evaluation import Evaluation

log = logging.getLogger(__name__)
_ALL_CELLS = 1_000_000  # rows × classes to evaluate where there is a second: about 0.3 s
_SHORT_WAIT_S = 0.15  # for examples where the PNG file does not fit in any more


def write_last_page(file: PageFile, data: ReportData, deadline: Deadline, refresh_s: int) -> None:
    """Write the page, and the PNG file where the time until the deadline is enough for it, too.

    Raises OSError as the file system gives it.
    """
    from autodl_agent.runs.report.data_checks import Checks

    checks = Checks(data.dataset)
    found = _evaluate(data, deadline)
    curve_s = curve_file.cost_s()
    if found is not None:
        rows = [mistake.row for mistake in found.mistakes]
        wait_s = _wait_for_examples_s(deadline.remaining(), file.cost_s(), curve_s)
        file.thumbnails(data).prepare(rows, work_s=max(0.0, wait_s), wait_s=wait_s)
    left_s = deadline.remaining()
    notes = checks.wait(left_s - file.cost_s() - (curve_s if left_s > curve_s else 0.0))
    file.write(replace(data, checks=notes), found, refresh_s)
    if curve_s <= deadline.remaining():
        curve_file.write_curve(file.folder, data)
    else:
        log.info("no %s: %.2f s would be needed for it", curve_file.FILE_NAME, curve_s)


def _evaluate(data: ReportData, deadline: Deadline) -> "Evaluation | None":
    from autodl_agent.runs.report.evaluation import MOST_CELLS, evaluate

    cells = _ALL_CELLS if deadline.remaining() > 1 else MOST_CELLS
    return evaluate(data.snapshot, data.task.multilabel, cells, data.store.bad["train"])


def _wait_for_examples_s(left_s: float, page_s: float, curve_s: float) -> float:
    """The PNG file goes first where both fit only just: programs read it and documents show it."""
    spare_s = left_s - page_s - curve_s
    return spare_s if spare_s > 0 else min(_SHORT_WAIT_S, left_s - page_s)
