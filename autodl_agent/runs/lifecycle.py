"""From the first second to the last file: waits for the rounds, closes the run in time, leaves nothing half done.

The thread of the caller only watches the clock, so that nothing a reader or a learner does, however long, can hold the
program beyond its budget.
"""

import logging
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from autodl_agent.runs.csv_files import Thresholds
from autodl_agent.runs.engine_thread import EngineThread
from autodl_agent.runs.finalizer import FinalFilesWriter
from autodl_agent.runs.manifest import run_manifest
from autodl_agent.runs.model.save import exported_thresholds
from autodl_agent.runs.report.writer import Reporter
from autodl_agent.runs.result import RunResult, last_nauc, reason_to_end
from autodl_agent.system.clock import Budget
from autodl_agent.system.errors import AutoDLError, UsageError
from data_format.dataset import Dataset
from data_format.errors import DataError

log = logging.getLogger(__name__)
LAST_CALL_S = 0.05  # before the end: no prediction that starts to be written now would arrive in time
TICK_S = 0.2
GRACE_S = 1.2  # after the end, for data so slow to open that not even the prior is on disk
INTERRUPTED_S, AT_THE_END_S = 1.0, (0.8, 5.0)  # that the last files may take; least and most
SAVING_S = 0.6  # after the end, for the model, whose saving begins earlier where it takes long
FILES_SHARE = 0.5  # of the seconds after the end, for predictions.csv and the curve on the test rows
MOST_FILES_S = 10.0  # that they may take of a budget that is not used up

Interrupt = KeyboardInterrupt | SystemExit


@dataclass(frozen=True)
class ClosingTimes:
    """When the last files have to be done; seconds after the budget's zero but for `saving_s`.

    saving_s: that saving the last model may take. files: for predictions.csv and the curve. report: for the last page.
    """

    saving_s: float
    files: float
    report: float

    @classmethod
    def of(cls, budget: Budget, elapsed_s: float, interrupted: bool) -> Self:
        """Who interrupts waits a second; the end of the budget allows a little more, a run that ended early most."""
        least, most = AT_THE_END_S
        left = budget.total_s - elapsed_s
        spare = INTERRUPTED_S if interrupted else min(most, max(least, left))
        report = min(elapsed_s + spare, max(elapsed_s + 0.2, budget.total_s + least))
        unused = 0.0 if interrupted else min(MOST_FILES_S, left)
        files = elapsed_s + max(unused, FILES_SHARE * (report - elapsed_s))
        return cls(INTERRUPTED_S if interrupted else max(0.0, left) + SAVING_S, files, report)


class RunLifecycle:
    """One run from outside: `start`, `wait` for its end, `complete` its files, `close`."""

    def __init__(self, engine: EngineThread, reporter: Reporter) -> None:
        self.engine, self.reporter, self.budget = engine, reporter, engine.budget
        self._files: FinalFilesWriter | None = None

    def start(self) -> None:
        """Begin to open the data and to draw the report."""
        self.engine.start()
        self.reporter.start()

    def wait(self) -> Interrupt | None:
        """Until the rounds or the budget are over; what interrupted that, if anything.

        Raises DataError where there is no prediction at all some time after the end.
        """
        engine = self.engine
        try:
            while not engine.finished.is_set() and (left := self._until_last_call_s()) > 0:
                engine.finished.wait(min(left, TICK_S))
                if engine.checkpointer:
                    engine.checkpointer.catch_up()
            while not engine.finished.is_set() and not engine.has_prediction:
                if self.budget.remaining() < -GRACE_S:
                    raise self._too_slow()
                engine.finished.wait(0.02)
        except (KeyboardInterrupt, SystemExit) as error:
            return error
        return None

    def complete(self, interrupted: Interrupt | None) -> RunResult:
        """Refuse late predictions and write the last files; called again where it was interrupted itself.

        Raises what ended the run where that is an error of the data or left nothing, UsageError for a full disk.
        """
        engine = self.engine
        count = engine.out.stop() if engine.out else 0
        if engine.context:
            engine.context.halt()  # the cores are for the last files now
        if engine.error is not None and (count == 0 or isinstance(engine.error, DataError | AutoDLError)):
            raise engine.error
        if engine.out is None or engine.dataset is None:
            return RunResult(engine.folder, reason="interrupted")
        reason = self._reason(interrupted)
        if self._files is None:
            self._files = self._final_files(engine.dataset, reason, interrupted is None)
            self._files.start()
        self._save_model(interrupted is not None)
        times = ClosingTimes.of(self.budget, self.budget.elapsed(), interrupted is not None)
        try:
            self._files.wait(times.files)
        except OSError as error:
            kept = f"{count} predictions written before are kept"
            raise UsageError(f"{engine.folder}: {error.strerror or error}; {kept}") from error
        self.reporter.finish(reason, times.report)
        played = list(engine.rounds)
        seconds, curve = self.budget.elapsed(), engine.out.curve
        return RunResult(
            engine.folder, count, seconds, last_nauc(played), reason, played, curve, engine.dataset.problems
        )

    def close(self) -> None:
        """End whatever is still under way."""
        self.reporter.abandon("stopped by an error")
        self.engine.close()

    def _until_last_call_s(self) -> float:
        return self.budget.remaining() - LAST_CALL_S - self.engine.reserved_s

    def _too_slow(self) -> DataError:
        data = self.engine.data
        where = data.path if isinstance(data, Dataset) else data
        what = "could not be opened" if self.engine.out is None else "had no first prediction"
        return DataError(f"{where}: {what} within the budget of {self.budget.total_s:g} s")

    def _reason(self, interrupted: Interrupt | None) -> str:
        engine = self.engine
        if interrupted is not None:
            return "interrupted"
        if engine.error is not None:
            return f"error: {type(engine.error).__name__}: {engine.error}"
        if not engine.finished.is_set() or self.budget.remaining() <= LAST_CALL_S:
            return "budget used"
        return reason_to_end(engine.rounds)

    def _save_model(self, interrupted: bool) -> None:
        if self.engine.checkpointer is None:
            return
        within_s = ClosingTimes.of(self.budget, self.budget.elapsed(), interrupted).saving_s
        self.engine.checkpointer.finish(None if self.engine.config.needs_model else within_s)

    def _final_files(self, dataset: Dataset, reason: str, success: bool) -> FinalFilesWriter:
        """What the run leaves beside its predictions, ready to be written."""
        out, checkpointer = self.engine.out, self.engine.checkpointer
        assert out is not None
        facts = run_manifest(out.task, dataset, self.engine.config, self.budget, list(self.engine.rounds), reason)

        def thresholds() -> Thresholds | None:
            newest = checkpointer.newest if checkpointer else None
            return exported_thresholds(newest) if newest else None

        return FinalFilesWriter(out, success, facts, dataset.problems, lambda: _truth(dataset), thresholds)


def _truth(dataset: Dataset) -> NDArray[np.float32] | None:
    """The truth of the test rows, read only now; unusable truth costs the test curve, not the run."""
    try:
        return dataset.truth()
    except DataError as error:
        log.warning("no test curve: %s", error)
        return None
