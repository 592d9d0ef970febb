"""A learner that works as the first one of its ladder does, until its fault comes."""

from pathlib import Path
from typing import Any, Self, final

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.system.clock import Deadline

SLICES = 3  # that every faulty learner asks for at least
FOREVER_S = 600.0


class Faulty(Learner):
    """The abstract part: another learner inside, and the moment from which the fault shows."""

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.inner = LEARNERS_BY_DOMAIN[task.domain][0].create(task, seed)
        self.done, self.at = 0, 1 + task.seed % 2
        self.more = True

    @final
    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment of the learner inside, then the fault."""
        self.done += 1
        if self.more:
            self.more = self.inner.fit(data, deadline)
        if self.broken:
            self.break_fit(data, deadline)
        return self.more or self.done < SLICES

    @final
    def predict(self, data: Examples) -> Probabilities:
        """What the learner inside predicts, spoiled from the fault on."""
        found = self.inner.predict(data)
        if self.broken:
            found = self.break_prediction(found)
        if self.broken and data.split == "test":
            found = self.break_test_prediction(found)
        return found

    def save(self, folder: Path) -> None:
        """That of the learner inside."""
        self.inner.save(folder)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`; the fault has not come."""
        learner = cls(task, task.seed)
        learner.inner = type(learner.inner).load(folder, task)
        return learner

    @property
    def broken(self) -> bool:
        """Whether the fault has come."""
        return self.done >= self.at

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """What goes wrong in a slice; nothing unless a fault says otherwise."""

    def break_prediction(self, found: Probabilities) -> Any:
        """What goes wrong in a prediction; nothing unless a fault says otherwise."""
        return found

    def break_test_prediction(self, found: Probabilities) -> Any:
        """What goes wrong in a prediction of test rows alone, which held-out rows cannot tell."""
        return found

    def snapshot(self) -> Self:
        """With that of the learner inside."""
        twin = super().snapshot()
        twin.inner = self.inner.snapshot()
        return twin
