"""Learner classes made from an object that does the work, so that several learners share code without inheritance."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self, final

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.system.clock import Deadline


class LearnerBody(Protocol):
    """What a composed learner holds: the methods of `Learner`, but `restore` on an untrained one in place of `load`."""

    next_s: float | None

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """See `Learner.fit`."""

    def predict(self, data: Examples) -> Probabilities:
        """See `Learner.predict`."""

    def snapshot(self) -> Self:
        """See `Learner.snapshot`."""

    def save(self, folder: Path) -> None:
        """See `Learner.save`."""

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote."""


def composed_learner(name: str, module: str, make: Callable[[Task, int], LearnerBody], doc: str) -> type[Learner]:
    """A final learner class that hands the whole contract on to what `make` gives for a task and a seed.

    name, module: where the class is found again, for the registry and for pickle; bind it to that name.
    """

    @final
    class Composed(Learner):
        def __init__(self, task: Task, seed: int) -> None:
            super().__init__(task, seed)
            self.body = make(task, seed)

        def fit(self, data: Examples, deadline: Deadline) -> bool:
            try:
                return self.body.fit(data, deadline)
            finally:
                self.next_s = self.body.next_s

        def predict(self, data: Examples) -> Probabilities:
            return self.body.predict(data)

        def snapshot(self) -> Self:
            twin = super().snapshot()
            twin.body = self.body.snapshot()
            return twin

        def save(self, folder: Path) -> None:
            self.body.save(folder)

        @classmethod
        def load(cls, folder: Path, task: Task) -> Self:
            learner = cls(task, task.seed)
            learner.body.restore(folder)
            return learner

    Composed.__name__ = Composed.__qualname__ = name
    Composed.__module__, Composed.__doc__ = module, doc
    return Composed
