"""Ridge regression for many columns or many rows: one pass over batches, then linear systems.

An eigendecomposition of some thousand columns takes longer than a dozen linear systems of that size, and the features
of many rows do not fit memory; here only two Gram matrices and a part of the held-out rows are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import drawn_rows
from autodl_agent.learners.heads.ridge import RidgeHead, fast_aucs, platt
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)  # per column and thousand rows
MOST_HELD = 4000  # held-out rows that penalty and calibration are judged on
FLAT = 1e-6  # columns that spread less than this say nothing


@dataclass
class Speed:
    """Measured arithmetic speed, so that a step that cannot be interrupted is not begun too late.

    per_s: operations a second; the start value is what one busy core does.
    """

    per_s: float = 15e9

    def holds(self, operations: float, deadline: Deadline) -> bool:
        """Whether so many operations are expected to end before the deadline."""
        return operations / self.per_s <= deadline.remaining()

    def check(self, operations: float, deadline: Deadline) -> None:
        """Raise OutOfTimeError if so many operations would not end before the deadline."""
        if not self.holds(operations, deadline):
            raise OutOfTimeError(f"a fit of {operations:.1e} operations in {deadline.remaining():.2f} s")

    def learn(self, operations: float, seconds: float) -> None:
        """Take a measurement in; small ones say little about large ones."""
        if operations > 1e9 and seconds > 0:
            self.per_s = 0.5 * self.per_s + 0.5 * operations / seconds


@dataclass
class Sums:
    """n rows: gram = Σ x xᵀ (d, d), cross = Σ x yᵀ (d, classes), and the sums of x and y."""

    gram: Floats
    cross: Floats
    x: Floats
    y: Floats
    n: int = 0

    @classmethod
    def zero(cls, width: int, classes: int) -> "Sums":
        """No rows yet."""
        gram, cross = np.zeros((width, width), np.float32), np.zeros((width, classes), np.float32)
        return cls(gram, cross, np.zeros(width, np.float32), np.zeros(classes, np.float32))

    def add(self, x: Floats, y: Floats) -> None:
        """Take rows in."""
        self.gram += x.T @ x
        self.cross += x.T @ y
        self.x += x.sum(0)
        self.y += y.sum(0)
        self.n += len(x)

    def join(self, other: "Sums") -> None:
        """Take the rows of another in."""
        self.gram += other.gram
        self.cross += other.cross
        self.x += other.x
        self.y += other.y
        self.n += other.n

    def solve(self, penalty: float) -> tuple[Floats, Floats]:
        """Weights (d, classes) and intercept (classes,), which is not penalised; penalty per thousand rows."""
        mean, level = self.x / self.n, self.y / self.n
        # Taking the means off here lets the rows come in any order and in one pass.
        damped = self.gram - np.outer(self.x, mean)
        damped.flat[:: len(damped) + 1] += np.float32(penalty * max(1.0, self.n / 1000))
        weights = np.linalg.solve(damped, self.cross - np.outer(self.x, level)).astype(np.float32)
        return weights, np.asarray(level - mean @ weights, np.float32)


@dataclass
class _Held:
    x: list[Floats] = field(default_factory=list)
    y: list[Floats] = field(default_factory=list)


def fit_wide(
    batches: Iterator[tuple[Floats, Floats]], n: int, multipliers: Floats, deadline: Deadline, speed: Speed
) -> RidgeHead:
    """Fit on n rows that come in batches of (features, labels), the first of them typical of all.

    multipliers: (d,) factors of the standardised columns, mean square 1. The penalty is chosen on every fifth row,
    then all rows are used. Raises OutOfTimeError before a step that would not end in time.
    """
    first, labels = next(batches)
    width, classes = first.shape[1], labels.shape[1]
    centre, spread = first.mean(0), first.std(0)
    scale = np.where(spread > FLAT, multipliers / np.maximum(spread, FLAT), 0).astype(np.float32)
    fitted, checked, held = Sums.zero(width, classes), Sums.zero(width, classes), _Held()
    most_per_batch = max(1, MOST_HELD * len(first) // max(1, n))
    batch: tuple[Floats, Floats] | None = (first, labels)
    while batch is not None:
        x, y = (batch[0] - centre) * scale, batch[1]
        out = np.arange(len(x)) % 5 == 4
        work, before = 2.0 * len(x) * width * width, deadline.remaining()
        speed.check(work, deadline)
        fitted.add(x[~out], y[~out])
        checked.add(x[out], y[out])
        speed.learn(work, before - deadline.remaining())
        kept = np.flatnonzero(out)
        kept = kept[drawn_rows(len(kept), most_per_batch, len(held.x))]  # batches may come sorted by class
        held.x.append(x[kept])
        held.y.append(y[kept])
        batch = next(batches, None)
    speed.check((len(PENALTIES) + 1) * 0.7 * float(width) ** 3, deadline)
    penalty, scores = _best_penalty(fitted, np.concatenate(held.x), np.concatenate(held.y))
    # Every row counts in the end; the scores of the held-out part still calibrate it.
    fitted.join(checked)
    weights, intercept = fitted.solve(penalty)
    slope, offset = platt(scores, np.concatenate(held.y))
    return RidgeHead(centre, scale, weights, intercept, slope, offset)


def mean_auc(scores: Floats, labels: Floats) -> float:
    """Mean AUC over the classes that have one; 0.5 where none has."""
    aucs = fast_aucs(scores, labels)
    aucs = aucs[np.isfinite(aucs)]
    return float(aucs.mean()) if len(aucs) else 0.5


def _best_penalty(fitted: Sums, x: Floats, y: Floats) -> tuple[float, Floats]:
    """The penalty with the best mean AUC on rows that were not fitted, with their scores."""
    best = (-np.inf, 0.0, y)
    for factor in PENALTIES:
        weights, intercept = fitted.solve(factor * len(fitted.x))
        scores = x @ weights + intercept
        auc = mean_auc(scores, y)
        if auc > best[0]:
            best = (auc, factor * len(fitted.x), scores)
        elif auc < best[0] - 0.01:
            break  # merit has one peak over the penalties; past it only time is lost
    return best[1], best[2]
