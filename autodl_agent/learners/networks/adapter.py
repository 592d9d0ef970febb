"""What is particular to one learner on a trained network: its inputs and its model."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples
from autodl_agent.learners.networks.batches import Inputs, MakeBatch, Positions
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.trainer import Held, Network
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]
Spec = TypeVar("Spec")


@dataclass(frozen=True)
class TrainingInputs:
    """What one increment learns from: labels (n, classes), and the other arguments of `Network.increment`."""

    labels: Labels
    make: MakeBatch
    held: Held | None = None


@dataclass(frozen=True)
class PredictionInputs:
    """Inputs of the rows that can be predicted.

    rows: (k,) their positions; the others get the class shares. make: numbers of inputs, from 0 -> the inputs.
    windows: (k,) inputs of every row; they lie one after the other, and their predictions are averaged. None: one each.
    """

    rows: Positions
    make: Callable[[Positions], Inputs]
    windows: Positions | None = None

    def __len__(self) -> int:
        return len(self.rows) if self.windows is None else int(self.windows.sum())

    def averaged(self, found: Probabilities) -> Probabilities:
        """(k, classes) of the predictions of all inputs."""
        if self.windows is None:
            return found
        first = np.cumsum(self.windows) - self.windows
        return np.asarray(np.add.reduceat(found, first) / self.windows[:, None], np.float32).clip(0, 1)


class InputAdapter(ABC, Generic[Spec]):
    """What is particular to one learner: which rows it takes, how they become arrays, which model is given them.

    Spec: how inputs are made, found in the data by the first increments and saved; immutable.
    slow_prediction: a row takes milliseconds, so the rows held out need time within the deadline, too.
    """

    slow_prediction: ClassVar[bool] = False

    def __init__(self, task: Task, seed: int) -> None:
        self.task, self.seed = task, seed

    def usable(self, data: Examples) -> Examples | None:
        """The rows to learn from; None where the learner cannot serve these data on this machine."""
        return data

    @abstractmethod
    def first_spec(self, data: Examples, deadline: Deadline) -> Spec | None:
        """How inputs are made; None where there is nothing to learn from. Raises OutOfTimeError."""

    def next_spec(self, data: Examples, known: Spec, increments: int, deadline: Deadline) -> Spec | None:
        """The same for an increment after `increments` finished ones, where it changes. Raises OutOfTimeError."""
        return known

    @abstractmethod
    def sample(self, data: Examples, spec: Spec, first: bool, deadline: Deadline) -> Examples:
        """Readable rows for the next increment, their arrays computed. Raises OutOfTimeError."""

    def first_weights(self, sample: Examples, spec: Spec, deadline: Deadline) -> Mapping[str, Floats]:
        """What a new network begins with, see `Network`. Raises OutOfTimeError."""
        return {}

    @abstractmethod
    def training(self, sample: Examples, spec: Spec, network: Network, deadline: Deadline) -> TrainingInputs:
        """Batches for the next increment of the network. Raises OutOfTimeError."""

    def can_grow(self, data: Examples, sample: Examples, spec: Spec) -> bool:
        """Whether more could be learned from other inputs, even where the network is done with these."""
        return len(sample) < len(data.readable())

    @abstractmethod
    def prediction(self, data: Examples, spec: Spec) -> PredictionInputs:
        """Inputs for a prediction of `data`, which has at least one row."""

    @abstractmethod
    def blueprint(self, spec: Spec) -> Blueprint:
        """The model; where it changes, a new network begins."""

    @abstractmethod
    def state(self, spec: Spec) -> tuple[dict[str, Any], Arrays]:
        """The spec as JSON facts and arrays."""

    @abstractmethod
    def restored(self, facts: dict[str, Any], arrays: Arrays) -> Spec:
        """The inverse of `state`; `arrays` holds others, too."""

    def snapshot(self) -> Self:
        """An adapter for predictions alone; one that keeps training rows leaves them behind."""
        return self
