"""Area under the ROC curve per class, and its normalised mean, the challenge's score for one prediction.

Definitions of the AutoDL challenge (scoring of 2019): positive = truth exactly 1, anything less, fractions
included, is negative; `AUC = (sum of the positives' ranks - p(p+1)/2) / (p n)` with average ranks for ties;
`NAUC = 2 mean(AUC) - 1` over the classes that have both kinds of rows. Two guards are ours: NaN and -inf rank
lowest and +inf highest, and a truth without any usable class scores 0 instead of failing.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_format.errors import DataError

# Bounds the scratch memory of one sort to some 40 MB whatever the size of the test set.
_BLOCK_CELLS = 1_000_000


def as_matrices(truth: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both arguments as float64 matrices (n, c) of one shape; a vector is one column.

    Raises DataError with both shapes where they differ.
    """
    truths, predictions = np.asarray(truth, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if truths.shape != predictions.shape or truths.ndim not in (1, 2):
        raise DataError(
            f"truth and prediction must be matrices of one shape (rows, classes): "
            f"truth has {truths.shape}, prediction has {predictions.shape}"
        )
    if truths.ndim == 1:
        truths, predictions = truths[:, None], predictions[:, None]
    return truths, predictions


def class_aucs(truth: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """AUC of each column, shape (c,); NaN for a column whose rows are all positive or all negative.

    truth, scores: (n, c). Raises DataError where the shapes differ.
    """
    truths, predictions = as_matrices(truth, scores)
    aucs: NDArray[np.float64] = weighted_class_aucs(truths, predictions, np.ones((1, len(truths)), np.int64))[0]
    return aucs


def weighted_class_aucs(
    truth: NDArray[np.float64], scores: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """AUC of each column, shape (b, c), for b ways of counting the rows.

    truth, scores: (n, c). counts: (b, n), how often each row occurs; the sort is shared by all b.
    """
    # A column is told unusable by its counts, not by a sum close to 0 or n: 1 negative among 100000 rows is enough.
    aucs = np.full((len(counts), truth.shape[1]), np.nan)
    if not len(truth):
        return aucs
    for columns in _column_blocks(*truth.shape):
        # Classes as rows: sorting along the last axis of a contiguous array is several times as fast.
        positive = np.ascontiguousarray(truth[:, columns].T == 1)
        order, starts = _tie_groups(scores[:, columns].T)
        positive = np.take_along_axis(positive, order, axis=1)
        for b, count in enumerate(counts):
            aucs[b, columns] = _aucs_of_groups(count[order], positive, starts)
    return aucs


def nauc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Normalised AUC, 2·mean(AUC) - 1 over the usable classes, in [-1, 1]; 0.0 where there is none."""
    return float(mean_nauc(class_aucs(truth, scores)))


def mean_nauc(aucs: NDArray[np.float64]) -> NDArray[np.float64]:
    """NAUC from AUCs of shape (…, c), NaN columns left out: shape (…); 0 where every column is NaN."""
    usable = ~np.isnan(aucs)
    total = np.where(usable, 2 * aucs - 1, 0.0).sum(axis=-1)
    mean: NDArray[np.float64] = total / np.maximum(usable.sum(axis=-1), 1)
    return mean


def _column_blocks(n: int, c: int) -> Iterator[slice]:
    width = max(1, _BLOCK_CELLS // max(n, 1))
    for first in range(0, c, width):
        yield slice(first, min(first + width, c))


def _tie_groups(scores: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort each row of `scores` (c, n): the order (c, n), and where groups of equal values start when flat."""
    # NumPy sorts NaN to the top, where a broken prediction would win; here it ties with the lowest.
    values = np.where(np.isnan(scores), -np.inf, scores)
    order = np.argsort(values, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    new = np.ones(values.shape, dtype=bool)
    np.not_equal(values[:, 1:], values[:, :-1], out=new[:, 1:])
    return order, np.flatnonzero(new)


def _aucs_of_groups(
    counts: NDArray[np.int64], positive: NDArray[np.bool_], starts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """AUC of each sorted row (c,): positives above negatives, ties half, in exact integers until the last division."""
    c, n = positive.shape
    positives = np.add.reduceat((counts * positive).ravel(), starts)
    negatives = np.add.reduceat(counts.ravel(), starts) - positives
    row_starts = np.searchsorted(starts, np.arange(c) * n)
    p, q = np.add.reduceat(positives, row_starts), np.add.reduceat(negatives, row_starts)
    # Exclusive running sum of negatives within the row: over all rows, less what earlier rows hold.
    below = np.cumsum(negatives) - negatives - np.repeat(np.cumsum(q) - q, np.diff(np.append(row_starts, len(starts))))
    twice_wins = np.add.reduceat(positives * (2 * below + negatives), row_starts)
    # int64 holds twice the pairs of two billion rows; a float sum of ranks would round from 1e8 rows on.
    pairs = p * q
    return np.where(pairs > 0, twice_wins / np.maximum(2 * pairs, 1), np.nan)
