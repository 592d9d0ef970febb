"""When the page is drawn: now and then in a thread of its own while the run goes on, and once when it is over.

A page may never cost a prediction: all drawing together takes at most SHARE of the time gone, none starts shortly
before the end, and neither an example that cannot be decoded in time nor a full disk ever reaches the run.
"""

import logging
import math
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.system.clock import Budget
from data_format.atomic import write_atomic

if TYPE_CHECKING:
    from autodl_agent.runs.report.thumbnails import Exhibits

log = logging.getLogger(__name__)
PAGE, PICTURE = "report.html", "learning_curve.png"
SHARE = 0.03  # of the time gone that drawing may take
FIRST_GUESS_S = 0.1  # of the first page, imports included
SHORTEST_S, LONGEST_S = 2.0, 30.0  # between two pages
GROWTH = 0.04  # of the time gone that lies between two pages at least
QUIET_END_S = 1.0  # before the end of the budget nothing is drawn
MATPLOTLIB_S, PICTURE_S = 0.7, 0.25  # to import it on one core; to draw with it
PAGE_S = 0.1  # to write the last page
ALL_CELLS = 1_000_000  # rows × classes looked at when the run is over: about 0.3 s
Look = Callable[[str], ReportData | None]


class Reporter:
    """Draws the page of one run into its folder.

    look: gives the run as it is now, None while there is nothing to see; its argument is why the run ended, or "".
    """

    def __init__(self, folder: Path, budget: Budget, look: Look) -> None:
        self.folder, self.budget, self.look = folder, budget, look
        self.pages, self.spent_s = 0, 0.0
        self._cost = FIRST_GUESS_S
        self._last = 0.0
        self._exhibits: Exhibits | None = None
        self._environment: dict[str, Any] = {}
        self._stop = threading.Event()
        self._over = False
        self._lock = threading.Lock()  # of the file: a late live page never replaces the last one
        self._thread = threading.Thread(target=self._live, name="report", daemon=True)

    def start(self) -> None:
        """Begin to draw in the background."""
        self._thread.start()

    def finish(self, ended: str, until_s: float) -> None:
        """Draw the last page, and the learning curve as a picture where the time allows it.

        ended: why the run is over. until_s: seconds since the budget's zero at which this has returned.
        """
        self._halt()
        try:
            self._last_page(ended, until_s)
        except Exception as error:  # a run never ends for its report
            log.warning("no last report: %s: %s", type(error).__name__, error)

    def abandon(self, ended: str) -> None:
        """Stop for a run that broke off: a page that is there already must not wait for more."""
        self._halt()
        if self.pages and not self._over:
            self.finish(ended, self.budget.elapsed())

    def _halt(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * self._cost + 0.1)

    def _live(self) -> None:
        while not self._stop.wait(self._pause()):
            if self._pause() > 0.1 or self.budget.remaining() < QUIET_END_S + 4 * self._cost:
                continue
            started = self.budget.now()
            try:
                scene = self.look("")
                if scene is None or len(scene.curve) < 2:
                    continue
                self._draw(scene)
                self._load_matplotlib()
            except Exception as error:
                log.warning("no report at %.1f s: %s: %s", self.budget.elapsed(), type(error).__name__, error)
            self._cost = self.budget.now() - started
            self.spent_s += self._cost
            self._last = self.budget.elapsed()

    def _pause(self) -> float:
        """Seconds until the next page may be drawn, at least 0.1 and at most 1."""
        gone = self.budget.elapsed()
        return min(1.0, max(0.1, self._due() - gone))

    def _due(self) -> float:
        """When, in seconds since the budget's zero, the next page is due and affordable."""
        decoding = self._exhibits.spent_s if self._exhibits else 0.0
        affordable = (self.spent_s + decoding + self._cost) / SHARE
        return max(affordable, self._last + min(LONGEST_S, max(SHORTEST_S, GROWTH * self._last)))

    def _draw(self, scene: ReportData) -> None:
        from autodl_agent.runs.report.evaluation import evaluate

        found = evaluate(scene.snapshot, scene.task.multilabel, unread=scene.store.bad["train"])
        exhibits = self._exhibits_of(scene)
        if found is not None:
            affordable = SHARE * self.budget.elapsed() - self.spent_s - exhibits.spent_s - self._cost
            exhibits.prepare([mistake.row for mistake in found.mistakes], work_s=affordable, wait_s=self._cost / 2)
        self._write(scene, found)

    def _last_page(self, ended: str, until_s: float) -> None:
        from autodl_agent.runs.report.data_checks import Checks
        from autodl_agent.runs.report.evaluation import MOST_CELLS, evaluate

        scene = self.look(ended)
        if scene is None:
            return
        left = until_s - self.budget.elapsed()
        checks = Checks(scene.dataset)
        cells = ALL_CELLS if left > 1 else MOST_CELLS
        found = evaluate(scene.snapshot, scene.task.multilabel, cells, scene.store.bad["train"])
        picture_s = PICTURE_S if "matplotlib.figure" in sys.modules else MATPLOTLIB_S + PICTURE_S
        if found is not None:
            left = until_s - self.budget.elapsed()
            # The picture comes first where both fit only just: it is read by programs and shown in documents.
            wait = left - picture_s - 0.1 if left > picture_s + 0.1 else min(0.15, left - 0.1)
            self._exhibits_of(scene).prepare([m.row for m in found.mistakes], work_s=max(0.0, wait), wait_s=wait)
        left = until_s - self.budget.elapsed()
        scene = replace(scene, checks=checks.wait(left - picture_s - PAGE_S if left > picture_s else left - PAGE_S))
        self._write(scene, found)
        if self.budget.elapsed() + picture_s <= until_s:
            self._picture(scene)
        else:
            log.info("no %s: %.2f s would be needed for it", PICTURE, picture_s)

    def _write(self, scene: ReportData, found: Any) -> None:
        from autodl_agent.runs.report.page import render
        from autodl_agent.system.environment import environment

        self._environment = self._environment or environment()
        interval = max(SHORTEST_S, min(LONGEST_S, max(self._cost / SHARE, GROWTH * self.budget.elapsed())))
        page = render(scene, found, self._exhibits_of(scene), self._environment, math.ceil(interval))
        with self._lock:
            if self._over:
                return
            self._over = not scene.running
            # Names may hold halves of surrogate pairs; `render` shows them as boxes, this is for what it missed.
            write_atomic(self.folder / PAGE, page.encode("utf-8", "replace"))
            self.pages += 1

    def _exhibits_of(self, scene: ReportData) -> "Exhibits":
        from autodl_agent.runs.report.thumbnails import Exhibits

        if self._exhibits is None:
            self._exhibits = Exhibits(scene.store, self.budget.now)
        return self._exhibits

    def _load_matplotlib(self) -> None:
        """Load it in time for the last picture, once that is cheap beside the time gone."""
        affordable = self.spent_s + self._cost + MATPLOTLIB_S <= SHARE * self.budget.elapsed()
        if (
            affordable
            and self.budget.remaining() > QUIET_END_S + 5 * MATPLOTLIB_S
            and "matplotlib.figure" not in sys.modules
        ):
            import matplotlib.backends.backend_agg
            import matplotlib.figure  # noqa: F401

    def _picture(self, scene: ReportData) -> None:
        from autodl_agent.runs.report.curve_png import draw_curve

        test = scene.learning_curve("test_nauc")
        curve = test or scene.learning_curve("held_out_nauc")
        if curve is not None:
            rows = "test rows" if test is not None else "held-out rows"
            draw_curve(self.folder / PICTURE, curve, scene.task.name, rows=rows)
