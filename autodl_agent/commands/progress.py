"""What a person sees while a run goes on: a live line in a terminal, plain lines when piped, nothing when quiet."""

import sys
import threading
from typing import TextIO

from autodl_agent.data.inspection.task_warnings import task_notes
from autodl_agent.data.task import Task
from autodl_agent.engine.rounds import Round
from autodl_agent.system.clock import Budget


class PlainProgress:
    """One line a round, for pipes, log files and terminals that cannot move the cursor."""

    def __init__(self, budget: Budget, stream: TextIO | None = None) -> None:
        self.budget, self.stream = budget, stream or sys.stderr

    def watch(self, task: Task, played: Round, written: float | None) -> None:
        """Print what the round brought."""
        if played.number == 0:
            self._introduce(task)
        parts = [f"{played.ended_s:7.2f} s", f"round {played.number}", played.learner]
        if played.ensemble_nauc is not None:
            parts.append(f"held-out NAUC {played.ensemble_nauc:.4f}")
        if written is not None:
            parts.append("prediction written")
        if played.error:
            parts.append(f"failed: {played.error}")
        self._print("  ".join(parts))

    def close(self) -> None:
        """Nothing to undo."""

    def _introduce(self, task: Task) -> None:
        kind = "multi-label" if task.multilabel else "single-label"
        rows = f"{task.n_train} training and {task.n_test} test rows"
        self._print(f"{task.name}: {task.domain}, {task.n_classes} classes ({kind}), {rows}; {task.domain_reason}")
        for note in task_notes(task):
            self._print(f"note: {note}")

    def _print(self, line: str) -> None:
        try:
            print(line, file=self.stream, flush=True)
        except (BrokenPipeError, ValueError):  # the reader of the pipe went away; the run goes on
            pass


class LiveProgress:
    """A bar with time left, round, learner, held-out NAUC and time of the last prediction (rich, loaded late)."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._plain = PlainProgress(budget)
        self._latest: tuple[Round | None, float | None, float | None] = (None, None, None)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, task: Task, played: Round, written: float | None) -> None:
        """Remember the latest; the drawing thread starts after the first learned prediction, off the quickest way."""
        if played.number == 0:
            self._plain.watch(task, played, None)
        _, last_written, last_nauc = self._latest
        nauc = played.ensemble_nauc if played.ensemble_nauc is not None else last_nauc
        self._latest = (played, written if written is not None else last_written, nauc)
        if played.number > 0 and self._thread is None:
            self._thread = threading.Thread(target=self._draw, daemon=True, name="progress")
            self._thread.start()

    def close(self) -> None:
        """Take the bar away."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(0.5)

    def _draw(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (BarColumn(20), TextColumn("{task.description}"))
        with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as bar:
            line = bar.add_task("", total=self.budget.total_s)
            while not self._stop.wait(0.25):
                bar.update(line, completed=min(self.budget.elapsed(), self.budget.total_s), description=self._line())

    def _line(self) -> str:
        played, written, nauc = self._latest
        left = max(0.0, self.budget.remaining())
        parts = [f"{left:.0f} s left"]
        if played is not None:
            parts.append(f"round {played.number} {played.learner}")
        if nauc is not None:
            parts.append(f"held-out NAUC {nauc:.4f}")
        if written is not None:
            parts.append(f"last prediction at {written:.1f} s")
        return " · ".join(parts)


Progress = PlainProgress | LiveProgress


def make_progress(budget: Budget) -> Progress:
    """A live bar where the terminal can show one, else plain lines."""
    import os

    live = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    return LiveProgress(budget) if live else PlainProgress(budget)
