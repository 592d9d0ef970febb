"""Kernel ridge regression over named blocks of features, closed form, numpy only.

The kernel is a sum of four views, each scaled to the same variance: linear in all blocks, Gaussian over all
blocks, Gaussian with the time-ordered map in front, and the mean of one Gaussian per block, which keeps a noisy block
from drowning the others. The penalty follows exact leave-one-out AUC with a free intercept. Beyond `landmarks`
rows the machine is spanned by that many of them. Source: sums of kernels, Lanckriet et al. 2004.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import balanced_order
from autodl_agent.learners.heads.arrays import Floats, float32, inverse_spread, row_slices
from autodl_agent.learners.heads.calibration import platt
from autodl_agent.learners.heads.config import MultiKernelConfig, RidgeConfig
from autodl_agent.learners.heads.cost import multi_kernel_s
from autodl_agent.learners.heads.eigen import dual_path
from autodl_agent.learners.heads.nystrom import spanned_axes
from autodl_agent.learners.heads.ridge import fit_ridge
from autodl_agent.learners.heads.selection import best_candidate
from autodl_agent.scoring.fast_auc import mean_auc
from autodl_agent.scoring.links import sigmoid
from autodl_agent.system.clock import Deadline

Layout = Mapping[str, slice]

FEWEST_ANCHORS = 50  # a machine spanned by fewer rows is worse than waiting
CLIP = 6.0  # standard deviations; a single odd measurement must not rule a distance
ROWS_AT_ONCE = 500  # rows whose views are in memory together: some 24 matrices of rows × anchors


@dataclass(frozen=True)
class KernelHead:
    """A fitted machine; scores are kernel(features, anchors) @ alpha + intercept.

    centre, scale: (features,). block_scale: (blocks,) one over the mean squared norm of a block, 0 for a mute one.
    anchors: (m, features) standardised rows. view_scale: (3 + blocks,) one over the variance of each view.
    alpha: (m, classes). intercept, slope, offset: (classes,).
    """

    centre: Floats
    scale: Floats
    block_scale: Floats
    anchors: Floats
    view_scale: Floats
    alpha: Floats
    intercept: Floats
    slope: Floats
    offset: Floats

    def probabilities(self, features: Floats, layout: Layout, config: MultiKernelConfig) -> Floats:
        """(n, classes) calibrated probabilities, one sigmoid a class."""
        out = np.empty((len(features), len(self.intercept)), np.float32)
        for rows in row_slices(len(features), ROWS_AT_ONCE):
            x = standardised(features[rows], self.centre, self.scale)
            kernel = _summed(_views(x, self.anchors, layout, self.block_scale, config), self.view_scale)
            out[rows] = sigmoid((kernel @ self.alpha + self.intercept) * self.slope + self.offset)
        return out

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For `save_state`; `KernelHead(**arrays)` is the inverse."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def fit_kernel(features: Floats, labels: Floats, layout: Layout, config: MultiKernelConfig, anchors: int) -> KernelHead:
    """Fit on features (n, d), n >= 1, and labels (n, classes); non-finite features count as the column's mean.

    anchors: rows that span the machine, the first ones (so the caller puts rows in a fair order); n or more: exact.
    """
    centre, scale = _centre_and_scale(features)
    x = standardised(features, centre, scale)
    block_scale = np.array([_inverse(np.mean(np.square(x[:, place]).sum(1))) for place in layout.values()], np.float32)
    chosen = x[:anchors]
    square = _views(chosen, chosen, layout, block_scale, config)
    view_scale = np.array([_inverse((np.trace(view) - view.mean(0).sum()) / len(view)) for view in square], np.float32)
    kernel = _summed(square, view_scale)
    del square  # a dozen matrices of anchors × anchors
    if len(chosen) == len(x):
        alpha, intercept, left_out = _exact(kernel, labels, config)
        slope, offset = platt(left_out, labels)
    else:
        cross = np.empty((len(x), len(chosen)), np.float32)
        for rows in row_slices(len(x), ROWS_AT_ONCE):
            cross[rows] = _summed(_views(x[rows], chosen, layout, block_scale, config), view_scale)
        alpha, intercept, slope, offset = _spanned(kernel, cross, labels)
    return KernelHead(centre, scale, block_scale, chosen, view_scale, alpha, intercept, slope, offset)


def fit_in_time(
    features: Floats, labels: Floats, layout: Layout, config: MultiKernelConfig, seed: int, deadline: Deadline
) -> KernelHead:
    """A machine as large as the time left allows, spanned by rows of all classes. Raises OutOfTimeError."""
    n = len(features)
    anchors = min(n, config.landmarks)
    while multi_kernel_s(anchors, n, features.shape[1]) > deadline.remaining():
        anchors = anchors * 2 // 3
        if anchors < min(n, FEWEST_ANCHORS):
            raise OutOfTimeError(f"{n} rows need more than {deadline.remaining():.2f} s")
    if anchors < n:
        order = balanced_order(labels, seed)
        features, labels = features[order], labels[order]
    return fit_kernel(features, labels, layout, config, anchors)


def standardised(features: Floats, centre: Floats, scale: Floats) -> Floats:
    """(n, d) zero mean, unit variance, clipped at CLIP; what is not finite becomes the mean."""
    x = (features - centre) * scale
    return float32(np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0).clip(-CLIP, CLIP))


def _centre_and_scale(features: Floats) -> tuple[Floats, Floats]:
    finite = np.isfinite(features)
    count = np.maximum(finite.sum(0), 1)
    values = np.where(finite, features, 0)
    centre = values.sum(0, dtype=np.float64) / count
    spread = np.sqrt((np.square(values - centre) * finite).sum(0) / count)
    return float32(centre), inverse_spread(spread)


def _views(x: Floats, anchors: Floats, layout: Layout, block_scale: Floats, config: MultiKernelConfig) -> list[Floats]:
    """Kernel matrices (n, m) of the linear view, the even Gaussian, the one with the map in front, one per block."""
    products, distances = [], []
    for place, scale in zip(layout.values(), block_scale, strict=True):
        left, right = x[:, place], anchors[:, place]
        product = (left * scale) @ right.T
        square = np.square(left).sum(1)[:, None] + np.square(right).sum(1)
        products.append(float32(product))
        distances.append(float32((square * scale - 2 * product).clip(0)))
    weights = {"cepstrum": config.cepstrum_weight}
    linear = _weighed(products, layout, block_scale, weights)
    even = _weighed(distances, layout, block_scale, weights)
    ordered = _weighed(distances, layout, block_scale, {**weights, "map": config.map_weight})
    gaussians = [_gaussian(even, config.width), _gaussian(ordered, config.map_width)]
    return [linear, *gaussians, *(_gaussian(distance, config.width) for distance in distances)]


def _weighed(parts: list[Floats], layout: Layout, block_scale: Floats, weights: Mapping[str, float]) -> Floats:
    """Weighted mean of the blocks' matrices; mute blocks do not count."""
    shares = np.array([weights.get(name, 1.0) for name in layout]) * (block_scale > 0)
    shares = (shares / max(shares.sum(), 1e-9)).astype(np.float32)
    total = np.zeros_like(parts[0])
    for part, share in zip(parts, shares, strict=True):
        total += part * share
    return total


