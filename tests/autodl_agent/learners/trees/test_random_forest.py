import numpy as np
import pytest

from autodl_agent.learners.trees.config import TreePlan
from autodl_agent.learners.trees.random_forest import ARRAYS, RandomForest, TrainingRows, median_filled, medians_of

PLANS = [TreePlan(True, 1, 0.0), TreePlan(False, 3, 0.5)]


def rows(n=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5)).astype(np.float32)
    return x, np.eye(3, dtype=np.float32)[(x[:, 0] > 0).astype(int) + (x[:, 1] > 0)]


def grove_of(x, y, plan, count=8):
    soil = TrainingRows.of(x, y)
    return RandomForest(tuple(soil.tree(plan, np.arange(len(x)), seed) for seed in range(count)))


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("several", [False, True])
def test_votes_are_shares_and_point_at_the_class(plan, several):
    x, y = rows()
    if several:
        y = np.stack([x[:, 0] > 0, x[:, 1] > 0], 1).astype(np.float32)
    shares = grove_of(x, y, plan).shares(x)
    assert shares.shape == y.shape
    assert shares.min() >= 0 and shares.max() <= 1
    assert ((shares > 0.5) == (y > 0.5)).mean() > 0.9
    if not several:
        assert np.allclose(shares.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("plan", PLANS)
def test_arrays_predict_what_the_library_predicts(plan):
    x, y = rows()
    grove = grove_of(x, y, plan)
    again = RandomForest.restore(grove.arrays())
    assert all(tree.native is None for tree in again.trees)
    fresh, _ = rows(seed=1)
    assert np.array_equal(grove.votes(fresh), again.votes(fresh))
    for name in ARRAYS:
        assert np.array_equal(getattr(grove.trees[3], name), getattr(again.trees[3], name))


def test_votes_can_begin_at_any_tree():
    x, y = rows()
    grove = grove_of(x, y, PLANS[0])
    late = grove.votes(x, first=5)
    assert np.allclose(grove.votes(x) - late, RandomForest(grove.trees[:5]).votes(x), atol=1e-4)


def test_a_class_that_the_drawn_rows_lack_has_no_votes():
    x, y = rows()
    soil = TrainingRows.of(x, y)
    two = np.flatnonzero(y[:, 2] == 0)
    tree = soil.tree(PLANS[0], two, 0)
    assert tree.values.shape[1] == 3
    assert not tree.values[:, 2].any()


def test_an_empty_grove_survives_being_saved():
    assert RandomForest.restore(RandomForest().arrays()) == RandomForest()


def test_missing_numbers_become_medians():
    x = np.array([[1, np.nan], [3, np.nan], [np.nan, np.nan]], np.float32)
    medians = medians_of(x)
    assert medians.tolist() == [1, 0]
    assert np.array_equal(median_filled(x, medians), [[1, 0], [3, 0], [1, 0]])
