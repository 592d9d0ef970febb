"""Rounds played in the background: whoever holds the session asks for the newest prediction whenever it likes."""

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.domain import make_task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.policy import planner
from autodl_agent.engine.rounds import Choose, rounds
from autodl_agent.engine.worker.factory import start_worker
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.runs.config import MEMORY_SHARE
from autodl_agent.system.clock import Budget, Deadline
from autodl_agent.system.resources import limit_blas_threads, memory_limit_bytes
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

    heavy: whether learners that need the worker process are played. lane: one that was started beforehand.
    """

    def __init__(
        self,
        dataset: Dataset,
        budget: Budget,
        seed: int = 0,
        choose: Choose = planner.choose,
        heavy: bool = True,
        lane: "WorkerClient | None" = None,
    ) -> None:
        super().__init__(name="session", daemon=True)
        self._stopped, self._real = threading.Event(), budget
        self.dataset, self.seed, self.choose = dataset, seed, choose
        self.budget = replace(budget, now=self._clock)
        # Nothing yet: version 0 is that of the class frequencies.
        self._newest = Newest(-1, None)
        self._changed = threading.Condition()
        self._ended = False
        self.heavy, self.lane = heavy, lane

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
        if (lane := self.lane) is not None:
            lane.halt()

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
        task = make_task(self.dataset, self.seed)
        end = Deadline(self.budget.started + self.budget.total_s, self.budget.now)
        candidates = LEARNERS_BY_DOMAIN[task.domain]
        if self.heavy:
            self.lane = start_worker(task, candidates, self.budget, started=self.lane)
        share = self.lane.share if self.lane else None
        store = TensorStore(self.dataset, task, end, int(memory_limit_bytes() * MEMORY_SHARE), share=share)
        try:
            for played in rounds(store, candidates, self.budget, self.choose, lane=self.lane):
                if played.prediction is not None:
                    with self._changed:
                        self._newest = Newest(self._newest.version + 1, played.prediction)
                        self._changed.notify_all()
        finally:
            store.close()
            if self.lane:
                self.lane.close()
