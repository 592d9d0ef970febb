"""Settings of the table learners, chosen on several open sets at once and never by a set's name or size alone."""

from dataclasses import dataclass

from autodl_agent.learners.networks.config import TrainingConfig
from autodl_agent.learners.trees.config import TreePlan


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
    first_test_rows: beyond so many test rows the first increment makes fewer waves, hats and level columns.
    first_cells: most rows x columns of the first increment of a wide table.
    wide: columns above which no random features are made, and the dual form is solved on `wide` rows at most.
    """

    # Few rows and waves at first: an answer within the first second counts more than a better one later.
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
    first_test_rows: int = 20_000
    first_cells: int = 8_000_000


@dataclass(frozen=True)
class ForestSettings:
    """Extra-trees and random forests.

    plans: the first one answers at once, all are tried on held-out rows. first_trees: of the first increment.
    trees: of the last one. trial_trees, trial_rows: with which the plans are compared (the best few
    again with four times the trees); least_rows: below, they are not.
    max_rows, max_cells: training rows, and rows x columns. tree_rows: rows of one tree, drawn anew for each.
    tree_values: rows x columns of one tree. tree_cells: rows x classes of one tree of one-row leaves; bounds a tree's
    memory where classes are many, and the first trees take a quarter of it.
    max_leaf_cells: numbers in all leaves together, beyond which no tree is added.
    """

    plans: tuple[TreePlan, ...] = (
        TreePlan(True, 2, 0.0),
        TreePlan(True, 1, 0.0),
        TreePlan(True, 4, 0.4),
        TreePlan(True, 12, 0.4),
        TreePlan(False, 2, 0.0),
        TreePlan(False, 6, 0.2),
        TreePlan(False, 20, 0.3),
    )
    first_trees: int = 24
    trees: int = 384
    trial_trees: int = 12
    trial_rows: int = 20_000
    least_rows: int = 100
    max_rows: int = 150_000
    max_cells: int = 60_000_000
    tree_rows: int = 40_000
    tree_cells: int = 4_000_000
    tree_values: int = 20_000_000
    max_leaf_cells: int = 60_000_000


@dataclass(frozen=True)
class TableNetworkConfig:
    """The network.

    members: networks that share all layers but the first scaling and the last layer; their mean is the answer.
    widths: units of the hidden layers. dropout: after each of them. waves: frequencies of a number; wave_width: what
    they become; wave_spread: of the first frequencies, in turns per standard deviation.
    most_ranked: number columns up to which each is ranked and has waves. most_embedded: longest vector of a level.
    encoder_rows: rows that the rules are learned from. first_rows: rows of the first increment.
    most_cells: upper limit of rows x columns. training: see there.
    """

    members: int = 8
    widths: tuple[int, ...] = (192, 192)
    dropout: float = 0.2
    waves: int = 8
    wave_width: int = 8
    wave_spread: float = 0.15
    most_ranked: int = 200
    most_embedded: int = 24
    encoder_rows: int = 50_000
    first_rows: int = 20_000
    most_cells: int = 60_000_000
    training: TrainingConfig = TrainingConfig(
        batch_rows=128, first_samples=24_000, first_epochs=8, rate=2e-3, max_epochs=300, smoothing=0.0, decay=0.03
    )
