"""Which held-out rows blends are compared on, and their NAUC there, many times and quickly.

Every class counts the same, so rows are taken class by class. Where classes have few positives each, these are counted
against the other rows: sorting every column takes ten times as long.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Logits
from autodl_agent.learners.base import balanced_order
from autodl_agent.scoring.fast_auc import fast_aucs

Weights = NDArray[np.float64]
Doubles = NDArray[np.float64]
LEAST_ROWS = 200
MOST_CELLS = 40_000  # rows × classes looked at in one comparison; more adds seconds, not certainty …
PAIR = 2  # … but for so many positives of each class,
UTMOST_CELLS = 2_000_000  # up to so many cells, at which one NAUC of six members takes about 10 ms
COUNTED = 8  # positives up to which counting is quicker than sorting


class HoldoutMetric:
    """NAUC of many blends against the same truth, quickly. truth: (m, classes)."""

    def __init__(self, truth: Labels) -> None:
        self.truth = truth

    @cached_property
    def positives(self) -> Doubles:
        """(classes,) number of positive rows."""
        return np.asarray((self.truth > 0.5).sum(0), np.float64)

    @property
    def usable(self) -> bool:
        """Whether any class has rows on both sides."""
        return bool(((self.positives > 0) & (self.positives < len(self.truth))).any())

    def nauc(self, views: Logits, weights: Weights, softmax: bool) -> float:
        """Macro NAUC of the weighted sum of (K, m, classes) logits; coupled: of its softmax, compared as logarithms."""
        scores = np.tensordot(np.asarray(weights, np.float32), views, 1)
        if softmax:
            scores = scores - scores.max(1, keepdims=True)
            # Logarithms keep the ranks of small shares, which would merge in float32.
            scores -= np.log(np.exp(scores).sum(1, keepdims=True))
        return float(2 * self.aucs(scores).mean() - 1)

    def aucs(self, scores: Logits) -> Doubles:
        """AUC of (m, classes) finite scores in each class that has both values, those of few positives first."""
        rare, common, places = self._parts
        if len(rare) == scores.shape[1]:
            return counted_aucs(scores, places)
        if len(common) == scores.shape[1]:
            return fast_aucs(scores, self.truth)
        sorted_out = fast_aucs(scores[:, common], self.truth[:, common]) if len(common) else np.zeros(0)
        return np.concatenate([counted_aucs(scores[:, rare], places), sorted_out])

    @cached_property
    def _parts(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Columns of few and of more positives, and for the former (COUNTED at most, columns) their rows or -1."""
        told = (self.positives > 0) & (self.positives < len(self.truth))
        rare = np.flatnonzero(told & (self.positives <= COUNTED))
        common = np.flatnonzero(told & (self.positives > COUNTED))
        column, row = np.nonzero(self.truth[:, rare].T > 0.5)
        level = np.arange(len(column)) - np.searchsorted(column, column)
        places = np.full((int(level.max(initial=-1)) + 1, len(rare)), -1)
        places[level, column] = row
        return rare, common, places

    def standard_error(self, nauc: float) -> float:
        """Of the macro NAUC, by chance of the rows (Hanley & McNeil 1982), as if every class had the mean AUC."""
        area = min(max((nauc + 1) / 2, 0.5), 1 - 1e-6)
        n1, n0 = self.positives, len(self.truth) - self.positives
        n1, n0 = n1[(n1 > 0) & (n0 > 0)], n0[(n1 > 0) & (n0 > 0)]
        two_positives, two_negatives = area / (2 - area), 2 * area**2 / (1 + area)
        spread = (n1 - 1) * (two_positives - area**2) + (n0 - 1) * (two_negatives - area**2)
        return float(2 * np.sqrt(((area * (1 - area) + spread) / (n1 * n0)).sum()) / len(n1))


def counted_aucs(scores: Logits, places: NDArray[np.int64]) -> Doubles:
    """(classes,) AUC of finite scores (m, classes), ties counting half.

    places: (levels, classes) rows of the positives, -1 where a class has fewer; each has one and one negative at least.
    """
    columns, wins = np.arange(scores.shape[1]), np.zeros(scores.shape[1])
    for rows in places:
        mark = np.where(rows >= 0, scores[rows, columns], np.float32(-np.inf))
        wins += (scores < mark).sum(0, dtype=np.int32)
        wins += (scores <= mark).sum(0, dtype=np.int32)
    # Counted twice; of two positives one always wins, and each ties with itself.
    k = (places >= 0).sum(0)
    return np.asarray((wins - k * k) / (2 * k * (len(scores) - k)), np.float64)


def subset(labels: Labels, cells: int = MOST_CELLS) -> NDArray[np.int64]:
    """All rows, or a part when rows × classes is large: half of it class by class, the rest evenly spaced.

    The part always has PAIR rows of each class that has them, within UTMOST_CELLS. The same labels give the same rows:
    a run compares its predictions on them.
    """
    n, classes = labels.shape
    most = max(LEAST_ROWS, cells // max(1, classes))
    if n <= most:
        return np.arange(n)
    pairs = int(np.minimum((labels > 0).sum(0), PAIR).sum())
    most = max(most, min(pairs, UTMOST_CELLS // classes))
    if n <= most:
        return np.arange(n)
    even = balanced_order(labels, 0)[: max(most // 2, min(pairs, most))]
    spread = np.linspace(0, n - 1, most - len(even)).astype(np.int64)
    return np.unique(np.concatenate([even, spread]))
