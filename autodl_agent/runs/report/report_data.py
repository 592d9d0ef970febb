"""What the page is drawn from: a frozen look at a run, taken in a moment from outside its engine."""

from dataclasses import dataclass

from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.rounds import Round
from autodl_agent.engine.snapshot import Snapshot
from autodl_agent.scoring.alc import LearningCurve
from autodl_agent.system.clock import Budget
from data_format.dataset import Dataset


@dataclass(frozen=True)
class ReportData:
    """A run at one moment.

    gone_s: seconds since the budget's zero. curve: a dict a prediction with `time`, `held_out_nauc` and, when it is
    known, `test_nauc`. snapshot: the ensemble behind the newest prediction. ended: why the run is over, "" while it
    goes on. checks: what was found in the data, a sentence each; None where it was not looked through.
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
        """Whether more is to come."""
        return not self.ended

    def learning_curve(self, which: str) -> LearningCurve | None:
        """The curve by "held_out_nauc" or "test_nauc"; None where no prediction has such a number.

        A prediction that was not judged counts as chance (0), as the class frequencies are.
        """
        if all(point.get(which) is None for point in self.curve):
            return None
        points = [(float(point["time"] or 0.0), float(point.get(which) or 0.0)) for point in self.curve]
        return LearningCurve.of([t for t, _ in points], [s for _, s in points], self.budget.total_s)
