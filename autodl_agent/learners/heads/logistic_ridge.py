"""Linear classifiers by ridge regression, then a few conjugate-gradient steps to logistic regression.

One inverse of the (features x features) matrix serves all classes: it solves least squares, gives exact
leave-one-out scores to choose the penalty by, and bounds the curvature of every class's log-loss (p(1-p) <= 1/4,
Böhning 1992), so that it preconditions the logistic steps. With more features than rows the dual form is solved.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.heads.ridge import fast_aucs, platt, sigmoid
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
LABEL_CELLS = 1_000_000  # most cells of (rows x classes) scored when a penalty is chosen
LARGEST = 12.0  # log-odds; one minus a float32 probability is exact to about 16
FLOPS = 3e10  # first guess of multiplications a second, on one core that others use too


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


def cost_s(rows: int, width: int, classes: int) -> float:
    """Rough seconds of `solve`: the Gram matrix, about four inverses, four polishing steps over all classes."""
    small = float(min(rows, width))
    flops = 2.0 * rows * width * (small + 12 * classes) + 4 * (3 * small**3 + 2 * small * width * classes)
    cells = 4.0 * min(rows * classes, LABEL_CELLS) + 60.0 * rows * classes
    return flops / FLOPS + 3e-9 * cells + 0.02


def solve(
    x: Floats,
    y: Floats,
    penalties: tuple[float, ...],
    polish: int,
    check_rows: int,
    deadline: Deadline,
    start: int | None = None,
) -> Linear:
    """Fit features x (n, d) to labels y (n, classes), each class with both values.

    penalties: rising, per thousand rows; chosen by exact leave-one-out on the first `check_rows` rows, climbing from
    number `start` where it is given. The climb and the polishing steps stop at the deadline.
    """
    n = len(x)
    scaled = [p * max(1.0, n / 1000) for p in penalties]
    mean = x.mean(0, dtype=np.float64).astype(np.float32)
    rate = y.mean(0, dtype=np.float64).astype(np.float32)
    check = max(1, min(n, check_rows, LABEL_CELLS // max(1, y.shape[1])))
    if n <= x.shape[1]:
        weights, left_out, auc, chosen = _dual(x - mean, y, rate, scaled, check)
        inverse = None
    else:
        middle = len(penalties) // 2 if start is None else start
        (weights, left_out, auc, chosen), inverse = _primal(x, mean, y, rate, scaled, check, middle, deadline)
    if inverse is not None and polish and n * y.shape[1] <= 32 * LABEL_CELLS:
        begin = (weights, rate)
        weights, intercept = _logistic(x, y, mean, inverse, scaled[chosen], begin, polish, deadline)
        slope, offset = np.ones(y.shape[1], np.float32), np.zeros(y.shape[1], np.float32)
        scores = x[:check] @ weights + intercept
    else:
        intercept, scores = rate - mean @ weights, left_out + rate
        slope, offset = platt(scores, y[:check], y)
    slope, offset = _tempered(scores, slope, offset, rate)
    return Linear(weights, intercept, slope, offset, auc, chosen)


Choice = tuple[Floats, Floats, float, int]  # weights, left-out scores, merit, number of the penalty


def _primal(
    x: Floats,
    mean: Floats,
    y: Floats,
    rate: Floats,
    penalties: list[float],
    check: int,
    start: int,
    deadline: Deadline,
) -> tuple[Choice, Floats]:
    """The best choice and its inverse; climbs along the penalties, since each one costs an inverse."""
    n = len(x)
    gram = (x.T @ x).astype(np.float64) - n * np.outer(mean, mean.astype(np.float64))
    right = x.T @ y - n * np.outer(mean, rate)
    some, target = x[:check] - mean, y[:check] - rate

    def trial(number: int) -> tuple[Choice, Floats]:
        inverse = np.linalg.inv(gram + penalties[number] * np.eye(len(gram))).astype(np.float32)
        weights = inverse @ right
        leverage = np.einsum("ij,ij->i", some @ inverse, some) + 1 / n
        room = np.maximum(1 - leverage, 1e-4)[:, None]
        left_out = target - (target - some @ weights) / room
        return (weights, left_out, _merit(left_out, y[:check]), number), inverse

    best = trial(start)
    for way in (1, -1):
        number = start + way
        while 0 <= number < len(penalties) and not deadline.passed:
            new = trial(number)
            if new[0][2] <= best[0][2]:
                break
            best, number = new, number + way
        if best[0][3] != start:
            break
    return best


def _dual(centred: Floats, y: Floats, rate: Floats, penalties: list[float], check: int) -> Choice:
    """Leave-one-out residual = alpha_i / (inverse_ii - 1/(n * penalty)): no cancellation where the fit is perfect."""
    n = len(centred)
    gram = (centred @ centred.T).astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    values = values.clip(0)
    target = y - rate
    projected = vectors.T @ target
    squares = vectors**2
    best: tuple[Any, float, int] | None = None
    scale = max(1.0, float(np.trace(gram)) / n / 100)  # penalties suit rows of length about 10
    for number, penalty in enumerate(penalties):
        share = 1 / (values + penalty * scale)
        alpha = vectors @ (projected * share[:, None])
        # The centred rows sum to zero: the constant direction belongs to the intercept, not to the penalised part.
        room = np.maximum(squares @ share - 1 / (n * penalty * scale), 1e-12)[:, None]
        left_out = (target - alpha / room)[:check].astype(np.float32)
        auc = _merit(left_out, y[:check])
        if best is None or auc > best[1]:
            best = (alpha, left_out), auc, number
    assert best is not None
    (alpha, left_out), auc, chosen = best
    return centred.T @ alpha.astype(np.float32), left_out, auc, chosen


def _tempered(scores: Floats, slope: Floats, offset: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Keep log-odds where float32 probabilities still differ: separable or very rare classes send them far away.

    A class whose log-odds leave [-LARGEST, LARGEST] is scaled around its mean score; ranks never change.
    """
    low, high, centre = scores.min(0), scores.max(0), scores.mean(0)
    reach = np.maximum(np.abs(low * slope + offset), np.abs(high * slope + offset))
    sound = np.isfinite(reach) & (reach <= LARGEST)
    calm = np.minimum(
        np.nan_to_num(slope, nan=1.0), LARGEST / 2 / np.maximum(np.maximum(high - centre, centre - low), 1e-6)
    )
    odds = np.log(rate.clip(1e-3, 1 - 1e-3) / (1 - rate.clip(1e-3, 1 - 1e-3)))
    return (
        np.where(sound, slope, calm).astype(np.float32),
        np.where(sound, offset, odds - calm * centre).astype(np.float32),
    )


