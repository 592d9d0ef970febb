"""The ensemble: greedy selection with replacement on held-out NAUC, averaged in logit space.

Source: Caruana et al. 2004, "Ensemble selection from libraries of models". The selection starts from the best member
and adds whichever member raises the held-out NAUC most, up to a fixed number of picks; ties keep the smaller change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.base import Labels, Probabilities
from autodl_agent.learners.linear import fast_aucs, sigmoid

Logits = NDArray[np.float32]
PICKS = 8
LIMIT = 16.0  # logits beyond ±16 cannot be told apart in float32 probabilities
COUPLING_GAIN = 0.003  # below this the gain of a softmax is noise of the held-out rows
MOST_CELLS = 60_000  # rows × classes looked at in one comparison; more adds seconds, not certainty


@dataclass(frozen=True)
class Blend:
    """Weights over the members (they sum to 1), whether rows are normalised to sum to 1, and the held-out NAUC."""

    weights: tuple[float, ...]
    coupled: bool
    nauc: float

    def probabilities(self, members: Sequence[Logits]) -> Probabilities:
        """(n, classes) from the members' logits; members of weight 0 may be empty arrays."""
        parts = [np.float32(w) * m for w, m in zip(self.weights, members, strict=True) if w > 0]
        return to_probabilities(np.sum(parts, axis=0), self.coupled)


def to_logits(probabilities: Probabilities) -> Logits:
    """log(p/(1-p)), clipped to ±16, float32."""
    p = np.asarray(probabilities, np.float64).clip(1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)).clip(-LIMIT, LIMIT), np.float32)


def to_probabilities(logits: Logits, coupled: bool) -> Probabilities:
    """One sigmoid per class; coupled: a softmax over the classes instead, for tasks with one label a row."""
    if not coupled:
        return sigmoid(logits)
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True), np.float32)


def select(members: Sequence[Logits], labels: Labels, may_couple: bool, picks: int = PICKS) -> Blend:
    """Choose weights on held-out rows. members: logits (m, classes) each; labels: (m, classes).

    With no usable held-out column every member weighs the same and the NAUC is 0.
    """
    rows = _subset(labels)
    truth = labels[rows]
    views = [member[rows] for member in members]
    if not len(truth) or not np.isfinite(fast_aucs(views[0], truth)).any():
        return Blend(tuple(1 / len(members) for _ in members), False, 0.0)
    counts = np.zeros(len(members))
    total = np.zeros_like(views[0])
    best = -np.inf
    for _ in range(picks if len(members) > 1 else 1):
        merits = [_nauc((total + view) / (counts.sum() + 1), truth, False) for view in views]
        leader = int(np.argmax(merits))
        if merits[leader] <= best + 1e-5:
            break
        best = merits[leader]
        counts[leader] += 1
        total = total + views[leader]
    blended = total / counts.sum()
    coupled = may_couple and _nauc(blended, truth, True) > best + COUPLING_GAIN
    weights = tuple(float(c) for c in counts / counts.sum())
    return Blend(weights, coupled, _nauc(blended, truth, coupled))


def _nauc(logits: Logits, labels: Labels, coupled: bool) -> float:
    scores = to_probabilities(logits, True) if coupled else logits
    return float(2 * np.nanmean(fast_aucs(scores, labels)) - 1)


def _subset(labels: Labels) -> NDArray[np.int64]:
    """All rows, or an evenly spaced part when rows × classes is large; rows with rare labels always stay."""
    n, classes = labels.shape
    most = max(200, MOST_CELLS // max(1, classes))
    if n <= most:
        return np.arange(n)
    rare = np.flatnonzero((labels[:, (labels > 0).sum(0) <= 20] > 0).any(1))[: most // 2]
    spread = np.linspace(0, n - 1, most - len(rare)).astype(np.int64)
    return np.unique(np.concatenate([rare, spread]))
