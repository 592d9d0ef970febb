"""Random trees grown one at a time by scikit-learn, kept as plain arrays: what extra-trees and random forests share.

Extra-trees split at random places (Geurts, Ernst & Wehenkel 2006), random forests at the best places of resampled rows
(Breiman 2001). A tree stands in arrays from the start, so that a saved grove predicts the same values and needs no
scikit-learn; while the process lives, rows go down the library's own tree, which is some ten times faster.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.trees.config import TreePlan

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Tree:
    """left, right: (nodes,) children, -1 at leaves. column: (nodes,). threshold: (nodes,) rows up to it go left.

    leaf: (nodes,) row of `values`, -1 at inner nodes. values: (leaves, classes) shares. native: scikit-learn's tree.
    """

    left: Ints
    right: Ints
    column: Ints
    threshold: NDArray[np.float64]
    leaf: Ints
    values: Floats
    native: Any = None

    def places(self, x: Floats) -> NDArray[np.int64]:
        """(n,) the leaf in which each row of x (n, columns) ends."""
        if self.native is not None:
            return np.asarray(self.leaf[self.native.apply(x)], np.int64)
        node = np.zeros(len(x), np.int64)
        rows = np.arange(len(x))
        while len(rows):
            at = node[rows]
            inner = self.left[at] >= 0
            rows, at = rows[inner], at[inner]
            low = x[rows, self.column[at]] <= self.threshold[at]
            node[rows] = np.where(low, self.left[at], self.right[at])
        return np.asarray(self.leaf[node], np.int64)


@dataclass(frozen=True)
class RandomForest:
    """Trees that vote with the class shares of their leaves."""

    trees: tuple[Tree, ...] = ()

    def votes(self, x: Floats, first: int = 0) -> Floats:
        """(n, classes) sum of the shares given by the trees from number `first` on; x without NaN."""
        total = np.zeros((len(x), self.trees[0].values.shape[1]), np.float32)
        for tree in self.trees[first:]:
            total += tree.values[tree.places(x)]
        return total

    def shares(self, x: Floats) -> Floats:
        """(n, classes) in [0, 1]."""
        return np.asarray(self.votes(x) / np.float32(len(self.trees)), np.float32).clip(0, 1)

    @property
    def cells(self) -> int:
        """Numbers held in the leaves."""
        return sum(tree.values.size for tree in self.trees)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For `save_state`; `restore` is the inverse."""
        if not self.trees:
            return {}
        out = {k: np.concatenate([getattr(t, k) for t in self.trees]) for k in ARRAYS}
        sizes = [[len(t.left), len(t.values)] for t in self.trees]
        return {**out, "sizes": np.array(sizes, np.int64)}

    @classmethod
    def restore(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Read what `arrays` gave."""
        if "sizes" not in arrays:
            return cls()
        nodes, leaves = np.cumsum(arrays["sizes"], axis=0).T
        parts = {k: np.split(arrays[k], (leaves if k == "values" else nodes)[:-1]) for k in ARRAYS}
        return cls(tuple(Tree(**{k: parts[k][i] for k in ARRAYS}) for i in range(len(nodes))))


ARRAYS = ("left", "right", "column", "threshold", "leaf", "values")


class TrainingRows:
    """Training rows as the trees want them: x (n, columns) float32 without NaN, y (n, classes) of 0 and 1."""

    def __init__(self, x: Floats, target: NDArray[Any], classes: int, exclusive: bool) -> None:
        self.x, self.target, self.classes, self.exclusive = x, target, classes, exclusive

    @classmethod
    def of(cls, x: Floats, y: Floats) -> Self:
        """Training rows; where each has exactly one of several classes, its number is all the trees need."""
        exclusive = y.shape[1] > 1 and bool((y.sum(1) == 1).all())
        target = y.argmax(1) if exclusive else np.ascontiguousarray(y, np.float64)
        return cls(np.asfortranarray(x), target, y.shape[1], exclusive)  # splits read columns

    def take(self, rows: NDArray[np.int64]) -> "TrainingRows":
        """The rows with these numbers."""
        return TrainingRows(np.asfortranarray(self.x[rows]), self.target[rows], self.classes, self.exclusive)

    def __len__(self) -> int:
        return len(self.x)

    def tree(self, plan: TreePlan, rows: NDArray[np.int64], seed: int) -> Tree:
        """One tree on these rows. Variance of 0 and 1 is half of Gini's index: one criterion serves several labels."""
        weights = None
        if not plan.random:  # resampled as weights: a wide table is not copied for every tree
            draws = np.random.default_rng(seed).integers(0, len(rows), len(rows))
            weights = np.bincount(draws, minlength=len(rows)).astype(np.float64)
        whole = len(rows) == len(self)
        x, y = (self.x, self.target) if whole else (np.asfortranarray(self.x[rows]), self.target[rows])
        model = _kind(self.exclusive, plan.random)(
            min_samples_leaf=plan.leaf, max_features=self._columns(plan), random_state=seed % (1 << 31)
        )
        model.fit(x, y, sample_weight=weights, check_input=False)
        return self._plain(model)

    def _columns(self, plan: TreePlan) -> int:
        width = self.x.shape[1]
        return int(np.clip(round(plan.columns * width), np.ceil(np.sqrt(width)), max(1, min(width, plan.most_columns))))

    def _plain(self, model: Any) -> Tree:
        native = model.tree_
        left, right = native.children_left.astype(np.int32), native.children_right.astype(np.int32)
        ends = np.flatnonzero(left < 0)
        leaf = np.full(len(left), -1, np.int32)
        leaf[ends] = np.arange(len(ends), dtype=np.int32)
        values = np.zeros((len(ends), self.classes), np.float32)
        if self.exclusive:
            shares = native.value[ends, 0, :]
            values[:, model.classes_] = shares / np.maximum(shares.sum(1, keepdims=True), 1e-12)
        else:
            values[:] = native.value[ends, :, 0]
        column, threshold = native.feature.astype(np.int32), native.threshold.astype(np.float64)
        return Tree(left, right, column, threshold, leaf, values, native)


def median_filled(x: Floats, medians: Floats) -> Floats:
    """x (n, columns) with NaN replaced by the columns' medians."""
    return np.where(np.isnan(x), medians, x)


def medians_of(x: Floats) -> Floats:
    """(columns,) medians of the finite values, 0 where there are none."""
    some = x[:: max(1, len(x) // 10_000)]
    ordered = np.sort(some, axis=0)  # NaN last
    count = len(some) - np.isnan(some).sum(0)
    middle = ordered[np.maximum(count - 1, 0) // 2, np.arange(x.shape[1])] if len(some) else np.zeros(x.shape[1])
    return np.nan_to_num(middle).astype(np.float32)


def load_library() -> None:
    """Import scikit-learn, which takes a second."""
    _kind(True, True)


@cache
def _kind(exclusive: bool, random: bool) -> Any:
    from sklearn import tree

    names = {(True, True): "ExtraTreeClassifier", (True, False): "DecisionTreeClassifier"}
    names |= {(False, True): "ExtraTreeRegressor", (False, False): "DecisionTreeRegressor"}
    return getattr(tree, names[exclusive, random])