def _gaussian(distances: Floats, width: float) -> Floats:
    return float32(np.exp(distances * np.float32(-0.5 / width)))


def _summed(views: list[Floats], scales: Floats) -> Floats:
    """The sum of the views, the blocks' own counting as one together."""
    share = np.float32(1 / max(1, len(views) - 3))
    total = np.zeros_like(views[0])
    for number, (view, scale) in enumerate(zip(views, scales, strict=True)):
        total += view * (scale if number < 3 else scale * share)
    return total


def _exact(kernel: Floats, labels: Floats, config: MultiKernelConfig) -> tuple[Floats, Floats, Floats]:
    """Alpha (n, classes), intercept and leave-one-out scores (n, classes) at the best penalty.

    Centring the kernel makes the intercept free of the penalty.
    """
    column = kernel.mean(0, dtype=np.float64)
    centred = kernel - column - column[:, None] + column.mean()
    rate = labels.mean(0, dtype=np.float64)
    variance = max(float(np.trace(centred)) / len(kernel), 1e-9)
    candidates = dual_path(centred, labels - rate, [p * variance for p in config.penalties])
    best = best_candidate(candidates, lambda c: mean_auc(c.left_out, labels), config.clear_gain).candidate
    return float32(best.solution), float32(rate - column @ best.solution), float32(best.left_out + rate)


def _spanned(kernel: Floats, cross: Floats, labels: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Alpha (m, classes), intercept, slope and offset from ridge on the coordinates the anchors span."""
    axes = spanned_axes(kernel)
    if not axes.shape[1]:  # every anchor the same: nothing to tell, the classes' shares
        still = np.zeros(labels.shape, np.float32)
        return np.zeros((len(kernel), labels.shape[1]), np.float32), still[0], *platt(still, labels)
    head = fit_ridge(cross @ axes, labels, RidgeConfig(standardise=False))
    alpha = axes @ (head.scale[:, None] * head.weights)
    intercept = head.intercept - (head.centre * head.scale) @ head.weights
    return float32(alpha), float32(intercept), head.slope, head.offset


def _inverse(value: Any) -> float:
    return 1 / float(value) if float(value) > 1e-9 else 0.0
