"""Ridge regression on blocks of columns that weigh differently, for any number of rows and columns.

Up to some 2,000 unknowns every penalty is judged by exact leave-one-out (`ridge`); above that by every fifth row held
out (`batched_ridge`).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from autodl_agent.learners.heads import cost
from autodl_agent.learners.heads.arrays import Floats, float32, inverse_spread
from autodl_agent.learners.heads.batched_ridge import fit_wide
from autodl_agent.learners.heads.config import BlockRidgeConfig, RidgeConfig
from autodl_agent.learners.heads.ridge import RidgeHead, fit_ridge
from autodl_agent.system.clock import Deadline

Batches = Callable[[], Iterator[tuple[Floats, Floats]]]
CONFIG = BlockRidgeConfig()


def fit_head(
    batches: Batches,
    multipliers: Floats,
    labels: Floats,
    deadline: Deadline,
    speed: cost.Speed,
    config: BlockRidgeConfig = CONFIG,
) -> RidgeHead:
    """Fit on all rows. Raises OutOfTimeError where the speed measured so far says that it would end too late.

    batches: makes an iterator over (features, labels) parts that are alike in kind; together they are all rows.
    multipliers: (columns,) factors of the standardised columns. labels: (n, classes) of all rows, in any order.
    """
    (n, classes), width = labels.shape, len(multipliers)
    if is_wide(n, width, config):
        return fit_wide(batches(), n, multipliers, deadline, speed, config.batched)
    parts = list(batches())
    with speed.measured(fit_operations(n, width, classes, config), deadline):
        x, y = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
        return fit_blocks(x, y, multipliers, config)


def is_wide(n: int, width: int, config: BlockRidgeConfig = CONFIG) -> bool:
    """Whether the fit goes over batches and linear systems instead of one eigendecomposition in memory."""
    return min(n, width) > config.wide or n * width > config.most_values


def fit_operations(n: int, width: int, classes: int, config: BlockRidgeConfig = CONFIG) -> float:
    """Rough arithmetic operations of one fit by eigendecomposition."""
    return cost.eigen_ridge(n, width, classes, len(config.penalties))


def fit_blocks(x: Floats, labels: Floats, multipliers: Floats, config: BlockRidgeConfig = CONFIG) -> RidgeHead:
    """Fit on features x (n, d) at once, by eigendecomposition. multipliers: (d,) of the standardised columns."""
    n = len(x)
    centre, spread = x.mean(0), x.std(0)
    scale = multipliers * inverse_spread(spread)
    spread = spread * scale
    # The head divides by the mean spread when it does not standardise; the penalties follow it.
    size = float(np.square(spread).sum()) / max(float(spread.mean()), 1e-7) ** 2
    penalties = tuple(factor * max(size, 1e-3) for factor in _affordable(config, n * labels.shape[1]))
    head = fit_ridge((x - centre) * scale, labels, RidgeConfig(penalties, standardise=False))
    head = replace(head, centre=float32(centre), scale=scale * head.scale)
    if n <= 2:  # nothing can be left out; the class shares are all that so few rows tell
        positives = labels.sum(0)
        offset = float32(np.log((positives + 0.5) / (n - positives + 0.5)))
        return replace(head, slope=np.zeros_like(offset), offset=offset)
    return head


def _affordable(config: BlockRidgeConfig, scores: int) -> tuple[float, ...]:
    """Penalties to try where one of them takes so many scores: with thousands of classes the middle of the range."""
    most = max(1, config.most_scores // max(1, scores))
    factors = config.penalties
    middle = len(factors) // 2
    return factors if most >= len(factors) else factors[max(0, middle - most // 2) :][:most]
