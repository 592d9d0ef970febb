"""The ensemble: members averaged in logit space, with weights that held-out rows earned.

Three steps. Maximum likelihood, held towards equal weights, says how much each member knows (`stacking`); its loss is
smooth, so that few or saturated rows do not pick a winner by chance. From there a greedy selection with replacement
(Caruana et al. 2004, "Ensemble selection from libraries of models") adds picks while the held-out NAUC gains more than
noise. For rows with one label the same is done for a softmax over the classes, at a few sharpnesses, and taken where
it is clearly better. `docs/decisions/0009` holds the measurements.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Logits, Probabilities
from autodl_agent.engine.ensemble.holdout_metric import HoldoutMetric, subset
from autodl_agent.engine.ensemble.stacking import fit_sigmoid, fit_softmax
from autodl_agent.scoring import links

Weights = NDArray[np.float64]
PICKS = 8  # of a quarter each: after eight the weights that the likelihood gave count for a tenth
PICK = 0.25  # share of the weight that one pick takes
CANDIDATES = 5  # members of most weight among which picks are made
NOISE = 0.02  # a pick must gain this many standard errors of the NAUC; picks share their rows, so few do
LIMIT = 16.0  # logits beyond ±16 cannot be told apart in float32 probabilities
SHARPNESS = (0.6, 1.0, 1.7)  # times the likeliest: the sharpness that ranks best is often another
COUPLING_GAIN = 0.003  # below this the gain of a softmax is noise of the held-out rows
FIT_CELLS = 600_000  # members × rows × classes that the likelihood looks at


@dataclass(frozen=True)
class Blend:
    """Weights over the members (they sum to 1), whether rows are normalised to sum to 1, and the held-out NAUC.

    sharpness: > 0, what the weighted mean is multiplied with before a softmax; 1 where rows are not normalised.
    """

    weights: tuple[float, ...]
    softmax: bool
    nauc: float
    inverse_temperature: float = 1.0

    def probabilities(self, members: Sequence[Logits]) -> Probabilities:
        """(n, classes) from the members' logits; members of weight 0 may be empty arrays."""
        parts = [
            np.float32(w * self.inverse_temperature) * m for w, m in zip(self.weights, members, strict=True) if w > 0
        ]
        return to_probabilities(np.sum(parts, axis=0), self.softmax)


def to_logits(probabilities: Probabilities) -> Logits:
    """log(p/(1-p)), clipped to ±16, float32."""
    p = np.asarray(probabilities, np.float64).clip(1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)).clip(-LIMIT, LIMIT), np.float32)


def to_probabilities(logits: Logits, softmax: bool) -> Probabilities:
    """One sigmoid per class; coupled: a softmax over the classes instead, for tasks with one label a row."""
    return links.softmax(logits) if softmax else links.sigmoid(logits)


def select(members: Sequence[Logits], labels: Labels, may_couple: bool, picks: int = PICKS) -> Blend:
    """Choose weights on held-out rows. members: logits (m, classes) each; labels: (m, classes).

    picks: how many the greedy selection may add. With no usable held-out column every member weighs the same and the
    NAUC is 0.
    """
    rows = subset(labels)
    judge = HoldoutMetric(np.asarray(labels[rows], np.float32))
    if not judge.usable:
        return Blend(tuple(1 / len(members) for _ in members), False, 0.0)
    views = np.asarray([member[rows] for member in members], np.float32)
    few = slice(None, None, max(1, -(-views.size // FIT_CELLS)))
    fitted, truth = np.asarray(views[:, few], np.float32, order="C"), judge.truth[few]
    weights = fit_sigmoid(fitted, truth) if len(members) > 1 else np.ones(1)
    weights, softmax = weights / weights.sum(), False
    nauc = judge.nauc(views, weights, False)
    if may_couple:
        likeliest = fit_softmax(fitted, truth)
        capture_errors = [(judge.nauc(views, likeliest * times, True), times) for times in SHARPNESS]
        best, times = max(capture_errors)
        if best > nauc + COUPLING_GAIN:
            weights, nauc, softmax = likeliest * times, best, True
    if len(members) > 1:
        weights, nauc = _climb(judge, views, weights, softmax, nauc, picks)
    total = float(weights.sum())
    return Blend(tuple((weights / total).tolist()), softmax, nauc, total if softmax else 1.0)


def _climb(
    judge: HoldoutMetric, views: Logits, weights: Weights, softmax: bool, nauc: float, picks: int
) -> tuple[Weights, float]:
    """Give PICK of the weight to the member that raises the NAUC most, again and again, while it is more than noise."""
    candidates = np.argsort(-weights, kind="stable")[:CANDIDATES]
    least = NOISE * judge.standard_error(nauc)
    for _ in range(picks):
        capture_errors = []
        for k in candidates:
            moved = (1 - PICK) * weights
            moved[k] += PICK * weights.sum()
            capture_errors.append(moved)
        aucs = [judge.nauc(views, moved, softmax) for moved in capture_errors]
        leader = int(np.argmax(aucs))
        if aucs[leader] <= nauc + least:
            break
        weights, nauc = capture_errors[leader], aucs[leader]
    return weights, nauc
