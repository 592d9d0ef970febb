"""The neutral learner: class frequencies of the training rows, at once. First rung of every ladder and last resort."""

from pathlib import Path
from typing import Self, final

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.system.clock import Deadline


@final
class PriorLearner(Learner):
    """Predicts the (smoothed) share of training rows in each class for every row."""

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.shares = task.class_priors

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """Count the labels of the given rows."""
        # Half a count for and half against (Jeffreys): no class is impossible or certain.
        self.shares = ((data.labels.sum(0) + 0.5) / (len(data) + 1)).astype(np.float32)
        return False

    def predict(self, data: Examples) -> Probabilities:
        """The same row of shares n times."""
        return np.tile(self.shares, (len(data), 1))

    def save(self, folder: Path) -> None:
        """Write the shares."""
        save_state(folder, {}, {"shares": self.shares})

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read the shares."""
        learner = cls(task, task.seed)
        learner.shares = load_state(folder)[1]["shares"]
        return learner
