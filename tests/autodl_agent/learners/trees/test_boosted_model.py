import numpy as np
import pytest

from autodl_agent.learners.tabular.encoding import Encoded, tree_matrix
from autodl_agent.learners.testing.contract import FakeClock
from autodl_agent.learners.trees.boosted_model import Run, chosen_weights, fold_numbers, tree_settings, varied
from autodl_agent.learners.trees.config import BoostSettings
from autodl_agent.learners.trees.lightgbm_booster import GrowingBooster

SETTINGS = tree_settings(300, 4, 50, 2, 0, 1)


def data(n=400, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    y = np.stack([x[:, 0] * x[:, 1] > 0, x[:, 2] > 0.5], 1).astype(np.float32)
    return x, y


def run(y_columns=2, n=400, limit=200, **settings):
    x, y = data(n)
    y = y[:, :y_columns]
    grower = GrowingBooster(x[:300], [], y[:300], False, SETTINGS)
    return Run(grower, x[300:], y[300:], BoostSettings(**settings), limit, SETTINGS), x, y


def test_missing_codes_are_nan_and_columns_are_named_as_categories():
    rows = Encoded(np.ones((2, 3), np.float32), np.array([[-1], [4]], np.int32), np.zeros((2, 2), np.float32))
    x, categories = tree_matrix(rows)
    assert categories == [3]
    assert np.isnan(x[0, 3])
    assert x[1, 3] == 4
    none = Encoded(np.zeros((2, 0), np.float32), np.zeros((2, 0), np.int32), np.zeros((2, 0), np.float32))
    assert tree_matrix(none)[0].shape == (2, 1)


@pytest.mark.parametrize("classes", [1, 2])
def test_every_label_learns_from_the_first_rounds(classes):
    training, x, y = run(classes)
    training.grow(40, FakeClock().budget(100).deadline(100))
    margins = training.forest().margins(x[300:])
    assert margins.shape == (100, classes)
    for c in range(classes):
        assert margins[y[300:, c] > 0, c].mean() > margins[y[300:, c] == 0, c].mean() + 0.5
    assert training.auc > 0.8


def test_a_forest_is_saved_as_its_text_whatever_the_path(tmp_path):
    training, *_ = run()
    training.grow(5, FakeClock().budget(100).deadline(100))
    forest = training.forest()
    for path in (tmp_path / "plain.txt", tmp_path / "größer.txt"):
        forest.save(path)
        assert path.read_text(encoding="utf-8") == forest.text()


def test_rounds_stop_before_the_deadline():
    training, *_ = run()
    clock = FakeClock()
    grow = training.grower.grow

    def slow():
        clock.at += 1.0
        grow()

    training.grower.grow = slow
    deadline = clock.budget(100).deadline(5.2)
    training.grow(1000, deadline)
    assert 2 <= training.grower.rounds <= 5
    assert deadline.remaining() >= 0
    training.grow(1000, clock.budget(100).deadline(0.1))
    assert deadline.remaining() > -1.0  # one round at most is promised, and granted


def test_early_stopping_keeps_the_best_round():
    training, x, y = run(patience_rounds=8)
    training.grow(1000, FakeClock().budget(100).deadline(100))
    assert training.finished
    forest = training.forest()
    assert forest.rounds <= training.grower.rounds
    assert forest.auc == training.auc


def test_without_held_out_rows_rounds_are_fixed():
    x, y = data(50)
    grower = GrowingBooster(x, [], y, False, SETTINGS)
    blind = Run(grower, x[:0], y[:0], BoostSettings(blind_rounds=7), 200, SETTINGS)
    blind.grow(1000, FakeClock().budget(100).deadline(100))
    assert blind.finished
    assert blind.forest().rounds == 7


def test_folds_spread_every_class():
    labels = np.zeros((160, 3), np.float32)
    labels[:16, 0] = labels[16:80, 1] = 1
    folds = fold_numbers(labels, 8, 0)
    for rows in (slice(0, 16), slice(16, 80), slice(80, 160)):
        counts = np.bincount(folds[rows], minlength=8)
        assert counts.max() - counts.min() <= 2
    assert np.array_equal(folds, fold_numbers(labels, 8, 0))


def test_leaves_are_small_where_rows_or_positives_are_few():
    assert tree_settings(30, 4, 10, 2, 0, 0).min_rows == 1
    assert tree_settings(100_000, 4, 3, 2, 0, 0).min_rows == 1
    assert tree_settings(100_000, 4, 5_000, 2, 0, 0).min_rows == 20
    assert tree_settings(400, 4, 5, 2, 0, 0).leaves < tree_settings(9_000, 4, 5, 2, 0, 0).leaves
    assert tree_settings(400, 4, 5, 2, 1, 0).seed != tree_settings(400, 4, 5, 2, 0, 0).seed


def test_later_models_take_smaller_steps_unless_classes_are_many():
    assert tree_settings(9_000, 4, 50, 2, 1, 0).learning_rate < tree_settings(9_000, 4, 50, 2, 0, 0).learning_rate
    assert tree_settings(9_000, 4, 50, 30, 1, 0).learning_rate == tree_settings(9_000, 4, 50, 30, 0, 0).learning_rate


def test_varied_settings_stay_within_what_lightgbm_takes():
    for seed in range(40):
        drawn = varied(SETTINGS, seed, near=False)
        assert 4 <= drawn.leaves <= 255
        assert 0 < drawn.column_share <= 1
        assert drawn.min_rows >= 1
        assert drawn == varied(SETTINGS, seed, near=False)
    near = [varied(SETTINGS, seed, near=True) for seed in range(40)]
    same = sum(each.leaves == SETTINGS.leaves for each in near)
    assert 20 <= same < 40  # most settings stay as they were


def test_a_useless_model_is_left_out_and_equals_are_averaged():
    rng = np.random.default_rng(0)
    labels = (rng.random((300, 1)) < 0.5).astype(np.float32)
    good = [labels * 2 + rng.normal(size=labels.shape).astype(np.float32) for _ in range(3)]
    noise = 9 * rng.normal(size=labels.shape).astype(np.float32)
    assert chosen_weights([noise, *good], labels) == [0.0, 1.0, 1.0, 1.0]
    assert chosen_weights([noise], labels) == [1.0]
