"""NAUC against the protocol's vectors, a naive pair count, and what must not change it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from autodl_agent.scoring import auc as auc_module
from autodl_agent.scoring.auc import class_aucs, nauc, weighted_class_aucs
from data_format.errors import DataError

TRUTH = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]])
SCORES = np.array([[0.9, 0.1, 0.3], [0.2, 0.4, 0.1], [0.9, 0.4, 0.2], [0.8, 0.3, 0.9]])


def naive_aucs(truth: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Count pairs one by one: a positive above a negative wins 1, beside it 1/2."""
    result = np.full(truth.shape[1], np.nan)
    for c in range(truth.shape[1]):
        key = [-np.inf if np.isnan(s) else s for s in scores[:, c]]
        pairs = [
            (a, b)
            for a, t in zip(key, truth[:, c], strict=True)
            if t == 1
            for b, u in zip(key, truth[:, c], strict=True)
            if u != 1
        ]
        if pairs:
            result[c] = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)
    return result


matrices = st.tuples(st.integers(1, 12), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(
        arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0, 1.0, 0.5])),
        arrays(np.float64, shape, elements=st.sampled_from([-np.inf, -1.5, 0.0, 0.25, 0.25, 1e9, np.inf, np.nan])),
    )
)


def test_the_protocols_vector() -> None:
    assert nauc(TRUTH, SCORES) == 0.25
    np.testing.assert_array_equal(class_aucs(TRUTH, SCORES), [0.75 - 1 / 8, 5 / 8, np.nan])


@given(matrices)
@settings(max_examples=150, deadline=None)
def test_equals_the_count_of_pairs(pair: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    truth, scores = pair
    np.testing.assert_allclose(class_aucs(truth, scores), naive_aucs(truth, scores), rtol=0, atol=1e-12)


@given(matrices, st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_counts_equal_repeated_rows(pair: tuple[NDArray[np.float64], NDArray[np.float64]], seed: int) -> None:
    truth, scores = pair
    counts = np.random.default_rng(seed).integers(0, 4, (2, len(truth)))
    expected = [naive_aucs(np.repeat(truth, c, axis=0), np.repeat(scores, c, axis=0)) for c in counts]
    np.testing.assert_allclose(weighted_class_aucs(truth, scores, counts), expected, rtol=0, atol=1e-12)


@given(matrices, st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_only_the_order_matters(pair: tuple[NDArray[np.float64], NDArray[np.float64]], seed: int) -> None:
    truth, scores = pair
    rows = np.random.default_rng(seed).permutation(len(truth))
    assert nauc(truth[rows], scores[rows]) == pytest.approx(nauc(truth, scores), abs=1e-12)
    finite = np.where(np.isfinite(scores), np.clip(scores, -5, 5), -5.0)
    assert nauc(truth, np.exp(finite) * 3 + 1) == pytest.approx(nauc(truth, finite), abs=1e-12)
    assert nauc(truth, -finite) == pytest.approx(-nauc(truth, finite), abs=1e-12)


def test_blocks_of_columns_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    truth, scores = (generator.random((40, 11)) < 0.3).astype(float), generator.random((40, 11)).round(1)
    whole = class_aucs(truth, scores)
    monkeypatch.setattr(auc_module, "_BLOCK_CELLS", 100)
    np.testing.assert_array_equal(class_aucs(truth, scores), whole)
    np.testing.assert_allclose(whole, naive_aucs(truth, scores))


def test_constant_and_nan_predictions_score_zero_whatever_the_row_order() -> None:
    truth = np.eye(2)[[0, 1, 0, 1, 1, 0]]
    for order in (slice(None), slice(None, None, -1)):
        assert nauc(truth[order], np.full((6, 2), 0.7)) == 0.0
        assert nauc(truth[order], np.full((6, 2), np.nan)) == 0.0


def test_nan_and_minus_infinity_are_lowest_and_infinity_is_highest() -> None:
    assert nauc([1, 0], [np.nan, -1e300]) == -1.0
    assert nauc([1, 0], [np.nan, -np.inf]) == 0.0
    assert nauc([1, 0], [np.inf, 1e300]) == 1.0


def test_fractional_truth_is_negative() -> None:
    assert nauc([1.0, 0.9, 0.0], [0.5, 0.4, 0.1]) == 1.0
    assert nauc([1.0, 0.9, 0.0], [0.5, 0.6, 0.1]) == 0.0
    assert np.isnan(class_aucs([0.9, 0.5], [0.1, 0.2]))[0]


def test_a_class_without_test_rows_is_left_out() -> None:
    truth = np.eye(3)[[0, 1, 0, 1, 0, 1]]
    scores = np.random.default_rng(1).random((6, 3))
    assert np.isnan(class_aucs(truth, scores)).tolist() == [False, False, True]
    assert nauc(truth, scores) == nauc(truth[:, :2], scores[:, :2])


@pytest.mark.parametrize("truth", [np.zeros((4, 2)), np.ones((4, 2)), np.ones((1, 3)), np.zeros((0, 2))])
def test_without_a_usable_class_the_score_is_zero(truth: NDArray[np.float64]) -> None:
    assert nauc(truth, np.random.default_rng(2).random(truth.shape)) == 0.0


def test_shapes_that_differ_are_named() -> None:
    with pytest.raises(DataError, match=r"truth has \(4, 3\), prediction has \(4, 2\)"):
        nauc(TRUTH, SCORES[:, :2])


def test_float32_scores_near_one_keep_their_order() -> None:
    logits = np.linspace(8, 14, 50)
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    assert nauc((np.arange(50) >= 25).astype(int), scores) == 1.0
