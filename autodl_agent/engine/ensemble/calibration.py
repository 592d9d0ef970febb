"""Probabilities that mean what they say, and decisions: one slope and offset for all classes, one threshold for each.

A positive slope and an offset shared by all classes change neither the order of the rows within a class (so no AUC)
nor the order of the classes within a row (so no most likely class). Two numbers can be learned from few held-out
rows; the members calibrate each class themselves. Sources: Platt 1999; thresholds for F1, Lipton et al. 2014.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Logits, Probabilities

STEPS = 8
CELLS = 40_000  # rows × classes looked at: two numbers need no more, and this takes about 5 ms
PRIOR = 4.0  # pseudo-observations that hold the slope at 1 and the offset at 0
SLOPES = (0.2, 5.0)
LARGEST = 12.0  # log-odds beyond which float32 probabilities merge near 1
FEW = 5  # positives (or negatives) below which a class shares the threshold of all classes
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Calibration:
    """p = sigmoid(slope × log-odds + offset), slope > 0, for every class alike."""

    slope: float = 1.0
    offset: float = 0.0

    def probabilities(self, odds: Logits) -> Probabilities:
        """(n, classes) from log-odds; exact to float32 for small probabilities too, so that no ranks merge there."""
        return logistic(np.float32(self.slope) * odds + np.float32(self.offset))


def logistic(odds: Logits) -> Probabilities:
    """1/(1+exp(-x)) with full relative precision on the side of small values, float32."""
    small = np.exp(-np.abs(odds))
    return np.asarray(np.where(odds >= 0, np.float32(1), small) / (1 + small), np.float32)


def softmax_odds(logits: Logits) -> Logits:
    """Log-odds of the softmax over the classes of (n, classes) logits."""
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    rest = -np.expm1(np.minimum(log_p, -1e-7))  # 1 - p without cancellation
    return np.asarray(log_p - np.log(rest), np.float32)


def fit_calibration(odds: Logits, labels: Labels) -> Calibration:
    """Fit on held-out log-odds and labels, (m, classes) each; the identity where that is no better or not possible."""
    n, classes = labels.shape
    if not n or not classes:
        return Calibration()
    step = max(1, n * classes // CELLS)
    x = odds[::step].astype(np.float64).ravel()
    y = (labels[::step] > 0.5).astype(np.float64).ravel()
    if not 0 < y.sum() < len(y):
        return Calibration()
    a, b = 1.0, 0.0
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(a * x + b)))
        r, w = p - y, p * (1 - p)
        ga, gb = r @ x + PRIOR * (a - 1), r.sum() + PRIOR * b
        saa, sab, sbb = (w * x) @ x + PRIOR, w @ x, w.sum() + PRIOR
        determinant = saa * sbb - sab * sab
        a = float(np.clip(a - (sbb * ga - sab * gb) / determinant, *SLOPES))
        b = float(np.clip(b - (saa * gb - sab * ga) / determinant, -LARGEST, LARGEST))
    # Where the rows are separated, the slope that the data ask for would push scores out of float32's reach.
    a = min(a, max(1.0, (LARGEST - abs(b)) / max(float(np.abs(x).max()), 1e-6)))
    better = _loss(a * x + b, y) < _loss(x, y)
    return Calibration(a, b) if better and np.isfinite([a, b]).all() else Calibration()


def fit_thresholds(probabilities: Probabilities, labels: Labels) -> NDArray[np.float32]:
    """(classes,) thresholds with the best F1 on held-out rows; a class has its positives at or above its own.

    Classes with fewer than FEW positives or negatives share the threshold with the best F1 over all cells.
    """
    n, classes = labels.shape
    truth = labels > 0.5
    if not n or not truth.any():
        return np.full(classes, DEFAULT_THRESHOLD, np.float32)
    step = max(1, n * classes // (25 * CELLS))
    shared = best_threshold(probabilities[::step].ravel(), truth[::step].ravel())
    out = np.full(classes, shared, np.float32)
    positives = truth.sum(0)
    for c in np.flatnonzero((positives >= FEW) & (n - positives >= FEW)):
        out[c] = best_threshold(probabilities[:, c], truth[:, c])
    return out


def best_threshold(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """The threshold with the highest F1, in the middle between two scores; ties go to the one nearest 0.5."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order].astype(np.float64)
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + max(1, int(truth.sum())))
    below = np.append(ranked[1:], 0.0)
    cut = ranked > below  # rows of one score fall on the same side
    cut[-1] = True
    middle = np.where(below > 0, (ranked + below) / 2, ranked / 2)
    best = f1 >= f1[cut].max() - 1e-12
    options = middle[cut & best]
    return float(options[np.argmin(np.abs(options - DEFAULT_THRESHOLD))])


def _loss(odds: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(np.logaddexp(0, np.where(truth > 0, -odds, odds)).mean())
