"""Rounds played in the background: whoever holds the session asks for the newest prediction whenever it likes."""

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.domain import make_task
from autodl_agent.engine.policy import planner
from autodl_agent.engine.rounds import Choose
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.context import RunContext
from autodl_agent.system.clock import Budget
from autodl_agent.system.resources import limit_blas_threads
from data_format.dataset import Dataset

if TYPE_CHECKING:
    from autodl_agent.engine.worker.client import WorkerClient

log = logging.getLogger(__name__)


class Newest(NamedTuple):
    """version: 0 for the class frequencies, then one more each time it got better. prediction: (n_test, classes)."""

    version: int
    prediction: Probabilities | None


class Session(threading.Thread):
    """Plays the rounds of one data set within a budget, in a daemon thread that ends with them.

    worker: one that was started beforehand; it is used or ended.
    """

    def __init__(
        self,
        dataset: Dataset,
        budget: Budget,
        config: RunConfig | None = None,
        choose: Choose = planner.choose,
        worker: "WorkerClient | None" = None,
    ) -> None:
        super().__init__(name="session", daemon=True)
        self._stopped, self._real = threading.Event(), budget
        self.dataset, self.config, self.choose = dataset, config or RunConfig(), choose
        self.budget = replace(budget, now=self._clock)
        # Nothing yet: version 0 is that of the class frequencies.
        self._newest = Newest(-1, None)
        self._changed = threading.Condition()
        self._ended = False
        self._worker = worker

    def run(self) -> None:
        """Thread body; whatever happens, the last good prediction stays available."""
        try:
            self._play()
        except Exception:
            log.exception("the session ended early; its last prediction stands")
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def newest(self) -> Newest:
        """The newest prediction, at once."""
        with self._changed:
            return self._newest

    def wait_for(self, version: int, seconds: float) -> bool:
        """Wait for a prediction of this version or a later one; False when time is over or none will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest.version >= version or self._ended, max(0.0, seconds))
            return self._newest.version >= version

    def stop(self) -> None:
        """End it as if its time were over: its worker at once, a learner as soon as it looks at the clock."""
        self._stopped.set()
        if (worker := self._worker) is not None:
            worker.halt()

    @property
    def ended(self) -> bool:
        """Whether no further prediction will come."""
        with self._changed:
            return self._ended

    def _clock(self) -> float:
        # It goes on behind the end: deadlines that are made then pass as well.
        return self._real.now() + (self._real.total_s if self._stopped.is_set() else 0.0)

    def _play(self) -> None:
        limit_blas_threads()
        task = make_task(self.dataset, self.config.seed)
        context = RunContext.build(self.dataset, task, self.budget, self.config, self.choose, self._worker)
        self._worker = context.worker
        try:
            for played in context.rounds():
                if played.prediction is not None:
                    with self._changed:
                        self._newest = Newest(self._newest.version + 1, played.prediction)
                        self._changed.notify_all()
        finally:
            context.close()
