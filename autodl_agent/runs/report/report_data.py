"""What the page is drawn from: a snapshot of a run, taken from outside its engine without stopping it."""

from dataclasses import dataclass

from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.round import Round
from autodl_agent.engine.snapshot import Snapshot
from autodl_agent.scoring.alc import LearningCurve
from autodl_agent.system.clock import Budget
from data_format.dataset import Dataset


@dataclass(frozen=True)
class ReportData:
    """A run at one moment.

    elapsed_s: seconds since the budget's zero. curve: one dict per prediction with `time`, `held_out_nauc` and, when
    it is known, `test_nauc`. snapshot: the ensemble behind the newest prediction. ended: why the run is over, "" while
    it goes on. checks: findings about the data, one sentence each; None where they were not checked.
    """

    store: TensorStore
    budget: Budget
    seed: int
    elapsed_s: float
    curve: tuple[dict[str, float | None], ...]
    rounds: tuple[Round, ...]
    snapshot: Snapshot | None = None
    ended: str = ""
    checks: tuple[str, ...] | None = None

    @property
    def task(self) -> Task:
        """Facts of the data."""
        return self.store.task

    @property
    def dataset(self) -> Dataset:
        """The data."""
        return self.store.dataset

    @property
    def running(self) -> bool:
        """Whether the run still goes on."""
        return not self.ended

    def learning_curve(self, which: str) -> LearningCurve | None:
        """The curve of "held_out_nauc" or "test_nauc"; None where no prediction has such a score.

        A prediction that was not scored counts as chance (0), as the class frequencies are.
        """
        if all(point.get(which) is None for point in self.curve):
            return None
        points = [(float(point["time"] or 0.0), float(point.get(which) or 0.0)) for point in self.curve]
        return LearningCurve.of([t for t, _ in points], [s for _, s in points], self.budget.total_s)
