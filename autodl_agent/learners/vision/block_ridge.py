"""Linear heads on folded features: mirror symmetry, weights of feature blocks and penalty chosen on rows left out.

Up to some 2,000 unknowns every penalty is judged by exact leave-one-out (`learners.linear`); above that by every fifth
row held out (`wide`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.heads.batched_ridge import Speed, fit_wide, mean_auc
from autodl_agent.learners.heads.ridge import RidgeHead, fit_ridge
from autodl_agent.learners.vision.features import Feature
from autodl_agent.learners.vision.mirror_symmetry import Folded, widths
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
Batches = Callable[[], Iterator[tuple[Floats, Floats]]]
Weights = tuple[float, ...]  # one a feature; () leaves every column its unit spread
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # per column and thousand rows
CHOICE_PENALTIES = (0.03, 0.3, 3.0)
MOST_VALUES = 25_000_000  # rows x columns held at once; four such arrays exist while eigenvectors are used
WIDE = 2000  # unknowns above which an eigendecomposition costs more than trying penalties one by one
CHOICE_ROWS = 1250  # rows that symmetry and weights are decided on
FOLDED_ROWS = 400  # up to this many every row is left out once, else a fifth of them
FEWEST_CHOICE_ROWS = 40  # below this the answer would be a coin's
MOST_SCORES = 40_000_000  # rows x classes x penalties that leave-one-out may hold


@dataclass(frozen=True)
class Choice:
    """with_odd: left and right matter. weights: share of every feature in the sum of squares, () for columns alike."""

    with_odd: bool
    weights: Weights

    def multipliers(self, features: tuple[Feature, ...]) -> Floats:
        """(columns,) factors of the standardised columns, mean square 1."""
        out = []
        for part in range(1 + self.with_odd):
            for k, feature in enumerate(features):
                width = widths((feature,))[part]
                weight = self.weights[k] / max(1, sum(widths((feature,)))) if self.weights else 1.0
                out.append(np.full(width, np.sqrt(weight), np.float32))
        factors = np.concatenate(out)
        return np.asarray(factors / np.sqrt(max(float(np.square(factors).mean()), 1e-12)), np.float32)


def choose(
    folded: Folded, labels: Floats, features: tuple[Feature, ...], options: tuple[Weights, ...], seed: int
) -> Choice:
    """Decide on rows left out: first the weights, then whether left and right matter.

    The first option and mirror symmetry stand unless another is better by a share of the standard error.
    """
    order = np.random.default_rng(seed).permutation(len(labels))[:CHOICE_ROWS]
    best = Choice(False, options[0])
    if len(order) < FEWEST_CHOICE_ROWS:
        return best
    folds = 5 if len(order) <= FOLDED_ROWS else 1
    folded, labels = folded.take(order), labels[order]
    auc = _merit(folded, labels, best, features, folds)
    margin = np.sqrt(auc * (1 - auc) / (len(order) * folds / 5))  # about one standard error of an AUC
    threshold = auc + margin
    for weights in options[1:]:
        found = _merit(folded, labels, Choice(False, weights), features, folds)
        if found > max(threshold, auc):
            best, auc = Choice(False, weights), found
    turned = Choice(True, best.weights)
    # Two nested sets of columns differ less by chance than two unlike ones.
    if folded.odd.shape[1] and _merit(folded, labels, turned, features, folds) > auc + margin / 4:
        return turned
    return best


def fit_head(batches: Batches, multipliers: Floats, labels: Floats, deadline: Deadline, speed: Speed) -> RidgeHead:
    """Fit on all rows. Raises OutOfTimeError where the speed measured so far says that it would end too late.

    batches: makes an iterator over (features, labels) parts that are alike in kind; together they are all rows.
    multipliers: (columns,) factors of the standardised columns. labels: (n, classes) of all rows, in any order.
    """
    (n, classes), width = labels.shape, len(multipliers)
    if is_wide(n, width):
        return fit_wide(batches(), n, multipliers, deadline, speed)
    operations = fit_operations(n, width, classes)
    parts = list(batches())
    speed.check(operations, deadline)
    before = deadline.remaining()
    x, y = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    ridge = _fit(x, y, multipliers, PENALTIES)
    speed.learn(operations, before - deadline.remaining())
    return ridge


def is_wide(n: int, width: int) -> bool:
    """Whether the fit goes over batches and linear systems instead of one eigendecomposition in memory."""
    return min(n, width) > WIDE or n * width > MOST_VALUES


def fit_operations(n: int, width: int, classes: int) -> float:
    """Rough arithmetic operations of one fit by eigendecomposition."""
    side = float(min(n, width))
    return 4.0 * n * width * side + 20.0 * side**3 + len(PENALTIES) * 4.0 * n * side * classes


def _merit(folded: Folded, labels: Floats, choice: Choice, features: tuple[Feature, ...], folds: int) -> float:
    """Mean AUC on rows left out: a fifth of the rows, or each of the five fifths in turn."""
    x, multipliers = folded.joined(choice.with_odd), choice.multipliers(features)
    live = multipliers > 0
    # Columns without weight cost as much as others: off with them.
    x, multipliers = x[:, live], multipliers[live]
    part = np.arange(len(labels)) % 5
    aucs = []
    for fold in range(folds):
        rest, held = part != fold, part == fold
        ridge = _fit(x[rest], labels[rest], multipliers, CHOICE_PENALTIES)
        aucs.append(mean_auc(ridge.scores(x[held]), labels[held]))
    return float(np.mean(aucs))


def _fit(x: Floats, labels: Floats, multipliers: Floats, factors: tuple[float, ...]) -> RidgeHead:
    n = len(x)
    most = max(1, MOST_SCORES // max(1, n * labels.shape[1]))
    if most < len(factors):  # thousands of classes: the middle of the range will do
        middle = len(factors) // 2
        factors = factors[max(0, middle - most // 2) :][:most]
    centre, spread = x.mean(0), x.std(0)
    scale = np.where(spread > 1e-6, multipliers / np.maximum(spread, 1e-6), 0).astype(np.float32)
    # The head divides by the mean spread when it does not standardise; the penalties follow it.
    inner = max(float((spread * scale).mean()), 1e-7)
    size = float(np.square(spread * scale).sum()) / inner**2
    ridge = fit_ridge((x - centre) * scale, labels, tuple(f * max(size, 1e-3) for f in factors), standardise=False)
    ridge = replace(ridge, centre=centre.astype(np.float32), scale=scale * ridge.scale)
    if n <= 2:  # nothing can be left out; the class shares are all that so few rows tell
        positives = labels.sum(0)
        offset = np.log((positives + 0.5) / (n - positives + 0.5)).astype(np.float32)
        return replace(ridge, slope=np.zeros_like(offset), offset=offset)
    return ridge
