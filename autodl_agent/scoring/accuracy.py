"""The challenge's soft accuracy: the share of a row's predicted mass that lies on its true class."""

import numpy as np
from numpy.typing import ArrayLike

from autodl_agent.scoring.auc import as_matrices


def is_one_hot(truth: ArrayLike) -> bool:
    """Whether every row of the truth (n, c) has exactly one 1 and zeros elsewhere: accuracy is defined for these."""
    matrix = np.asarray(truth)
    return bool(matrix.ndim == 2 and np.isin(matrix, (0, 1)).all() and (matrix.sum(axis=1) == 1).all())


def soft_accuracy(truth: ArrayLike, scores: ArrayLike) -> float:
    """`(1/n) sum over rows of sum(Y·P) / (sum|P| + 1e-15)`, not the accuracy of the largest score.

    truth, scores: (n, c). A score that is not finite counts as 0; no rows give 0.0. Raises DataError where the
    shapes differ.
    """
    truths, predictions = as_matrices(truth, scores)
    if not len(truths):
        return 0.0
    # One NaN would make the whole mean NaN; the AUC beside it already ranks such a score lowest.
    predictions = np.where(np.isfinite(predictions), predictions, 0.0)
    mass = np.abs(predictions).sum(axis=1) + 1e-15
    return float(((truths * predictions).sum(axis=1) / mass).mean())
