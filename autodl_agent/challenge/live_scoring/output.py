"""What the scoring program shows: `scores.txt`, the plot of the curve and the page, brought up to date together.

Scores never wait for how they look: where matplotlib or jinja2 is missing, a line of the log says so instead.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from autodl_agent.challenge.live_scoring.html_page import PAGE_NAME, write_page, write_waiting_page
from autodl_agent.challenge.live_scoring.scores_txt import write_scores
from autodl_agent.scoring.alc import T0_S, LearningCurve
from autodl_agent.scoring.report import ScoreReport
from data_format.errors import DataError

# Drawing takes this share of the time at most: the submission may run on the same processors.
_DRAWING_SHARE = 0.1
_DRAW_EVERY_S = 1.0


class Board:
    """The files of one task in the score folder; plot: the path of `learning-curve-NAME.png`.

    Methods raise OSError where scores or page cannot be written; a plot that cannot be made is only reported.
    """

    def __init__(self, folder: Path, task: str, one_hot: bool, t0: float = T0_S, log: TextIO | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.task, self.t0, self.log = folder, task, t0, log
        self.plot = folder / f"learning-curve-{task}.png"
        self.messages: list[str] = []
        self._one_hot = one_hot
        self._stale = False
        self._next_drawing = 0.0
        self._logged = 0

    def wait(self) -> None:
        """Show that nothing has begun; nothing of an earlier scoring is left to be taken for this one's."""
        with suppress(OSError):  # also of a name too long for a file
            self.plot.unlink()
        write_scores(self.folder, None, self._one_hot)
        self._write_page(lambda: write_waiting_page(self.folder, self.task))

    def say(self, message: str) -> None:
        """A line for the page and the log."""
        self.messages.append(message)
        self._print(message)

    def show(self, report: ScoreReport, changed: bool) -> None:
        """While the run goes on: the scores at once where they changed, plot and page as often as is cheap."""
        if changed:
            # Before the first drawing, which has to import its library.
            write_scores(self.folder, report, self._one_hot)
            self._log_new(report)
            self._stale = True
        if self._stale and time.monotonic() >= self._next_drawing:
            began = time.monotonic()
            self._draw(report, running=True)
            took = time.monotonic() - began
            self._next_drawing = began + max(_DRAW_EVERY_S, took / _DRAWING_SHARE)
            self._stale = False

    def close(self, report: ScoreReport | None, budget: float, bars: bool) -> None:
        """The last state, without reloading. budget: seconds, for an empty plot where there is no report."""
        write_scores(self.folder, report, self._one_hot, bars)
        if report is not None:
            self._log_new(report)
        self._draw(report, running=False, budget=budget)

    def _draw(self, report: ScoreReport | None, running: bool, budget: float = 0.0) -> None:
        """Plot and page; only the page where matplotlib cannot draw the plot."""
        from autodl_agent.runs.report.curve_png import describe_curve, draw_curve

        curve = report.curve if report else LearningCurve((), (), budget)
        words, plot = "", None
        try:
            words = describe_curve(curve, self.task, self.t0)
            draw_curve(self.plot, curve, self.task, self.t0, "no prediction yet" if running else "no prediction")
            plot = self.plot.read_bytes()
        except (ImportError, OSError, RuntimeError, ValueError, DataError) as error:
            # The numbers are worth more than the plot; a page without one is still a page.
            self._say_once(f"the learning curve could not be drawn ({error})")
        self._write_page(lambda: write_page(self.folder, self.task, report, plot, words, self.messages, running))

    def _write_page(self, write: Callable[[], None]) -> None:
        """Write the page; without jinja2, a line in the log and no page of an earlier scoring."""
        try:
            write()
        except ImportError as error:
            (self.folder / PAGE_NAME).unlink(missing_ok=True)
            self._say_once(f"{PAGE_NAME} is not written: {error} (pip install jinja2)")

    def _say_once(self, message: str) -> None:
        if message not in self.messages:
            self.say(message)

    def _log_new(self, report: ScoreReport) -> None:
        """A line for each prediction that is new since the last time."""
        for row in report.predictions[self._logged :]:
            late = ", late, does not count" if row.late else ""
            self._print(f"{row.file} at {row.seconds:.2f} s: NAUC {row.nauc:.4f}{late}, ALC {report.alc:.4f}")
        self._logged = len(report.predictions)

    def _print(self, line: str) -> None:
        if self.log is not None:
            print(f"scoring: {line}".replace("\n", " "), file=self.log, flush=True)
