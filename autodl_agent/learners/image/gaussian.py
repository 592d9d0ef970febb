"""Gaussian kernel ridge on frozen features: a head that bends, in closed form.

Pooled features are non-negative and skewed, so their square roots are compared, by the cosine of what is left after
taking the mean off. Several views (sizes, networks) of the same pictures are one similarity: the weighted mean of their
cosines s, and the kernel exp(sharpness · (s - 1)). The penalty follows exact leave-one-out AUC on a sample of the rows;
then all rows are anchors, up to a limit; beyond it a part of them spans the solution (Nyström).
Sources: leave-one-out residuals alpha / diag(inverse), Golub, Heath & Wahba 1979; Williams & Seeger 2001 (Nyström).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.clock import Deadline
from autodl_agent.learners.image.config import GaussianConfig
from autodl_agent.learners.image.wide import Speed
from autodl_agent.learners.linear import fast_aucs, platt, sigmoid

Floats = NDArray[np.float32]
ROWS_AT_ONCE = 1024  # rows whose kernel is in memory together while predicting
MOST_SCORES = 40_000_000  # rows x classes x penalties that leave-one-out may hold
TINY = np.float32(1e-6)


@dataclass(frozen=True)
class View:
    """Where the features of one view lie after fitting. mean: (features,) of square roots. weight: share of the similarity.

    anchors: (m, features) unit vectors.
    """

    mean: Floats
    weight: float
    anchors: Floats

    def cosines(self, features: NDArray[np.floating]) -> Floats:
        """(n, m) weighted cosines of rows and anchors."""
        return np.asarray(unit(features, self.mean) @ self.anchors.T * np.float32(self.weight), np.float32)


@dataclass(frozen=True)
class GaussianHead:
    """alpha: (m, classes). intercept, slope, offset: (classes,)."""

    views: tuple[View, ...]
    sharpness: float
    alpha: Floats
    intercept: Floats
    slope: Floats
    offset: Floats

    def probabilities(self, features: Sequence[NDArray[np.floating]]) -> Floats:
        """(n, classes) calibrated probabilities of the views' features, each (n, features)."""
        n = len(features[0])
        out = np.empty((n, len(self.intercept)), np.float32)
        for start in range(0, n, ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            similar = sum(view.cosines(x[rows]) for view, x in zip(self.views, features, strict=True))
            kernel = gaussian(np.asarray(similar, np.float32), self.sharpness)
            out[rows] = sigmoid((kernel @ self.alpha + self.intercept) * self.slope + self.offset)
        return out


def fit_gaussian(
    features: Sequence[NDArray[np.floating]],
    weights: Sequence[float],
    labels: Floats,
    config: GaussianConfig,
    seed: int,
    deadline: Deadline,
    speed: Speed,
) -> GaussianHead:
    """Fit on the views' features, each (n, d), and labels (n, classes); weights sum to anything positive.

    Raises OutOfTimeError where the speed measured so far says that the fit would end too late.
    """
    n, classes = labels.shape
    order = np.random.default_rng(seed).permutation(n)
    anchors = np.sort(order[: config.most_anchors])
    m = len(anchors)
    sample = np.searchsorted(anchors, np.sort(order[: min(m, config.penalty_rows)]))
    width = sum(x.shape[1] for x in features)
    work = 2.0 * n * m * (width + m) + 4.0 * m**3 + 12.0 * len(sample) ** 3
    speed.check(work, deadline)
    before = deadline.left()
    total = float(sum(weights))
    views = []
    for x, weight in zip(features, weights, strict=True):
        mean = np.sqrt(np.maximum(np.asarray(x, np.float32), 0)).mean(0)
        views.append(View(mean, weight / total, unit(x[anchors], mean)))
    similar = sum(view.weight * (view.anchors @ view.anchors.T) for view in views)
    own = gaussian(np.asarray(similar, np.float32), config.sharpness)
    intercept = labels.mean(0)
    target = np.asarray(labels - intercept, np.float32)
    penalty, left_out = _penalty(own[np.ix_(sample, sample)], target[anchors[sample]], labels[anchors[sample]], config)
    if m == n:
        alpha, left_out = _solve(own, target, penalty * growth(m, len(sample)))
        rows = labels[anchors]
    else:
        alpha = _spanned(own, features, views, target, penalty * growth(n, len(sample)), config.sharpness)
        rows = labels[anchors[sample]]
    slope, offset = platt(left_out + intercept, rows)
    if n <= 2:  # nothing can be left out; the class shares are all that so few rows tell
        slope = np.zeros_like(slope)
    speed.learn(work, before - deadline.left())
    return GaussianHead(tuple(views), config.sharpness, alpha, np.asarray(intercept, np.float32), slope, offset)
