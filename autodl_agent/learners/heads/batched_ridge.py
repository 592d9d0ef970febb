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
    """Σ [x 1]ᵀ[x 1] (d + 1, d + 1) and Σ [x 1]ᵀy (d + 1, classes); last rows: sums of columns and labels, count."""

    gram: Floats
    cross: Floats

    @classmethod
    def zero(cls, width: int, classes: int) -> "Sums":
        """No rows yet."""
        return cls(np.zeros((width + 1, width + 1), np.float32), np.zeros((width + 1, classes), np.float32))

    def add(self, x: Floats, y: Floats) -> None:
        """Take rows in."""
        rows = np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)
        self.gram += rows.T @ rows
        self.cross += rows.T @ y

    def join(self, other: "Sums") -> None:
        """Take the rows of another in."""
        self.gram += other.gram
        self.cross += other.cross

    def solve(self, penalty: float) -> tuple[Floats, Floats]:
        """Weights (d, classes) and intercept (classes,), which is not penalised; penalty per thousand rows."""
        n, total = self.gram[-1, -1], self.gram[-1, :-1]
        mean, level = total / n, self.cross[-1] / n
        # Taking the means off here lets the rows come in any order and in one pass.
        damped = self.gram[:-1, :-1] - np.outer(total, mean)
        damped.flat[:: len(damped) + 1] += np.float32(penalty * max(1.0, float(n) / 1000))
        weights = float32(np.linalg.solve(damped, self.cross[:-1] - np.outer(total, level)))
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
    penalties = [penalty * x.shape[1] for penalty in config.penalties]

    def candidate(penalty: float) -> Candidate:
        weights, intercept = fitted.solve(penalty)
        return Candidate(weights, x @ weights + intercept)

    best = best_candidate(map(candidate, penalties), lambda c: mean_auc(c.left_out, y), give_up=config.give_up)
    return penalties[best.number], best.candidate.left_out
