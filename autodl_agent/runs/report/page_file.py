"""`report.html` of a run: what its pages share from one to the next, and the rule that the last one stays."""

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.system.clock import Budget
from data_format.atomic import write_atomic

if TYPE_CHECKING:
    from autodl_agent.runs.report.evaluation import Evaluation
    from autodl_agent.runs.report.thumbnails import Thumbnails

FILE_NAME = "report.html"
_WRITING_S = 0.1
_TEMPLATES_S = 0.15  # to import jinja2 and compile the templates on one core


class PageFile:
    """The page in the folder of a run. written: how many pages there were so far."""

    def __init__(self, folder: Path, budget: Budget) -> None:
        self.folder, self.budget = folder, budget
        self.written = 0
        self.closed = False  # once the last page is written
        self._lock = threading.Lock()
        self._thumbnails: Thumbnails | None = None
        self._environment: dict[str, Any] = {}

    def cost_s(self) -> float:
        """Seconds that `write` will take, imports included where they are not done."""
        return _WRITING_S if "jinja2" in sys.modules else _WRITING_S + _TEMPLATES_S

    @property
    def decoding_s(self) -> float:
        """Seconds spent on examples so far."""
        return self._thumbnails.spent_s if self._thumbnails else 0.0

    def thumbnails(self, data: ReportData) -> "Thumbnails":
        """The examples of the run, which all its pages share."""
        from autodl_agent.runs.report.thumbnails import Thumbnails

        if self._thumbnails is None:
            self._thumbnails = Thumbnails(data.store, self.budget.now)
        return self._thumbnails

    @staticmethod
    def load() -> None:
        """Import what pages need and compile the templates. Raises ImportError where jinja2 is not installed."""
        from autodl_agent.runs.report import page, page_facts  # noqa: F401

        page.load_templates()

    def write(self, data: ReportData, found: "Evaluation | None", refresh_s: int) -> None:
        """Replace the page, unless the last one is written: a page that comes late never replaces it.

        Raises OSError as the file system gives it.
        """
        from autodl_agent.runs.report.page import render
        from autodl_agent.runs.report.page_facts import page_facts
        from autodl_agent.system.environment import environment

        self._environment = self._environment or environment()
        page = render(page_facts(data, found, self.thumbnails(data), self._environment, refresh_s))
        with self._lock:
            if self.closed:
                return
            self.closed = not data.running
            write_atomic(self.folder / FILE_NAME, page.encode("utf-8"))
            self.written += 1
