"""Learners that raise or answer wrongly; a process that runs them can go on."""

from pathlib import Path
from typing import Any, NoReturn, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples
from autodl_agent.learners.testing.faults.base import Faulty
from autodl_agent.system.clock import Deadline

MOST_RESULT_BYTES = 64 << 20


@final
class RaisesInFit(Faulty):
    """An ordinary exception."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Raise."""
        raise ValueError(f"scripted failure in slice {self.done}")


@final
class RaisesInPredict(Faulty):
    """An ordinary exception, where predictions are made."""

    def break_prediction(self, found: Probabilities) -> NoReturn:
        """Raise."""
        raise RuntimeError(f"scripted failure after slice {self.done}")


@final
class RaisesOnTest(Faulty):
    """It does well on the held-out rows, and the test rows are too much for it."""

    def break_test_prediction(self, found: Probabilities) -> NoReturn:
        """Raise."""
        raise RuntimeError(f"scripted failure on the test rows after slice {self.done}")


@final
class RaisesInSave(Faulty):
    """It predicts well and cannot be saved."""

    def save(self, folder: Path) -> None:
        """Raise."""
        raise OSError(f"scripted failure: {folder} cannot be written")


@final
class RaisesAtOnce(Faulty):
    """Not even its constructor comes to an end."""

    def __init__(self, task: Task, seed: int) -> None:
        raise ImportError(f"scripted failure: no library for {task.domain}")


@final
class OutOfMemory(Faulty):
    """What an allocation that is too large raises."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Ask for more than any machine has."""
        np.empty(1 << 60, np.uint8)


@final
class Recursion(Faulty):
    """It calls itself without end."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Recurse."""
        self.break_fit(data, deadline)


@final
class NotFinite(Faulty):
    """One value in a hundred is NaN or infinite."""

    def break_prediction(self, found: Probabilities) -> Probabilities:
        """Spoil a copy."""
        out = found.copy()
        out.flat[::100], out.flat[50::100] = np.nan, np.inf
        return out


@final
class NotFiniteOnTest(Faulty):
    """It does well on the held-out rows, and overflows on one test row."""

    def break_test_prediction(self, found: Probabilities) -> Probabilities:
        """Spoil a copy."""
        out = found.copy()
        out[:1] = np.nan
        return out


@final
class WrongShape(Faulty):
    """A class is missing."""

    def break_prediction(self, found: Probabilities) -> Probabilities:
        """All but the last column."""
        return found[:, :-1]


@final
class OutOfRange(Faulty):
    """Values like scores of a support vector machine."""

    def break_prediction(self, found: Probabilities) -> Probabilities:
        """Below 0 and above 1."""
        return found * 6 - 3


@final
class NoArray(Faulty):
    """It forgot the return statement."""

    def break_prediction(self, found: Probabilities) -> None:
        """Nothing."""


@final
class TextArray(Faulty):
    """Names in place of numbers."""

    def break_prediction(self, found: Probabilities) -> NDArray[Any]:
        """Texts of the right shape."""
        return found.astype(str)


@final
class HugeResult(Faulty):
    """Far more rows than asked for, more than any pipe holds."""

    def break_prediction(self, found: Probabilities) -> Probabilities:
        """Each row over and over."""
        return np.repeat(found, max(2, MOST_RESULT_BYTES // max(1, found.nbytes)), axis=0)
