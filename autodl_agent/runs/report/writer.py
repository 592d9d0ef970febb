"""The report of a run: pages drawn now and then by a background thread, and a last one when the run is over.

A page may never cost a prediction: `Schedule` says when one is affordable, and neither an example that cannot be
decoded in time nor a full disk ever reaches the run.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from autodl_agent.runs.report import curve_file
from autodl_agent.runs.report.last_page import write_last_page
from autodl_agent.runs.report.page_file import PageFile
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.runs.report.schedule import QUIET_END_S, Schedule
from autodl_agent.system.clock import Budget, Deadline

log = logging.getLogger(__name__)
Look = Callable[[str], ReportData | None]


class Reporter:
    """Draws the page of one run into its folder.

    look: gives the run as it is now, None while there is nothing to see; its argument is why the run ended, or "".
    """

    def __init__(self, folder: Path, budget: Budget, look: Look) -> None:
        self.budget, self.look = budget, look
        self.file, self.schedule = PageFile(folder, budget), Schedule(budget)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, name="report", daemon=True)

    def start(self) -> None:
        """Begin to draw in the background."""
        self._thread.start()

    def finish(self, ended: str, until_s: float) -> None:
        """Draw the last page, and the learning curve as a PNG file where the time allows it.

        ended: why the run is over. until_s: seconds since the budget's zero at which this has returned.
        """
        self._halt()
        try:
            if (data := self.look(ended)) is not None:
                deadline = Deadline(self.budget.started + until_s, self.budget.now)
                write_last_page(self.file, data, deadline, self.schedule.refresh_s())
        except Exception as error:  # a run never ends for its report
            log.warning("no last report: %s: %s", type(error).__name__, error)

    def abandon(self, ended: str) -> None:
        """Stop for a run that broke off: a page that is there already must not wait for more."""
        self._halt()
        if self.file.written and not self.file.closed:
            self.finish(ended, self.budget.elapsed())

    def _halt(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * self.schedule.cost_s + 0.1)

    def _live(self) -> None:
        while not self._stop.wait(self.schedule.pause_s(self.file.decoding_s)):
            if not self.schedule.may_draw(self.file.decoding_s):
                continue
            try:
                data = self.look("")
                if data is None or len(data.curve) < 2:
                    continue
                self._timed(self.file.load, self.schedule.record_loading)
                self._timed(partial(self._draw, data), self.schedule.record_page)
                self._timed(self._load_matplotlib, self.schedule.record_loading)
            except ImportError as error:
                log.warning("no report while the run goes on: %s", error)
                return
            except Exception as error:
                log.warning("no report at %.1f s: %s: %s", self.budget.elapsed(), type(error).__name__, error)

    def _timed(self, work: Callable[[], None], record: Callable[[float], None]) -> None:
        started = self.budget.now()
        try:
            work()
        finally:
            record(self.budget.now() - started)

    def _draw(self, data: ReportData) -> None:
        from autodl_agent.runs.report.evaluation import evaluate

        found = evaluate(data.snapshot, data.task.multilabel, unread=data.store.bad["train"])
        if found is not None:
            rows = [mistake.row for mistake in found.mistakes]
            spare_s = self.schedule.spare_s(self.file.thumbnails(data).spent_s)
            self.file.thumbnails(data).prepare(rows, work_s=spare_s, wait_s=self.schedule.cost_s / 2)
        self.file.write(data, found, self.schedule.refresh_s())

    def _load_matplotlib(self) -> None:
        """Load it in time for the last PNG file, once that is cheap beside the time gone."""
        if curve_file.is_loaded() or self.schedule.spare_s(0.0) < curve_file.MATPLOTLIB_S:
            return
        if self.budget.remaining() > QUIET_END_S + 5 * curve_file.MATPLOTLIB_S:
            curve_file.load()
