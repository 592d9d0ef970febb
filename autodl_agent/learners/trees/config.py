"""Settings of tree ensembles."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoostSettings:
    """Gradient-boosted trees.

    first_rows: training rows of the first increment. first_rounds: its boosting rounds; later increments double.
    growth: factor by which the sample grows until it holds all rows. max_cells: largest training matrix.
    folds: one in so many rows is held out for early stopping, another one for each bag. held_rows: at most.
    patience_rounds: rounds without a better held-out AUC before a model is finished (at least a fifth of its rounds).
    blind_rounds: rounds where no rows can be held out. max_rounds: rounds of one model.
    searches: models with other settings that are judged on the first model's held-out rows, each near the best so far
    or far from it; the best blend of them is used. bags: then so many with the best settings, other seeds and other
    held-out rows, averaged with it. margin_cells: margins of a split that are remembered, of all forests together.
    max_classes: classes with trees of their own; the rarer ones get a linear model on `linear_rows` rows.
    """

    first_rows: int = 3_000
    first_rounds: int = 16
    growth: int = 16
    max_cells: int = 100_000_000
    folds: int = 8
    held_rows: int = 20_000
    patience_rounds: int = 30
    blind_rounds: int = 60
    max_rounds: int = 2_000
    searches: int = 10
    bags: int = 7
    margin_cells: int = 20_000_000
    max_classes: int = 100
    linear_rows: int = 10_000


@dataclass(frozen=True)
class TreePlan:
    """One way to grow random trees.

    random: split at random places (extra-trees), else at the best places of resampled rows (random forest).
    leaf: least rows of a leaf. columns: share of the columns looked at for a split, never fewer than their root.
    most_columns: never more than this.
    """

    random: bool
    leaf: int
    columns: float
    most_columns: int = 256
