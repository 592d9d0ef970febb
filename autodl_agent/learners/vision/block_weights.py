"""Which weights blocks of features get, and whether left and right matter, chosen on rows left out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.heads.block_ridge import fit_blocks
from autodl_agent.learners.heads.config import BlockRidgeConfig
from autodl_agent.learners.vision.features import Feature
from autodl_agent.learners.vision.mirror_symmetry import Folded, widths
from autodl_agent.scoring.fast_auc import mean_auc

Floats = NDArray[np.float32]
Weights = tuple[float, ...]  # one a feature; () leaves every column its unit spread
TRIAL = BlockRidgeConfig(penalties=(0.03, 0.3, 3.0))  # for a choice; the fit on all rows tries more penalties
CHOICE_ROWS = 1250  # rows that symmetry and weights are decided on
FOLDED_ROWS = 400  # up to this many every row is left out once, else a fifth of them
FEWEST_CHOICE_ROWS = 40  # below this the answer would be a coin's


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
    auc = _held_out_auc(folded, labels, best, features, folds)
    margin = np.sqrt(auc * (1 - auc) / (len(order) * folds / 5))  # about one standard error of an AUC
    threshold = auc + margin
    for weights in options[1:]:
        found = _held_out_auc(folded, labels, Choice(False, weights), features, folds)
        if found > max(threshold, auc):
            best, auc = Choice(False, weights), found
    turned = Choice(True, best.weights)
    # Two nested sets of columns differ less by chance than two unlike ones.
    if folded.odd.shape[1] and _held_out_auc(folded, labels, turned, features, folds) > auc + margin / 4:
        return turned
    return best


def _held_out_auc(folded: Folded, labels: Floats, choice: Choice, features: tuple[Feature, ...], folds: int) -> float:
    """Mean AUC on rows left out: a fifth of the rows, or each of the five fifths in turn."""
    x, multipliers = folded.joined(choice.with_odd), choice.multipliers(features)
    live = multipliers > 0
    # Columns without weight cost as much as others: off with them.
    x, multipliers = x[:, live], multipliers[live]
    part = np.arange(len(labels)) % 5
    aucs = []
    for fold in range(folds):
        rest, held = part != fold, part == fold
        ridge = fit_blocks(x[rest], labels[rest], multipliers, TRIAL)
        aucs.append(mean_auc(ridge.scores(x[held]), labels[held]))
    return float(np.mean(aucs))
