"""What a person sees of an evaluation: the curve as it grows, then tables."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO, final

from autodl_agent.challenge.evaluate import Curve, Row, Watcher, scores_of
from autodl_agent.scoring.ranks import average_ranks

if TYPE_CHECKING:
    from rich.table import Table

_BLOCKS = "▁▂▃▄▅▆▇█"
_COLUMNS = ("submission", "data set", "ALC", "NAUC", "first", "used", "pred.", "status")


@final
class PlainWatcher(Watcher):
    """One line for each new prediction, and one for each end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._shown = 0

    def begin(self, submission: str, dataset: str) -> None:
        """Say what begins."""
        self._shown = 0
        self._print(f"{submission} on {dataset}: starting")

    def update(self, submission: str, dataset: str, curve: Curve) -> None:
        """Show the predictions that were not shown before."""
        for k in range(self._shown, len(curve.seconds)):
            self._print(f"{submission} on {dataset}: {curve.seconds[k]:8.2f} s  NAUC {curve.nauc[k]:.4f}")
        self._shown = len(curve.seconds)

    def end(self, row: Row) -> None:
        """Say how it ended."""
        self._print(f"{row.submission} on {row.dataset}: ALC {row.alc:.4f}  {row.status}: {row.message}")

    def _print(self, line: str) -> None:
        try:
            print(line, file=self.stream, flush=True)
        except (BrokenPipeError, ValueError):  # the reader of the pipe went away; the run goes on
            pass


@final
class LiveWatcher(Watcher):
    """A table that redraws itself: the curve of the run that is on, above it those that have ended."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._rows: list[Row] = []
        self._now: tuple[str, str, Curve] | None = None
        self._live = Live(console=Console(stderr=True), transient=True, refresh_per_second=4)
        self._live.start()

    def begin(self, submission: str, dataset: str) -> None:
        """Add a line."""
        self._now = (submission, dataset, Curve())
        self._draw()

    def update(self, submission: str, dataset: str, curve: Curve) -> None:
        """Draw the curve."""
        self._now = (submission, dataset, curve)
        self._draw()

    def end(self, row: Row) -> None:
        """Keep the result."""
        self._rows.append(row)
        self._now = None
        self._draw()

    def close(self) -> None:
        """Take the table away; the final ones follow."""
        self._live.stop()

    def table(self) -> "Table":
        """What is shown now."""
        from rich.markup import escape

        table = results_table(self._rows)
        if self._now is not None:
            submission, dataset, curve = self._now
            shown = (f"{curve.alc:.4f}", f"{curve.nauc[-1]:.4f}") if curve.nauc else ("", "")
            times = [f"{curve.seconds[i]:.2f} s" for i in (0, -1)] if curve.seconds else ["", ""]
            names = (escape(submission), escape(dataset))
            table.add_row(*names, *shown, *times, str(len(curve.seconds)), sparkline(curve.nauc) or "…")
        return table

    def _draw(self) -> None:
        self._live.update(self.table())


def sparkline(values: Sequence[float], width: int = 24) -> str:
    """The last `width` values as blocks, 0 and less the lowest, 1 the highest."""
    top = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round(min(max(value, 0.0), 1.0) * top)] for value in values[-width:])


def results_table(rows: Sequence[Row]) -> "Table":
    """One line a run."""
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in ("submission", "data set", "status") else "right")
    for row in rows:
        seconds = ["" if value is None else f"{value:.2f} s" for value in (row.first_s, row.used_s)]
        nauc = "" if row.nauc is None else f"{row.nauc:.4f}"
        names = (escape(row.submission), escape(row.dataset))
        table.add_row(*names, f"{row.alc:.4f}", nauc, *seconds, str(row.predictions), row.status)
    return table


def leaderboard_table(rows: Sequence[Row]) -> "Table":
    """One line a submission, best average rank first, with its ALC on every data set."""
    from rich.markup import escape
    from rich.table import Table

    scores = scores_of(rows)
    sets = list(dict.fromkeys(row.dataset for row in rows))
    table = Table("submission", "average rank", *map(escape, sets))
    for name, rank in average_ranks(scores).items():
        values = [f"{scores[name][task]:.4f}" if task in scores[name] else "" for task in sets]
        table.add_row(escape(name), f"{rank:.2f}", *values)
    return table
