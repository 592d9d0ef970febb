"""Linear classifiers by ridge regression, then a few conjugate-gradient steps to logistic regression.

One inverse of the (features x features) matrix serves all classes: it solves least squares, gives exact
leave-one-out scores to choose the penalty by, and bounds the curvature of every class's log-loss (p(1-p) <= 1/4,
Böhning 1992), so that it preconditions the logistic steps. With more features than rows the dual form is solved.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.heads.arrays import Floats, float32
from autodl_agent.learners.heads.calibration import bounded, platt
from autodl_agent.learners.heads.config import LogisticRidgeConfig
from autodl_agent.learners.heads.cost import LABEL_CELLS
from autodl_agent.learners.heads.eigen import Candidate, dual_path, left_out_scores
from autodl_agent.learners.heads.selection import Selected, best_candidate, climb
from autodl_agent.scoring.fast_auc import mean_auc
from autodl_agent.scoring.links import logit, sigmoid
from autodl_agent.system.clock import Deadline

LEAST_ROOM = 1e-4  # of one minus the leverage


@dataclass(frozen=True)
class Linear:
    """p = sigmoid(slope * (x @ weights + intercept) + offset); weights: (d, classes), the others: (classes,).

    merit: mean leave-one-out AUC over the classes; penalty: number of the one chosen.
    """

    weights: Floats
    intercept: Floats
    slope: Floats
    offset: Floats
    auc: float
    penalty: int

    def margins(self, x: Floats) -> Floats:
        """(n, classes) log-odds."""
        return np.asarray((x @ self.weights + self.intercept) * self.slope + self.offset, np.float32)


def fit_logistic_ridge(
    x: Floats, y: Floats, config: LogisticRidgeConfig, deadline: Deadline, start: int | None = None
) -> Linear:
    """Fit features x (n, d) to labels y (n, classes), each class with both values.

    start: number of the penalty to climb from. The climb and the polishing steps stop at the deadline.
    """
    n, classes = y.shape
    scaled = [p * max(1.0, n / 1000) for p in config.penalties]
    mean = float32(x.mean(0, dtype=np.float64))
    rate = float32(y.mean(0, dtype=np.float64))
    check = max(1, min(n, config.check_rows, LABEL_CELLS // max(1, classes)))
    inverse = None
    if n <= x.shape[1]:
        chosen = _dual(x - mean, y, rate, scaled, check)
    else:
        middle = len(scaled) // 2 if start is None else start
        chosen, inverse = _primal(x, mean, y, rate, scaled, check, middle, deadline)
    weights = float32(chosen.candidate.solution)
    if inverse is not None and config.polish and n * classes <= 32 * LABEL_CELLS:
        penalty = scaled[chosen.number]
        weights, intercept = _logistic(x, y, mean, inverse, penalty, weights, config.polish, deadline)
        slope, offset = np.ones(classes, np.float32), np.zeros(classes, np.float32)
        scores = x[:check] @ weights + intercept
    else:
        intercept, scores = rate - mean @ weights, chosen.candidate.left_out + rate
        slope, offset = platt(scores, y[:check], y)
    slope, offset = map(float32, bounded(scores, slope, offset, logit(rate.clip(1e-3, 1 - 1e-3))))
    return Linear(weights, intercept, slope, offset, chosen.auc, chosen.number)


def _primal(
    x: Floats,
    mean: Floats,
    y: Floats,
    rate: Floats,
    penalties: list[float],
    check: int,
    start: int,
    deadline: Deadline,
) -> tuple[Selected, Floats]:
    """The best choice and its inverse; climbs along the penalties, since each one costs an inverse."""
    n = len(x)
    gram = (x.T @ x).astype(np.float64) - n * np.outer(mean, mean.astype(np.float64))
    right = x.T @ y - n * np.outer(mean, rate)
    some, truth = x[:check] - mean, y[:check]
    target = truth - rate

    def trial(number: int, _: tuple[Selected, Floats] | None) -> tuple[Selected, Floats]:
        inverse = float32(np.linalg.inv(gram + penalties[number] * np.eye(len(gram))))
        weights = inverse @ right
        leverage = np.einsum("ij,ij->i", some @ inverse, some) + 1 / n
        left_out = left_out_scores(target, some @ weights, leverage, LEAST_ROOM)
        return Selected(number, Candidate(weights, left_out), mean_auc(left_out, truth)), inverse

    return climb(trial, lambda found: found[0].auc, start, len(penalties), lambda: not deadline.passed)[0]


def _dual(centred: Floats, y: Floats, rate: Floats, penalties: list[float], check: int) -> Selected:
    """The best choice of all penalties, its solution as weights."""
    kernel = (centred @ centred.T).astype(np.float64)
    scale = max(1.0, float(np.trace(kernel)) / len(kernel) / 100)  # penalties suit rows of length about 10
    candidates = dual_path(kernel, y - rate, [penalty * scale for penalty in penalties])
    best = best_candidate(candidates, lambda c: mean_auc(c.left_out[:check], y[:check]))
    weights = centred.T @ float32(best.candidate.solution)
    return best._replace(candidate=Candidate(weights, best.candidate.left_out[:check]))


def _logistic(
    x: Floats, y: Floats, mean: Floats, inverse: Floats, penalty: float, start: Floats, steps: int, deadline: Deadline
) -> tuple[Floats, Floats]:
    """Preconditioned conjugate gradients with an exact line search, all classes at once; gives weights, intercept.

    start: (d, classes) weights of least squares. inverse: (d, d) of their system.
    """
    n = len(x)
    weights, bias = start * 4, logit(float32((y.sum(0) + 0.5) / (n + 1)))
    margins = x @ weights + (bias - mean @ weights)
    quarter = np.float32(penalty / 4)
    direction = last = np.zeros_like(weights)
    turn = last_turn = np.zeros_like(bias)
    size: NDArray[np.floating] = np.full_like(bias, np.inf)  # so that the first direction is the gradient's alone
    took = 0.0
    for _ in range(steps):
        if deadline.remaining() <= took:
            break
        before = deadline.now()
        rest = y - sigmoid(margins)
        grad, tilt = x.T @ rest - np.outer(mean, rest.sum(0)) - quarter * weights, rest.sum(0)
        step, lean = 4 * (inverse @ grad), 4 * tilt / n
        new_size = (grad * step).sum(0) + tilt * lean
        kept = np.maximum(0, new_size - (last * step).sum(0) - last_turn * lean) / (size + 1e-12)
        direction, turn = step + kept * direction, lean + kept * turn
        along = x @ direction + (turn - mean @ direction)
        length = _line_search(margins, along, y, weights, direction, quarter)
        weights, bias = weights + length * direction, bias + length * turn
        margins = margins + length * along
        last, last_turn, size = grad, tilt, new_size
        took = deadline.now() - before
    return float32(weights), float32(bias - mean @ weights)


def _line_search(margins: Floats, along: Floats, y: Floats, weights: Floats, step: Floats, quarter: Any) -> Floats:
    """(classes,) Newton's step lengths along one direction a class."""
    length = np.zeros(y.shape[1], np.float32)
    inner, square = quarter * (weights * step).sum(0), quarter * (step * step).sum(0)
    for _ in range(4):
        p = sigmoid(margins + length * along)
        slope = (along * (y - p)).sum(0) - inner - length * square
        curve = (along * along * (p * (1 - p))).sum(0) + square
        length = length + slope / (curve + 1e-9)
    return float32(np.nan_to_num(length.clip(0, 50)))
