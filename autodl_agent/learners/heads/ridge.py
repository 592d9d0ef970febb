"""Linear heads in closed form: ridge regression, its penalty chosen by exact leave-one-out.

Least squares on ±1-like targets ranks about as well as logistic regression and is solved for all classes and all
penalties from one eigendecomposition (numpy only).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.base import drawn_rows
from autodl_agent.learners.heads.arrays import Floats, float32, inverse_spread
from autodl_agent.learners.heads.calibration import platt
from autodl_agent.learners.heads.config import RidgeConfig
from autodl_agent.learners.heads.eigen import dual_path, primal_path
from autodl_agent.learners.heads.selection import best_candidate
from autodl_agent.scoring.fast_auc import mean_auc
from autodl_agent.scoring.links import sigmoid

CONFIG = RidgeConfig()
NO_SPREAD = 1e-7  # spread of a column that is constant but for rounding


@dataclass(frozen=True)
class RidgeHead:
    """weights: (features, classes), centre/scale: (features,), intercept: (classes,), slope/offset: (classes,)."""

    centre: Floats
    scale: Floats
    weights: Floats
    intercept: Floats
    slope: Floats
    offset: Floats

    def scores(self, features: NDArray[np.floating]) -> Floats:
        """(n, classes) raw regression scores; larger means more likely."""
        standard = (np.asarray(features, np.float32) - self.centre) * self.scale
        np.nan_to_num(standard, copy=False, posinf=0.0, neginf=0.0)
        return float32(standard @ self.weights + self.intercept)

    def probabilities(self, features: NDArray[np.floating]) -> Floats:
        """(n, classes) calibrated probabilities, one sigmoid a class."""
        return sigmoid(self.scores(features) * self.slope + self.offset)

    def last_layer(self) -> dict[str, Floats]:
        """The same as first weights of a network's last layer on unscaled features, whose outputs are log-odds."""
        kernel = self.scale[:, None] * self.weights * self.slope
        bias = (self.intercept - (self.centre * self.scale) @ self.weights) * self.slope + self.offset
        return {"head/kernel": kernel, "head/bias": bias}

    def arrays(self) -> dict[str, Floats]:
        """For `save_state`; `RidgeHead(**arrays)` is the inverse."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def fit_ridge(features: NDArray[np.floating], labels: Floats, config: RidgeConfig = CONFIG) -> RidgeHead:
    """Fit on features (n, d) and labels (n, classes); non-finite features count as the column's mean.

    The penalty with the best mean leave-one-out AUC over the classes is taken (relative to n: the same numbers suit
    small and large sets); n or d up to about 10,000 is fine, the smaller of the two sides is decomposed.
    """
    x, centre, scale = _standardise(features, config.standardise)
    (n, d), y = x.shape, float32(labels)
    intercept = y.mean(0)
    target = y - intercept
    penalties = [penalty * max(1.0, n / 1000) for penalty in config.penalties]
    primal = n > d
    candidates = primal_path(x, target, penalties) if primal else dual_path(x @ x.T, target, penalties)
    rows = drawn_rows(n, config.judged_rows, 0) if n > config.judged_rows else slice(None)
    chosen = best_candidate(candidates, lambda c: mean_auc(c.left_out[rows], y[rows])).candidate
    weights = float32(chosen.solution) if primal else x.T @ float32(chosen.solution)
    return RidgeHead(centre, scale, weights, intercept, *platt(chosen.left_out + intercept, y))


def _standardise(features: NDArray[np.floating], standardise: bool) -> tuple[Floats, Floats, Floats]:
    x = np.array(features, np.float32)
    finite = np.isfinite(x)
    if not finite.all():
        x[~finite] = np.nan
        with np.errstate(all="ignore"):
            centre = float32(np.nan_to_num(np.nansum(x, 0) / np.maximum(finite.sum(0), 1)))
        x = np.where(finite, x, centre)
    else:
        centre = x.mean(0)
    x -= centre
    spread = x.std(0)
    scale = inverse_spread(spread, NO_SPREAD)
    if not standardise:
        scale = np.where(scale > 0, np.float32(1 / max(float(spread.mean()), NO_SPREAD)), np.float32(0))
    x *= scale
    return x, float32(centre), scale
