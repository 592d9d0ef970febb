"""Gaussian kernel ridge on frozen features: not linear, yet in closed form.

Pooled features are non-negative and skewed, so their square roots are compared, by the cosine of what is left after
the mean is taken off. Several views (sizes, networks) of the same images are one similarity: the weighted mean of
their cosines s, and the kernel exp(sharpness · (s - 1)). The penalty follows exact leave-one-out AUC on a sample with
rows of as many classes as it can hold; then all rows are fitted, spanned by a part of them where they are many, and
what that fit says of the sample, each row left out, calibrates it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Rows
from autodl_agent.learners.heads import cost
from autodl_agent.learners.heads.arrays import Floats, float32, row_slices
from autodl_agent.learners.heads.calibration import platt
from autodl_agent.learners.heads.config import GaussianConfig
from autodl_agent.learners.heads.eigen import dual_path
from autodl_agent.learners.heads.nystrom import (
    ROWS_AT_ONCE,
    last_left_out,
    rare_classes_first,
    solve_positive,
    spanned_ridge,
)
from autodl_agent.learners.heads.selection import best_candidate
from autodl_agent.scoring.fast_auc import mean_auc
from autodl_agent.scoring.links import sigmoid
from autodl_agent.system.clock import Deadline

Features = Sequence[NDArray[np.floating]]  # of each view: (n, features)
TINY = np.float32(1e-6)


@dataclass(frozen=True)
class KernelView:
    """One view after fitting. mean: (features,) of the square roots. weight: its share of the similarity.

    anchors: (m, features) unit vectors.
    """

    mean: Floats
    weight: float
    anchors: Floats

    def similarities(self, features: NDArray[np.floating]) -> Floats:
        """(n, m) cosines of rows and anchors, times the weight."""
        return float32(unit(features, self.mean) @ self.anchors.T * np.float32(self.weight))


@dataclass(frozen=True)
class GaussianHead:
    """alpha: (m, classes). intercept, slope, offset: (classes,)."""

    views: tuple[KernelView, ...]
    sharpness: float
    alpha: Floats
    intercept: Floats
    slope: Floats
    offset: Floats

    def probabilities(self, features: Features) -> Floats:
        """(n, classes) calibrated probabilities, one sigmoid a class."""
        out = np.empty((len(features[0]), len(self.intercept)), np.float32)
        for rows in row_slices(len(out), ROWS_AT_ONCE):
            scores = kernel(self.views, [x[rows] for x in features], self.sharpness) @ self.alpha + self.intercept
            out[rows] = sigmoid(scores * self.slope + self.offset)
        return out

    def arrays(self) -> dict[str, NDArray[np.floating]]:
        """For `save_state`; `from_arrays` is the inverse."""
        out: dict[str, NDArray[np.floating]] = {
            "alpha": self.alpha, "intercept": self.intercept, "slope": self.slope, "offset": self.offset,
            "weights": np.array([view.weight for view in self.views]), "sharpness": np.array(self.sharpness),
        }  # fmt: skip
        for k, view in enumerate(self.views):
            out |= {f"mean_{k}": view.mean, f"anchors_{k}": view.anchors}
        return out

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.floating]]) -> "GaussianHead":
        """The inverse of `arrays`."""
        weights = arrays["weights"]
        views = tuple(KernelView(arrays[f"mean_{k}"], float(w), arrays[f"anchors_{k}"]) for k, w in enumerate(weights))
        rest = (float32(arrays[name]) for name in ("alpha", "intercept", "slope", "offset"))
        return cls(views, float(arrays["sharpness"]), *rest)


def fit_gaussian(
    features: Features,
    weights: Sequence[float],
    labels: Floats,
    config: GaussianConfig,
    seed: int,
    deadline: Deadline,
    speed: cost.Speed,
) -> GaussianHead:
    """Fit on the views' features and labels (n, classes); weights: of the views, of any positive sum.

    Raises OutOfTimeError where the speed measured so far says that the fit would end too late.
    """
    n = len(labels)
    anchors, few = _anchors(labels, config, seed)
    work = cost.gaussian_ridge(n, len(anchors), few, sum(x.shape[1] for x in features))
    with speed.measured(work, deadline):
        views = tuple(_view(x, w / sum(weights), anchors) for x, w in zip(features, weights, strict=True))
        intercept = labels.mean(0)
        alpha, left_out = _solve(views, features, labels, intercept, anchors, few, config)
        slope, offset = platt(left_out + intercept, labels[anchors[-few:]], labels)
        if n <= 2:  # nothing can be left out; the class shares are all that so few rows tell
            slope = np.zeros_like(slope)
    return GaussianHead(views, config.sharpness, alpha, float32(intercept), slope, offset)


def kernel(views: Sequence[KernelView], features: Features, sharpness: float) -> Floats:
    """(n, m) kernel of rows and anchors."""
    similar = (view.similarities(x) for view, x in zip(views, features, strict=True))
    return _gaussian(reduce(np.add, similar), sharpness)


def unit(features: NDArray[np.floating], mean: Floats) -> Floats:
    """(n, d) square roots minus their mean, each row of length 1; values that are not finite count as the mean."""
    x = np.sqrt(np.maximum(np.asarray(features, np.float32), 0)) - mean
    np.nan_to_num(x, copy=False, posinf=0.0, neginf=0.0)
    x /= np.maximum(np.sqrt(np.einsum("ij,ij->i", x, x)), TINY)[:, None]
    return float32(x)


def _view(features: NDArray[np.floating], weight: float, anchors: NDArray[np.int64]) -> KernelView:
    roots = np.sqrt(np.maximum(np.asarray(features, np.float32), 0))
    np.nan_to_num(roots, copy=False, posinf=0.0)
    mean = roots.mean(0)
    return KernelView(mean, weight, unit(features[anchors], mean))


def _gaussian(similar: Floats, sharpness: float) -> Floats:
    similar -= np.float32(1)
    similar *= np.float32(sharpness)
    return np.exp(similar, out=similar)


def _anchors(labels: Floats, config: GaussianConfig, seed: int) -> tuple[Rows, int]:
    """Rows that span the solution, and how many of them, the last ones, choose the penalty and calibrate."""
    n = len(labels)
    order = rare_classes_first(labels, np.random.default_rng(seed), config.penalty_rows)
    order = order[: n if n <= config.most_exact_rows else config.most_anchors]
    few = min(len(order), config.penalty_rows)
    return np.concatenate([np.sort(order[few:]), np.sort(order[:few])]), few


def _solve(
    views: Sequence[KernelView],
    features: Features,
    labels: Floats,
    intercept: Floats,
    anchors: Rows,
    few: int,
    config: GaussianConfig,
) -> tuple[Floats, Floats]:
    """Dual coefficients of the anchors, and left-out scores of the few that are last, without intercept."""
    similar = (np.float32(v.weight) * (v.anchors @ v.anchors.T) for v in views)
    own = _gaussian(reduce(np.add, similar), config.sharpness)
    target, sample = float32(labels - intercept), anchors[-few:]
    penalty, left_out = _choose(own[-few:, -few:], target[sample], labels[sample], config.penalties)
    if len(anchors) < len(labels):
        rows_of_kernel = lambda rows: kernel(views, [x[rows] for x in features], config.sharpness)  # noqa: E731
        return spanned_ridge(own, rows_of_kernel, target, sample, penalty)
    own.flat[:: len(own) + 1] += np.float32(penalty)
    alpha, factor = solve_positive(own, target[anchors])
    return alpha, last_left_out(alpha, factor, target[sample]) if few < len(labels) else left_out


def _choose(own: Floats, target: Floats, labels: Floats, penalties: Sequence[float]) -> tuple[float, Floats]:
    """The penalty of the best mean leave-one-out AUC and its left-out scores (n, classes), without intercept."""
    positives = labels.sum(0)
    rankable = np.minimum(positives, len(labels) - positives) > 1  # left out, a single positive is like no other row
    judged = np.flatnonzero(rankable) if rankable.any() else np.arange(len(rankable))
    truth = labels[:, judged]
    candidates = dual_path(own, target, penalties, free_intercept=False)
    best = best_candidate(candidates, lambda c: mean_auc(c.left_out[:, judged], truth))
    return penalties[best.number], best.candidate.left_out