def _merit(scores: Floats, y: Floats) -> float:
    aucs = fast_aucs(scores, y)
    known = aucs[np.isfinite(aucs)]
    return float(known.mean()) if len(known) else 0.5


def _logistic(
    x: Floats,
    y: Floats,
    mean: Floats,
    inverse: Floats,
    penalty: float,
    start: tuple[Floats, Floats],
    steps: int,
    deadline: Deadline,
) -> tuple[Floats, Floats]:
    """Preconditioned conjugate gradients with an exact line search, all classes at once; gives weights, intercept."""
    n = len(x)
    rate = ((y.sum(0) + 0.5) / (n + 1)).astype(np.float32)
    weights, bias = start[0] * 4, np.log(rate / (1 - rate))
    margins = x @ weights + (bias - mean @ weights)
    quarter = np.float32(penalty / 4)
    direction: Any = None
    turn = last = last_turn = size = direction
    took = 0.0
    for _ in range(steps):
        if deadline.remaining() <= took:
            break
        before = deadline.now()
        rest = y - sigmoid(margins)
        grad, tilt = x.T @ rest - np.outer(mean, rest.sum(0)) - quarter * weights, rest.sum(0)
        step, lean = 4 * (inverse @ grad), 4 * tilt / n
        new_size = (grad * step).sum(0) + tilt * lean
        if direction is not None:
            kept = np.maximum(0, new_size - (last * step).sum(0) - last_turn * lean) / (size + 1e-12)
            step, lean = step + kept * direction, lean + kept * turn
        along = x @ step + (lean - mean @ step)
        length = _line_search(margins, along, y, weights, step, quarter)
        weights, bias = weights + length * step, bias + length * lean
        margins = margins + length * along
        direction, turn, last, last_turn, size = step, lean, grad, tilt, new_size
        took = deadline.now() - before
    return weights.astype(np.float32), (bias - mean @ weights).astype(np.float32)


def _line_search(margins: Floats, along: Floats, y: Floats, weights: Floats, step: Floats, quarter: Any) -> Floats:
    """(classes,) Newton's step lengths along one direction a class."""
    length = np.zeros(y.shape[1], np.float32)
    inner, square = quarter * (weights * step).sum(0), quarter * (step * step).sum(0)
    for _ in range(4):
        p = sigmoid(margins + length * along)
        slope = (along * (y - p)).sum(0) - inner - length * square
        curve = (along * along * (p * (1 - p))).sum(0) + square
        length = length + slope / (curve + 1e-9)
    return np.asarray(np.nan_to_num(length.clip(0, 50)), np.float32)
