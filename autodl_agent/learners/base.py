"""The learner contract, and the view of the data that a learner is handed."""

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Probabilities, Rows
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe, SplitName, TensorStore
from autodl_agent.system.clock import Deadline
from data_format.examples import Csr, Table


@dataclass(frozen=True)
class Examples:
    """Some rows of one split, through the store; cheap to make and to cut.

    rows: (n,) row numbers in the split. labels: (n, classes) float32 in [0, 1], zeros for test rows.
    """

    store: TensorStore
    split: SplitName
    rows: Rows
    labels: Labels

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def task(self) -> Task:
        """The facts of the run."""
        return self.store.task

    def take(self, positions: NDArray[Any]) -> "Examples":
        """The examples at these positions (integers or a mask of length n)."""
        return Examples(self.store, self.split, self.rows[positions], self.labels[positions])

    def sample(self, n: int, seed: int) -> "Examples":
        """At most n examples, classes as even as can be; a larger n holds every example of a smaller one."""
        if n >= len(self):
            return self
        return self.take(np.sort(balanced_order(self.labels, seed)[:n]))

    def readable(self) -> "Examples":
        """Without the rows found unreadable so far; call it after the first `array`, before fitting."""
        return self.take(~self.store.bad[self.split][self.rows])

    def array(self, recipe: Recipe, deadline: Deadline | None = None) -> NDArray[Any]:
        """(n, *recipe.shape); raises OutOfTimeError when the deadline passes (the loop handles it)."""
        return self.store.rows(self.split, recipe, self.rows, deadline)

    def texts(self) -> list[str]:
        """n texts."""
        texts = self.store.texts(self.split)
        return [texts[row] for row in self.rows]

    def table(self) -> Table:
        """The n rows as a table."""
        whole = self.store.table(self.split)
        if len(self.rows) == len(whole) and np.array_equal(self.rows, np.arange(len(whole))):
            return whole
        sparse = _take_csr(whole.sparse, self.rows) if whole.sparse is not None else None
        return Table(whole.numbers[self.rows], whole.number_names, whole.strings[self.rows], whole.string_names, sparse)


class Learner(ABC):
    """Learns in increments and predicts at any moment: four abstract methods; `snapshot` and `next_s` with defaults.

    Concrete learners are final; share code by composition. The constructor does no work and imports nothing heavy.
    Every learner is deterministic given the seed and the increments it was granted, never changes its input, and may
    raise OutOfTimeError where the store does.

    next_s: seconds that the next `fit` will take, set by the one before where the learner can tell (a step of a plan
    that is unlike the one before); None leaves it to the growth of its slices.
    helpers: attributes that `snapshot` copies, too.
    """

    next_s: float | None = None
    helpers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, task: Task, seed: int) -> None:
        self.task, self.seed = task, seed

    @abstractmethod
    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """Do one increment (more rows, more features, more rounds …) and return before the deadline.

        Returns whether another increment could improve the learner; False means it is exhausted. `data` holds all
        training rows each time: the learner takes the sample it wants.
        """

    @abstractmethod
    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) finite values in [0, 1]; before the first successful fit: class frequencies or 0.5."""

    def snapshot(self) -> Self:
        """The learner as it is now, for predictions: what `fit` does afterwards does not show in it.

        `fit` binds what it learns anew rather than changing it in place, so a shallow copy is enough and takes
        microseconds. Objects of its own that do the same for it are named in `helpers`; a learner with more to keep
        apart, or to leave behind, defines its own.
        """
        twin = copy(self)
        for name in self.helpers:
            setattr(twin, name, copy(getattr(self, name)))
        return twin

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write everything `predict` needs into an existing empty folder, in safe formats (npz, JSON, text)."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`: predicts the same values."""


def balanced_order(labels: Labels, seed: int) -> NDArray[np.int64]:
    """All row numbers so that every prefix holds the classes as evenly as can be.

    labels: (n, classes). A row counts for the class in which it comes first; rows without a label are spread evenly.
    """
    rng = np.random.default_rng(seed)
    n = len(labels)
    order = rng.permutation(n)
    rank = np.full(n, np.inf)
    positives = labels[order] > 0
    for c in range(labels.shape[1]):
        rows = np.flatnonzero(positives[:, c])
        rank[rows] = np.minimum(rank[rows], np.arange(len(rows)))
    empty = np.flatnonzero(np.isinf(rank))
    if len(empty):
        highest = rank[np.isfinite(rank)].max(initial=0.0)
        rank[empty] = np.linspace(0, max(highest, 1.0), len(empty))
    return order[np.argsort(rank, kind="stable")]


def drawn_rows(n: int, most: int, seed: int) -> NDArray[np.int64]:
    """At most `most` of n row numbers, each as likely, rising. The first rows are no sample: often of one class."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])


def _take_csr(csr: Csr, rows: Rows) -> Csr:
    lengths = np.diff(csr.indptr)[rows]
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    places = np.repeat(csr.indptr[rows] - indptr[:-1], lengths) + np.arange(indptr[-1])
    return Csr(indptr, csr.indices[places], csr.values[places], csr.n_columns)
