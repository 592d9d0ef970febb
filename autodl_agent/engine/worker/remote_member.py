"""A learner that lives in the worker, as the ensemble sees it: its latest results, and where its models lie."""

import shutil
from pathlib import Path
from typing import Self, final

import numpy as np

from autodl_agent.data.arrays import Logits, Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.registry import LearnerSpec


@final
class StoredModel(Learner):
    """A model that the worker saved: `save` copies its files, only predicting new rows loads it."""

    def __init__(self, spec: LearnerSpec, folder: Path, task: Task) -> None:
        super().__init__(task, task.seed)
        self.spec, self.folder = spec, folder

    def fit(self, data: Examples, deadline: object) -> bool:
        """It learns in the worker only."""
        raise NotImplementedError(f"{self.spec.name} learns in the worker")

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes), by the model itself, in this process."""
        return self.spec.create(self.task, self.seed).load(self.folder, self.task).predict(data)

    def save(self, folder: Path) -> None:
        """Copy what the model wrote."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Saved models are loaded by the class that wrote them."""
        raise NotImplementedError("load the model by its own class")


class RemoteMember:
    """Has what `members.Member` has for the ensemble: held_out, test(), settled, more, timed_out."""

    test_is_cached = True  # its test predictions came with the slice
    next_s: float | None = None  # the worker tells nothing of what comes

    def __init__(self, spec: LearnerSpec) -> None:
        self.spec = spec
        self.more, self.timed_out = True, 0
        self.held_out: Logits | None = None
        self.frozen_models: tuple[Learner, ...] = ()
        self._test: Logits | None = None

    def accept(self, held_out: Logits | None, test: Logits, models: list[Path], task: Task) -> None:
        """The results of a finished slice."""
        self.held_out, self._test = held_out, test
        self.frozen_models = tuple(StoredModel(self.spec, folder, task) for folder in models)

    def test(self) -> Logits:
        """(n_test, classes) logits of the last finished slice."""
        return self._test if self._test is not None else np.zeros((0, 0), np.float32)
