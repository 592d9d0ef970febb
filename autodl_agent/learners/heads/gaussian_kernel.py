"""Gaussian kernel ridge on frozen features: a head that bends, in closed form.

Pooled features are non-negative and skewed, so their square roots are compared, by the cosine of what is left after
the mean is taken off. Several views (sizes, networks) of the same pictures are one similarity: the weighted mean of
their cosines s, and the kernel exp(sharpness · (s - 1)). The penalty follows exact leave-one-out AUC on a sample with
rows of as many classes as it can hold; then all rows are fitted, spanned by a part of them where they are many, and
what that fit says of the sample, each row left out, calibrates it.
Sources: leave-one-out residuals alpha / diag(inverse), Golub, Heath & Wahba 1979; Williams & Seeger 2001 (Nyström).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.heads.batched_ridge import Speed
from autodl_agent.learners.heads.config import GaussianConfig
from autodl_agent.learners.heads.ridge import TELLING, fast_aucs, platt, sigmoid
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
Features = Sequence[NDArray[np.floating]]  # of each view: (n, features)
ROWS_AT_ONCE = 1024  # rows whose kernel is in memory together
JITTER = np.float32(1e-2)  # on the anchors' kernel, so that rows that are there twice leave it invertible
SMALL = 1500  # unknowns up to which importing a faster solver costs more than it saves
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
        return np.asarray(unit(features, self.mean) @ self.anchors.T * np.float32(self.weight), np.float32)


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
        for rows in _pieces(len(out)):
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
        rest = (np.asarray(arrays[name], np.float32) for name in ("alpha", "intercept", "slope", "offset"))
        return cls(views, float(arrays["sharpness"]), *rest)


def fit_gaussian(
    features: Features,
    weights: Sequence[float],
    labels: Floats,
    config: GaussianConfig,
    seed: int,
    deadline: Deadline,
    speed: Speed,
) -> GaussianHead:
    """Fit on the views' features and labels (n, classes); weights: of the views, of any positive sum.

    Raises OutOfTimeError where the speed measured so far says that the fit would end too late.
    """
    n = len(labels)
    anchors, few = _anchors(labels, config, seed)
    work = operations(n, len(anchors), few, sum(x.shape[1] for x in features))
    speed.check(work, deadline)
    before = deadline.remaining()
    views = tuple(_view(x, w / sum(weights), anchors) for x, w in zip(features, weights, strict=True))
    similar = np.asarray(sum(view.weight * (view.anchors @ view.anchors.T) for view in views), np.float32)
    own = _gaussian(similar, config.sharpness)
    intercept = labels.mean(0)
    target = np.asarray(labels - intercept, np.float32)
    some = labels[anchors[-few:]]
    penalty, left_out = _choose(own[-few:, -few:], target[anchors[-few:]], some, config.penalties)
    if len(anchors) == n:
        own.flat[:: n + 1] += np.float32(penalty)
        alpha, factor = _solve(own, target[anchors])
        if few < n:
            left_out = _left_out(alpha, factor, target[anchors[-few:]])
    else:
        alpha, left_out = _spanned(own, views, features, target, anchors[-few:], penalty, config.sharpness)
    slope, offset = platt(left_out + intercept, some, labels)
    if n <= 2:  # nothing can be left out; the class shares are all that so few rows tell
        slope = np.zeros_like(slope)
    speed.learn(work, before - deadline.remaining())
    return GaussianHead(views, config.sharpness, _f32(alpha), _f32(intercept), slope, offset)


def kernel(views: Sequence[KernelView], features: Features, sharpness: float) -> Floats:
    """(n, m) kernel of rows and anchors."""
    similar = sum(view.similarities(x) for view, x in zip(views, features, strict=True))
    return _gaussian(_f32(np.asarray(similar)), sharpness)


def unit(features: NDArray[np.floating], mean: Floats) -> Floats:
    """(n, d) square roots minus their mean, each row of length 1; values that are not finite count as the mean."""
    x = np.sqrt(np.maximum(np.asarray(features, np.float32), 0)) - mean
    np.nan_to_num(x, copy=False, posinf=0.0, neginf=0.0)
    x /= np.maximum(np.sqrt(np.einsum("ij,ij->i", x, x)), TINY)[:, None]
    return _f32(x)


def operations(n: int, anchors: int, few: int, width: int) -> float:
    """Rough arithmetic operations of one fit."""
    whole = 2.0 * anchors * anchors * width + 12.0 * float(few) ** 3 + float(anchors) ** 3
    return whole if n == anchors else whole + 2.0 * anchors * (n * (width + 2 * anchors) + few * anchors)


def _view(features: NDArray[np.floating], weight: float, anchors: NDArray[np.int64]) -> KernelView:
    roots = np.sqrt(np.maximum(np.asarray(features, np.float32), 0))
    np.nan_to_num(roots, copy=False, posinf=0.0)
    mean = roots.mean(0)
    return KernelView(mean, weight, unit(features[anchors], mean))


def _gaussian(similar: Floats, sharpness: float) -> Floats:
    similar -= np.float32(1)
    similar *= np.float32(sharpness)
    return np.exp(similar, out=similar)


def _anchors(labels: Floats, config: GaussianConfig, seed: int) -> tuple[NDArray[np.int64], int]:
    """Rows that span the solution, and how many of them, the last ones, choose the penalty and calibrate."""
    n = len(labels)
    order = _telling_first(labels, np.random.default_rng(seed), config.penalty_rows)
    order = order[: n if n <= config.most_exact_rows else config.most_anchors]
    few = min(len(order), config.penalty_rows)
    return np.concatenate([np.sort(order[few:]), np.sort(order[:few])]), few


def _telling_first(labels: Floats, rng: np.random.Generator, most: int) -> NDArray[np.int64]:
    """All row numbers, shuffled, but in front, among the first `most`, TELLING of each class that has as many.

    Where that is more than `most`, the rows of some classes are there, and those of others are left to chance.
    """
    order = rng.permutation(len(labels))
    place, column = np.nonzero(labels[order] > 0)
    by_class = np.argsort(column, kind="stable")
    place, column = place[by_class], column[by_class]
    early = np.arange(len(place)) - np.searchsorted(column, column) < TELLING
    turn = rng.permutation(labels.shape[1])[column[early]]
    wanted = place[early][np.argsort(turn, kind="stable")]
    _, first = np.unique(wanted, return_index=True)  # a row of several classes counts once
    front = wanted[np.sort(first)[:most]]
    return np.concatenate([order[front], np.delete(order, front)])


def _choose(own: Floats, target: Floats, labels: Floats, penalties: Sequence[float]) -> tuple[float, Floats]:
    """The penalty of the best mean leave-one-out AUC and its left-out scores (n, classes), without intercept."""
    values, vectors = np.linalg.eigh(own.astype(np.float64))
    projected, squares = vectors.T @ target, vectors * vectors
    best: tuple[float, float, Floats] = (-1.0, penalties[-1], target)
    positives = labels.sum(0)
    told = np.minimum(positives, len(labels) - positives) > 1  # left out, a single positive is like no other row
    judged = np.flatnonzero(told) if told.any() else np.arange(len(told))
    for penalty in penalties:
        inverse = 1 / (values.clip(0) + penalty)
        alpha = vectors @ (inverse[:, None] * projected)
        left_out = _f32(target - alpha / np.maximum(squares @ inverse, 1e-12)[:, None])
        auc = float(np.nan_to_num(np.nanmean(np.r_[fast_aucs(left_out[:, judged], labels[:, judged]), 0.5])))
        if auc > best[0]:
            best = (auc, penalty, left_out)
    return best[1], best[2]


def _spanned(
    own: Floats,
    views: Sequence[KernelView],
    features: Features,
    target: Floats,
    few: NDArray[np.int64],
    penalty: float,
    sharpness: float,
) -> tuple[Floats, Floats]:
    """alpha of the anchors, fitted on all rows, and left-out scores of the few, which are the last anchors.

    Works on whitened kernel columns: the sums alone are too ill-posed.
    """
    from scipy.linalg import cholesky, solve_triangular

    sample = own[:, -len(few) :].copy()
    own.flat[:: len(own) + 1] += JITTER
    factor = cholesky(own, lower=True, overwrite_a=True, check_finite=False)
    gram = np.zeros((len(factor), len(factor)), np.float32)
    cross = np.zeros((len(factor), target.shape[1]), np.float32)
    for rows in _pieces(len(target)):
        columns = kernel(views, [x[rows] for x in features], sharpness)
        z = solve_triangular(factor, columns.T, lower=True, overwrite_b=True, check_finite=False)
        gram += z @ z.T
        cross += z @ target[rows]
    gram.flat[:: len(gram) + 1] += np.float32(penalty)
    weights, upper = _solve(gram, cross)
    z = solve_triangular(factor, sample, lower=True, overwrite_b=True, check_finite=False)
    fitted = z.T @ weights
    hat = np.square(solve_triangular(upper, z, trans=1, overwrite_b=True, check_finite=False)).sum(0)
    left_out = target[few] - (target[few] - fitted) / np.maximum(1 - hat, 1e-3)[:, None]
    return _f32(solve_triangular(factor, weights, lower=True, trans=1, check_finite=False)), _f32(left_out)


def _left_out(alpha: Floats, factor: Floats, target: Floats) -> Floats:
    """Exact leave-one-out scores of the last rows, whose targets are given, of the system with this upper factor.

    A residual is alpha over the diagonal of the inverse; that of the last rows needs their corner of the factor alone.
    """
    few = len(target)
    corner = np.linalg.inv(np.triu(factor[-few:, -few:]).astype(np.float64))
    return _f32(target - alpha[-few:] / np.square(corner).sum(1)[:, None])


def _solve(matrix: Floats, right: Floats) -> tuple[Floats, Floats]:
    """matrix⁻¹ · right of a positive definite matrix, which is overwritten, and its factor: matrix = factorᵀ · factor.

    The factor is in the upper triangle; what stands below it means nothing.
    """
    if len(matrix) <= SMALL:
        return _f32(np.linalg.solve(matrix, right)), _f32(np.linalg.cholesky(matrix).T)
    from scipy.linalg import cho_factor, cho_solve

    factor = cho_factor(matrix, overwrite_a=True, check_finite=False)
    return _f32(cho_solve(factor, right, check_finite=False)), factor[0]


def _pieces(n: int) -> list[slice]:
    return [slice(start, min(n, start + ROWS_AT_ONCE)) for start in range(0, n, ROWS_AT_ONCE)]


def _f32(values: NDArray[np.floating]) -> Floats:
    return np.asarray(values, np.float32)
