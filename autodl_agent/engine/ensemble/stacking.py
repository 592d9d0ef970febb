"""Weights of an ensemble by maximum likelihood on held-out rows, held towards equal weights and never negative.

Two models of K weights w for K members with logits x: p = sigmoid(Σ w·x + offset of the class), and for rows with one
label p = softmax(Σ w·x). Both are convex; a few Newton steps on K numbers find the optimum. A ridge pulls the weights
towards their mean, so that few or saturated held-out rows share the weight among the members and many rows decide.
A member with a negative weight leaves. Sources: Wolpert 1992; non-negative stacking, Breiman 1996.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Weights = NDArray[np.float64]

RIDGE = 10.0  # all the weight on one of two members must earn 2.5 nats of held-out log-likelihood over halves
STEPS = 24
ENOUGH = 0.01  # a Newton step smaller than this changes no ranks that matter
LARGEST_STEP = 1.0
FARTHEST = 30.0  # log-odds beyond which the exponential adds nothing
LEAST = 1e-3  # weight of a member that stays


def fit_sigmoid(members: Floats, truth: Floats) -> Weights:
    """(K,) weights ≥ 0, not all 0, for one sigmoid a class. members: (K, n, classes) logits; truth: (n, classes)."""
    return _newton(members, _Sigmoid(truth))


def fit_softmax(members: Floats, truth: Floats) -> Weights:
    """(K,) weights ≥ 0, not all 0, for a softmax over the classes; their sum is the sharpness of the softmax."""
    return _newton(members, _Softmax(truth))


class _Model(Protocol):
    def system(self, x: Floats, weights: Weights) -> tuple[Weights, Weights]:
        """Gradient (K,) and Hessian (K, K) of the negative log-likelihood."""
        ...

    def moved(self, step: Weights) -> None:
        """The weights went down by `step`."""
        ...


class _Sigmoid:
    """The classes' offsets are eliminated from each Newton system: K unknowns stay, however many classes there are."""

    def __init__(self, truth: Floats) -> None:
        self.truth = truth
        self.offsets: Weights = np.zeros(truth.shape[1])
        self._slope = self._first = self.offsets
        self._mixed: Weights = np.zeros((0, truth.shape[1]))

    def system(self, x: Floats, weights: Weights) -> tuple[Weights, Weights]:
        odds = _mix(x, weights) + np.asarray(self.offsets, np.float32)
        p = 1 / (1 + np.exp(-odds.clip(-FARTHEST, FARTHEST)))
        wrong, curve = p - self.truth, p * (1 - p) + np.float32(1e-6)
        scaled = x * curve
        self._slope = curve.sum(0, dtype=np.float64) + 0.1
        self._first = wrong.sum(0, dtype=np.float64)
        self._mixed = scaled.sum(1, dtype=np.float64)
        share = self._mixed / self._slope
        return _flat(x) @ wrong.ravel() - share @ self._first, _flat(scaled) @ _flat(x).T - share @ self._mixed.T

    def moved(self, step: Weights) -> None:
        self.offsets = self.offsets - ((self._first - step @ self._mixed) / self._slope).clip(-2, 2)


class _Softmax:
    def __init__(self, truth: Floats) -> None:
        self.truth = truth / np.maximum(truth.sum(1, keepdims=True), np.float32(1e-6))

    def system(self, x: Floats, weights: Weights) -> tuple[Weights, Weights]:
        odds = _mix(x, weights)
        p = np.exp(odds - odds.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        scaled = x * p
        mean = scaled.sum(2)
        return _flat(x) @ (p - self.truth).ravel(), _flat(scaled) @ _flat(x).T - mean @ mean.T

    def moved(self, step: Weights) -> None:
        """A softmax without offsets holds no state."""


def _newton(members: Floats, model: _Model) -> Weights:
    """Newton steps from 0, where no logit saturates; members that end negative leave, the others go on from there."""
    kept = np.arange(len(members))
    weights: Weights = np.zeros(len(members))
    x = np.asarray(members, np.float32)
    for _ in range(STEPS):
        first, second = model.system(x, weights)
        k = len(kept)
        first = first + RIDGE * (weights - weights.mean())
        second = second + RIDGE * (np.eye(k) - 1 / k) + 1e-3 * np.eye(k)
        step = np.linalg.solve(second.astype(np.float64), first).clip(-LARGEST_STEP, LARGEST_STEP)
        weights = weights - step
        model.moved(step)
        if np.abs(step).max() > ENOUGH:
            continue
        if k == 1 or (weights > 0).all():
            break
        good = weights > 0 if (weights > 0).any() else weights == weights.max()
        kept, weights, x = kept[good], np.maximum(weights[good], LEAST), x[good]
    out = np.zeros(len(members))
    out[kept] = np.maximum(weights, LEAST)
    return out


def _mix(x: Floats, weights: Weights) -> Floats:
    """(n, classes) weighted sum of (K, n, classes)."""
    mixed: Floats = (np.asarray(weights, np.float32) @ _flat(x)).reshape(x.shape[1:])
    return mixed


def _flat(x: Floats) -> Floats:
    return x.reshape(len(x), -1)
