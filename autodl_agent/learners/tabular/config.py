"""Settings of the table learners, chosen on several open sets at once and never by a set's name or size alone."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EncodingSettings:
    """How cells become numbers.

    max_levels: levels of one category column that keep a code of their own.
    rare_rows: a level seen in fewer training rows than this shares the code of unknown levels.
    date_share, number_share: share of a string column's distinct values that must parse for it to be that kind.
    id_share: distinct values over filled rows from which a column is words or an id, not a category.
    max_words: columns of one text column's bag of words. words_read: words read of one cell.
    max_sparse: dense columns made of a sparse table. max_cells: upper limit of rows x such columns.
    """

    max_levels: int = 1000
    rare_rows: int = 3
    date_share: float = 0.8
    number_share: float = 0.8
    id_share: float = 0.5
    max_words: int = 256
    words_read: int = 64
    max_sparse: int = 4096
    max_cells: int = 100_000_000


@dataclass(frozen=True)
class QuickSettings:
    """The linear learner.

    rows: training rows of each increment. waves: random Fourier features of each increment.
    widths: kernel widths tried, relative to the median distance of two rows. penalties: ridge penalties tried, per
    thousand rows. polish: Newton-like steps from least squares to logistic regression.
    hats: most columns that piecewise-linear encodings may take. hot: most columns for category levels.
    max_floats: largest feature matrix, in floats. check_rows: rows whose leave-one-out scores choose the penalty.
    wide: columns above which no random features are made, and the dual form is solved on `wide` rows at most.
    """

    rows: tuple[int, ...] = (3_000, 12_000, 60_000, 60_000)
    waves: tuple[int, ...] = (300, 600, 1_000, 2_000)
    widths: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
    penalties: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)
    polish: int = 4
    hats: int = 600
    hot: int = 600
    max_floats: int = 60_000_000
    check_rows: int = 4_000
    wide: int = 4_000


@dataclass(frozen=True)
class BoostSettings:
    """Gradient-boosted trees.

    first_rows: training rows of the first increment. first_rounds: its boosting rounds; later increments double.
    growth: factor by which the sample grows until it holds all rows. max_cells: largest training matrix.
    folds: one in so many rows is held out for early stopping, another one for each bag. held_rows: at most.
    patience_rounds: rounds without a better held-out AUC before a model is finished (at least a fifth of its rounds).
    blind_rounds: rounds where no rows can be held out. max_rounds: rounds of one model.
    bags: models with other seeds and other held-out rows that are averaged.
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
    bags: int = 6
    max_classes: int = 100
    linear_rows: int = 10_000
