import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.scoring.auc import class_aucs
from autodl_agent.scoring.fast_auc import fast_aucs, mean_auc


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 9), st.sampled_from([1, 2, 5, 10**9]))
def test_fast_aucs_agree_with_the_scorer_with_and_without_ties(n, classes, seed, levels):
    rng = np.random.default_rng(seed)
    scores = (rng.integers(0, levels, (n, classes)) - levels // 2) / np.float32(levels)
    labels = (rng.random((n, classes)) < 0.5).astype(np.float32)
    assert np.allclose(fast_aucs(scores, labels), class_aucs(labels, scores), equal_nan=True)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_scores_that_say_nothing_are_worth_half_even_on_rows_sorted_by_class(value):
    labels = np.repeat([[0.0, 1.0], [1.0, 0.0]], 10_000, axis=0).astype(np.float32)
    assert fast_aucs(np.full((20_000, 2), value), labels).tolist() == [0.5, 0.5]


def test_fast_aucs_take_no_rows_and_no_classes():
    assert np.isnan(fast_aucs(np.zeros((0, 2)), np.zeros((0, 2), np.float32))).all()
    assert fast_aucs(np.zeros((3, 0)), np.zeros((3, 0), np.float32)).shape == (0,)


def test_the_mean_leaves_one_valued_classes_out_and_is_half_without_any_other():
    scores, labels = np.array([[0.1, 3], [0.2, 1], [0.3, 2]]), np.array([[0, 1], [1, 1], [1, 1]], np.float32)
    assert mean_auc(scores, labels) == 1
    assert mean_auc(scores[:, 1:], labels[:, 1:]) == 0.5
