import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.learners.text.config import BayesConfig
from autodl_agent.learners.text.hashing import Bag, token_bag
from autodl_agent.learners.text.naive_bayes import (
    HELD_VALUES,
    class_sums,
    fit_bayes,
    folds,
    frequent,
    held_out,
    multiply,
    softmax_odds,
    weigh,
)

TEXTS = ["a b b c", "", "c c d", "a e", "f"]


def dense(bag: Bag, values: np.ndarray) -> np.ndarray:
    out = np.zeros((len(bag), len(bag.columns)), np.float32)
    out[np.repeat(np.arange(len(bag)), np.diff(bag.indptr)), bag.indices] = values
    return out


def test_sparse_products_equal_dense_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    bag = token_bag(TEXTS, 2)
    values = weigh(bag, np.ones(len(bag.columns), np.float32))
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(len(bag.columns), 3)).astype(np.float32)
    labels = (rng.random((5, 3)) * rng.integers(0, 2, (5, 3))).astype(np.float32)
    for chunk in (1, 4, 1 << 20):
        monkeypatch.setattr("autodl_agent.learners.text.naive_bayes.CHUNK_VALUES", chunk)
        np.testing.assert_allclose(multiply(bag, values, weights), dense(bag, values) @ weights, atol=1e-5)
        np.testing.assert_allclose(class_sums(bag, values, labels), dense(bag, values).T @ labels, atol=1e-5)


def test_rows_have_length_one_or_zero() -> None:
    bag = token_bag(TEXTS, 1)
    lengths = np.linalg.norm(dense(bag, weigh(bag, np.full(len(bag.columns), 2, np.float32))), axis=1)
    np.testing.assert_allclose(lengths, [1, 0, 1, 1, 1], atol=1e-6)


def test_frequent_keeps_the_most_common_columns() -> None:
    bag = token_bag(["a b", "a c", "a b d"], 1)
    assert len(frequent(bag, 10)) == 4
    assert len(frequent(bag, 10, min_rows=2)) == 2
    assert frequent(bag, 1).tolist() == token_bag(["a"], 1).columns.tolist()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.floats(-40, 40), min_size=3, max_size=3), min_size=1, max_size=5))
def test_softmax_odds_are_the_odds_of_a_softmax(scores: list[list[float]]) -> None:
    z = np.array(scores, np.float32).astype(np.float64)
    expected = np.stack([z[:, c] - np.logaddexp.reduce(np.delete(z, c, 1), axis=1) for c in range(3)], 1)
    np.testing.assert_allclose(softmax_odds(z), expected, rtol=1e-4, atol=1e-4)


def test_softmax_odds_of_one_class_are_the_scores() -> None:
    np.testing.assert_array_equal(softmax_odds(np.array([[2.0], [3.0]])), [[2], [3]])


def test_folds_spread_every_class_evenly_also_in_sorted_sets() -> None:
    labels = np.repeat(np.eye(5, dtype=np.float32), 20, axis=0)
    part = folds(labels, 5, seed=1)
    for k in range(5):
        assert labels[part == k].sum(0).tolist() == [4] * 5


def test_held_out_rows_are_bounded_and_from_everywhere() -> None:
    classes = HELD_VALUES // 20
    labels = np.zeros((300, classes), np.float32)
    rows = held_out(labels, 5, seed=0)
    assert all(len(each) <= 20 for each in rows)
    assert min(each.max() for each in rows) > 200


def test_scores_side_with_the_class_of_the_words() -> None:
    texts = ["red apple", "green apple", "fast car", "slow car"] * 10
    labels = np.tile(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32), (10, 1))
    model = fit_bayes(token_bag(texts, 2), labels, True, BayesConfig())
    chances = model.probabilities(token_bag(["apple", "car", "unknown"], 2), True)
    assert chances[0, 0] > 0.8 > 0.2 > chances[0, 1]
    assert chances[1, 1] > 0.8 > 0.2 > chances[1, 0]
    assert 0.3 < chances[2, 0] < 0.7


def test_weights_stay_within_the_limit() -> None:
    texts = [f"word{i} other{i % 7}" for i in range(100)]
    labels = np.eye(10, dtype=np.float32)[np.arange(100) % 10]
    model = fit_bayes(token_bag(texts, 2), labels, True, BayesConfig(max_weights=500))
    assert model.weights.size <= 500
