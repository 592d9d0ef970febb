"""Seeded error bars by resampling test rows: 10 times for the last NAUC, 5 times for the ALC, as in the challenge.

The official program draws without a seed and gives up when one resample lacks a class. Here a draw without any
usable class is drawn again, so small test sets have error bars too, and the same seed gives the same bars.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autodl_agent.scoring.alc import T0_S, alc
from autodl_agent.scoring.auc import as_matrices, mean_nauc, weighted_class_aucs
from data_format.errors import DataError

NAUC_RESAMPLES = 10
ALC_RESAMPLES = 5
# With one positive row a draw misses it (or everything else) at most half of the time: 100 misses do not happen.
_MAX_DRAWS = 100


@dataclass(frozen=True, slots=True)
class ErrorBar:
    """Mean, standard deviation and variance (population, as the challenge reports them) over `resamples` draws."""

    mean: float
    std: float
    var: float
    resamples: int

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "ErrorBar":
        """The bar of a vector of at least one score."""
        return cls(float(values.mean()), float(values.std()), float(values.var()), len(values))


def draw_counts(truth: NDArray[np.float64], resamples: int, seed: int = 0) -> NDArray[np.int64]:
    """How often each row occurs in each bootstrap resample: (resamples, n), rows drawn with replacement.

    Only draws in which some class has both positive and negative rows are taken; (0, n) where there can be none.
    """
    n = len(truth)
    positive = truth == 1
    if not (positive.any(axis=0) & ~positive.all(axis=0)).any():
        return np.zeros((0, n), dtype=np.int64)
    generator = np.random.default_rng(seed)
    counts = np.zeros((resamples, n), dtype=np.int64)
    for b in range(resamples):
        for _ in range(_MAX_DRAWS):
            rows = generator.integers(0, n, n)
            share = positive[rows].mean(axis=0)
            if ((share > 0) & (share < 1)).any():
                break
        else:
            return counts[:b]
        # Counts instead of rows: one sort of a prediction then serves every resample.
        counts[b] = np.bincount(rows, minlength=n)
    return counts


def resampled_naucs(
    truth: NDArray[np.float64], scores: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """NAUC of one prediction (n, c) under each resample of `draw_counts`: shape (resamples,)."""
    return mean_nauc(weighted_class_aucs(truth, scores, counts))


def nauc_error_bar(
    truth: ArrayLike, scores: ArrayLike, seed: int = 0, resamples: int = NAUC_RESAMPLES
) -> ErrorBar | None:
    """Error bar of the NAUC of one prediction (n, c); None where no class is usable."""
    truths, predictions = as_matrices(truth, scores)
    counts = draw_counts(truths, resamples, seed)
    return ErrorBar.of(resampled_naucs(truths, predictions, counts)) if len(counts) else None


def alc_error_bar(naucs: NDArray[np.float64], times: ArrayLike, budget: float, t0: float = T0_S) -> ErrorBar | None:
    """Error bar of the ALC; each resample keeps its rows for the whole curve.

    naucs: (predictions, resamples), one row of `resampled_naucs` a prediction. times: (predictions,) in seconds.
    None without predictions or resamples. Raises DataError where the lengths differ.
    """
    moments = np.asarray(times, dtype=np.float64)
    if naucs.ndim != 2 or len(naucs) != len(moments):
        raise DataError(f"expected one row of resampled scores a time: scores {naucs.shape}, times {moments.shape}")
    if not naucs.size:
        return None
    return ErrorBar.of(np.array([alc(moments, column, budget, t0) for column in naucs.T]))
