"""What the rounds of a run need, built once; `agent` and `session` share it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.policy import planner
from autodl_agent.engine.rounds import Choose, Keep, Round, rounds
from autodl_agent.engine.warm_start import WarmStart
from autodl_agent.engine.worker.factory import start_worker
from autodl_agent.learners.registry import LearnerSpec, learners_for
from autodl_agent.runs.config import MEMORY_SHARE, RunConfig
from autodl_agent.system.clock import Budget, Deadline
from autodl_agent.system.resources import memory_limit_bytes
from data_format.dataset import Dataset

if TYPE_CHECKING:
    from autodl_agent.engine.worker.client import WorkerClient


def _keep_nothing(snapshot: object) -> None:
    """No model of the ensemble is wanted."""


@dataclass(frozen=True)
class RunContext:
    """One data set ready to be learned within one budget.

    store: its arrays, shared with the worker. candidates: the learners of its domain that may be used. worker: plays
    those that need a process of their own; None where there is none. choose: which learner works next.
    """

    config: RunConfig
    budget: Budget
    store: TensorStore
    candidates: tuple[LearnerSpec, ...]
    choose: Choose
    worker: "WorkerClient | None" = None

    @classmethod
    def build(
        cls,
        dataset: Dataset,
        task: Task,
        budget: Budget,
        config: RunConfig,
        choose: Choose = planner.choose,
        started: "WorkerClient | None" = None,
    ) -> Self:
        """Start the worker and make the store; started: a worker that was started beforehand.

        Raises UsageError where none of the learners that the configuration names is one of this domain's.
        """
        candidates = learners_for(task.domain, config.learners)
        worker = None
        if config.use_worker:
            worker = start_worker(task, candidates, budget, config.memory_bytes, started)
        end = Deadline(budget.started + budget.total_s, budget.now)
        memory = config.memory_bytes or int(memory_limit_bytes() * MEMORY_SHARE)
        try:
            store = TensorStore(dataset, task, end, memory, share=worker.share if worker else None)
        except BaseException:
            if worker is not None:
                worker.close()
            raise
        return cls(config, budget, store, candidates, choose, worker)

    def rounds(self, keep: Keep = _keep_nothing, previous: WarmStart | None = None) -> Iterator[Round]:
        """The rounds of the run; see `engine.rounds`."""
        return rounds(
            self.store,
            self.candidates,
            self.budget,
            self.choose,
            keep,
            self.worker,
            previous,
            endless=self.config.use_all_budget,
            seed_replicas=self.config.seed_replicas,
        )

    def halt(self) -> None:
        """Leave the cores to the last files: the worker ends at once."""
        if self.worker is not None:
            self.worker.halt()

    def close(self) -> None:
        """End the worker and remove the store's files."""
        if self.worker is not None:
            self.worker.close()
        self.store.close()
