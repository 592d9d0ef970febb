"""The thread that opens the data and plays the rounds.

Everything that it achieved stays readable from outside at any moment: the thread that waits may close the run while
this one is still inside a reader or a learner.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autodl_agent.data.domain import make_task
from autodl_agent.data.inspection.task_warnings import task_notes
from autodl_agent.data.task import Domain, Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.rounds import Choose, Round
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.context import RunContext
from autodl_agent.runs.folder import RunFolder
from autodl_agent.runs.model.checkpointer import Checkpointer
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.runs.resume import PreviousRun
from autodl_agent.system.clock import Budget
from data_format import open_dataset
from data_format.dataset import Dataset
from data_format.errors import DataError
from data_format.input_spec import Inputs

log = logging.getLogger(__name__)
Watcher = Callable[[Task, Round, float | None], None]


class EngineThread(threading.Thread):
    """Opens the data, makes the task and plays the rounds into the run's folder.

    out, dataset, context, checkpointer: None until they are there. rounds: those that ended so far. error: what ended
    the run, an error of the data as a rule; one of a learner never does. ended_s: seconds after the budget's zero.
    """

    def __init__(
        self,
        data: Path | Dataset,
        folder: Path,
        config: RunConfig,
        budget: Budget,
        choose: Choose,
        watch: Watcher,
        previous: PreviousRun | None,
    ) -> None:
        super().__init__(name="engine", daemon=True)
        self.data, self.folder, self.config, self.budget = data, folder, config, budget
        self.choose, self.watch, self.previous = choose, watch, previous
        self.out: RunFolder | None = None
        self.dataset: Dataset | None = None
        self.context: RunContext | None = None
        self.checkpointer: Checkpointer | None = None
        self.rounds: list[Round] = []
        self.error: BaseException | None = None
        self.ended_s: float | None = None
        self.finished = threading.Event()
        self._abandoned = threading.Event()

    def run(self) -> None:
        """Thread body."""
        try:
            self._play_rounds()
        except BaseException as error:
            self.error = error
        finally:
            self.ended_s = self.budget.elapsed()
            self.finished.set()

    @property
    def has_prediction(self) -> bool:
        """Whether any prediction is on disk."""
        return self.out is not None and bool(self.out.curve)

    @property
    def reserved_s(self) -> float:
        """Seconds before the end of the budget at which predictions have to stop, so that all files are written."""
        out, checkpointer = self.out, self.checkpointer
        return max(out.early_s if out else 0.0, checkpointer.early_s if checkpointer else 0.0)

    def report_data(self, ended: str = "") -> ReportData | None:
        """The run as it is now, for the report; None before there is a prediction. ended: why it is over."""
        if self.out is None or self.context is None or self.checkpointer is None or not self.out.curve:
            return None
        curve, played = tuple(self.out.curve), tuple(self.rounds)
        elapsed, seed = min(self.budget.elapsed(), self.ended_s or self.budget.total_s), self.config.seed
        store, newest = self.context.store, self.checkpointer.newest
        return ReportData(store, self.budget, seed, elapsed, curve, played, newest, ended)

    def close(self) -> None:
        """End whatever is still under way, and take away what only a run needs."""
        self._abandoned.set()
        if self.out:
            self.out.stop()
        if self.context:
            self.context.halt()
        if self.checkpointer:
            self.checkpointer.abandon()
        if self.context:
            self.context.close()

    def _play_rounds(self) -> None:
        self.dataset = self.data if isinstance(self.data, Dataset) else open_dataset(self.data, self.config.reading)
        task = self._task(self.dataset)
        out = RunFolder(self.folder, self.budget, task, list(self.dataset.test.ids))
        if self.previous is not None:
            out.check_same()  # before anything is written
        if self._abandoned.is_set():
            return
        self.out = out
        if self.previous is None:
            out.open()
        else:
            out.resume(self.previous.curve)
        self.context = context = RunContext.build(self.dataset, task, self.budget, self.config, self.choose)
        if self._abandoned.is_set():
            context.close()
            return
        model = self.folder / "model"
        self.checkpointer = Checkpointer(model, task, self.budget, lambda: _inputs(context.store))
        for played in context.rounds(self.checkpointer.offer, self.previous):
            written = self._write(out, self.checkpointer, played)
            self.rounds.append(played)
            _log_round(played, written)
            self.watch(task, played, written)
            _check_readable(context.store)

    def _task(self, dataset: Dataset) -> Task:
        task = make_task(dataset, self.config.seed)
        if self.previous is not None:
            task = self.previous.with_levels_of(self.previous.check(task))
        log.info("%s: %s data (%s), %d classes", task.name, task.domain, task.domain_reason, task.n_classes)
        for note in task_notes(task):
            log.info("note: %s", note)
        return task

    @staticmethod
    def _write(out: RunFolder, checkpointer: Checkpointer, played: Round) -> float | None:
        """Seconds after the budget's zero at which the round's prediction was on disk, None where it made none."""
        if played.prediction is not None:
            return out.add(played.prediction, played.ensemble_nauc, checkpointer.confirm)
        if played.ensemble_nauc is not None:
            out.judge_last(played.ensemble_nauc)
        return None


def _inputs(store: TensorStore) -> Inputs:
    return Inputs.of(store.dataset, (lambda: store.table("train")) if store.task.domain is Domain.TABULAR else None)


def _check_readable(store: TensorStore) -> None:
    """Raise DataError when no training input at all could be read: what follows would be class frequencies."""
    bad = store.bad["train"]
    if not len(bad) or not bad.all():
        return
    ids = set(store.dataset.train.ids)
    reasons = Counter(problem.reason for problem in list(store.dataset.problems) if problem.where in ids)
    why = "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common(3))
    raise DataError(f"{store.dataset.path}: expected training inputs that can be read, found none of {len(bad)}: {why}")


def _log_round(played: Round, written: float | None) -> None:
    parts: dict[str, Any] = {"learner": played.learner, "seconds": round(played.ended_s - played.started_s, 3)}
    if played.member_nauc is not None:
        parts["member"] = round(played.member_nauc, 4)
    if played.ensemble_nauc is not None:
        parts["ensemble"] = round(played.ensemble_nauc, 4)
    if written is not None:
        parts["written_at"] = round(written, 3)
    if played.error:
        parts["error"] = played.error
    log.info("round %d %s", played.number, " ".join(f"{k}={v}" for k, v in parts.items()))
