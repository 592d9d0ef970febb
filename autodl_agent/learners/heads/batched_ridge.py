"""Ridge regression for many columns or many rows: one pass over batches, then linear systems.

An eigendecomposition of some thousand columns takes longer than a dozen linear systems of that size, and the features
of many rows do not fit memory; here only two Gram matrices and a part of the held-out rows are kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from autodl_agent.learners.base import drawn_rows
from autodl_agent.learners.heads import cost
from autodl_agent.learners.heads.arrays import Floats, float32, inverse_spread
from autodl_agent.learners.heads.calibration import platt
from autodl_agent.learners.heads.config import BatchedRidgeConfig
from autodl_agent.learners.heads.eigen import Candidate
from autodl_agent.learners.heads.ridge import RidgeHead
from autodl_agent.learners.heads.selection import best_candidate
from autodl_agent.scoring.fast_auc import mean_auc
from autodl_agent.system.clock import Deadline

CONFIG = BatchedRidgeConfig()


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
        self._join(x.T @ x, x.T @ y, x.sum(0), y.sum(0), len(x))

    def join(self, other: "Sums") -> None:
        """Take the rows of another in."""
        self._join(other.gram, other.cross, other.x, other.y, other.n)

    def _join(self, gram: Floats, cross: Floats, x: Floats, y: Floats, n: int) -> None:
        self.gram += gram
        self.cross += cross
        self.x += x
        self.y += y
        self.n += n

    def solve(self, penalty: float) -> tuple[Floats, Floats]:
        """Weights (d, classes) and intercept (classes,), which is not penalised; penalty per thousand rows."""
        mean, level = self.x / self.n, self.y / self.n
        # Taking the means off here lets the rows come in any order and in one pass.
        damped = self.gram - np.outer(self.x, mean)
        damped.flat[:: len(damped) + 1] += np.float32(penalty * max(1.0, self.n / 1000))
        weights = float32(np.linalg.solve(damped, self.cross - np.outer(self.x, level)))
        return weights, float32(level - mean @ weights)


@dataclass
class _Held:
    """Rows left out of the first fit; most: kept of each batch."""

    most: int
    x: list[Floats] = field(default_factory=list)
    y: list[Floats] = field(default_factory=list)

    def keep(self, x: Floats, y: Floats) -> None:
        rows = drawn_rows(len(x), self.most, len(self.x))  # batches may come sorted by class
        self.x.append(x[rows])
        self.y.append(y[rows])


def fit_wide(
    batches: Iterator[tuple[Floats, Floats]],
    n: int,
    multipliers: Floats,
    deadline: Deadline,
    speed: cost.Speed,
    config: BatchedRidgeConfig = CONFIG,
) -> RidgeHead:
    """Fit on n rows that come in batches of (features, labels), the first of them typical of all.

    multipliers: (d,) factors of the standardised columns, mean square 1. The penalty is chosen on every fifth row,
    then all rows are used. Raises OutOfTimeError before a step that would not end in time.
    """
    first, labels = next(batches)
    width, classes = first.shape[1], labels.shape[1]
    centre, scale = first.mean(0), multipliers * inverse_spread(first.std(0))
    fitted, checked = Sums.zero(width, classes), Sums.zero(width, classes)
    held = _Held(max(1, config.held_rows * len(first) // max(1, n)))
    batch: tuple[Floats, Floats] | None = (first, labels)
    while batch is not None:
        x, y = (batch[0] - centre) * scale, batch[1]
        out = np.arange(len(x)) % 5 == 4
        with speed.measured(2.0 * len(x) * width * width, deadline):
            fitted.add(x[~out], y[~out])
            checked.add(x[out], y[out])
        held.keep(x[out], y[out])
        batch = next(batches, None)
    speed.check(cost.batched_ridge(width, len(config.penalties)), deadline)
    held_x, held_y = np.concatenate(held.x), np.concatenate(held.y)
    penalty, scores = _best_penalty(fitted, held_x, held_y, config)
    # Every row counts in the end; the scores of the held-out part still calibrate it.
    fitted.join(checked)
    return RidgeHead(centre, scale, *fitted.solve(penalty), *platt(scores, held_y))


def _best_penalty(fitted: Sums, x: Floats, y: Floats, config: BatchedRidgeConfig) -> tuple[float, Floats]:
    """The penalty with the best mean AUC on rows that were not fitted, with their scores."""
    penalties = [penalty * len(fitted.x) for penalty in config.penalties]

    def candidate(penalty: float) -> Candidate:
        weights, intercept = fitted.solve(penalty)
        return Candidate(weights, x @ weights + intercept)

    best = best_candidate(map(candidate, penalties), lambda c: mean_auc(c.left_out, y), give_up=config.give_up)
    return penalties[best.number], best.candidate.left_out
