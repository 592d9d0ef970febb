import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.engine.ensemble.calibration import (
    Calibration,
    best_threshold,
    fit_calibration,
    fit_thresholds,
    logistic,
    softmax_odds,
)
from autodl_agent.engine.ensemble.selection import to_probabilities


def loss(odds, labels):
    return float(np.logaddexp(0, np.where(labels > 0.5, -odds, odds)).mean())


def made(seed=0, n=2000, classes=4, slope=3.0, offset=1.5):
    """Odds that are `slope` times too far out and shifted, and labels drawn from the true ones."""
    rng = np.random.default_rng(seed)
    true = rng.normal(-0.5, 1.5, (n, classes))
    labels = (rng.random((n, classes)) < 1 / (1 + np.exp(-true))).astype(np.float32)
    return (true * slope + offset).astype(np.float32), labels, true


def test_overconfident_scores_are_set_right_on_rows_never_seen():
    odds, labels, _ = made()
    found = fit_calibration(odds, labels)
    assert found.slope == pytest.approx(1 / 3, abs=0.05) and found.offset == pytest.approx(-0.5, abs=0.12)
    fresh, truth, _ = made(seed=1)
    assert loss(found.slope * fresh + found.offset, truth) < 0.8 * loss(fresh, truth)


def test_scores_that_are_right_stay_nearly_as_they_are():
    odds, labels, _ = made(slope=1.0, offset=0.0)
    found = fit_calibration(odds, labels)
    assert found.slope == pytest.approx(1, abs=0.06) and found.offset == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("labels", [np.zeros((5, 2)), np.ones((5, 2)), np.zeros((0, 2)), np.zeros((5, 0))])
def test_nothing_to_learn_from_changes_nothing(labels):
    assert fit_calibration(np.zeros(labels.shape, np.float32), labels.astype(np.float32)) == Calibration()


def test_separated_classes_stay_where_float32_tells_them_apart():
    odds = np.linspace(-12, 12, 400, dtype=np.float32).reshape(-1, 2)
    found = fit_calibration(odds, (odds > 0).astype(np.float32))
    values = found.probabilities(odds)
    assert len(np.unique(values)) == odds.size


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 60), st.integers(1, 5))
def test_no_rank_changes_within_a_class_or_a_row(seed, n, classes):
    rng = np.random.default_rng(seed)
    odds = (rng.normal(0, 3, (n, classes)) * rng.choice([0.3, 1, 3])).astype(np.float32)
    labels = (rng.random((n, classes)) < rng.random()).astype(np.float32)
    found = fit_calibration(odds, labels)
    assert found.slope > 0
    values = found.probabilities(odds)
    assert np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1
    for axis in (0, 1):
        order = np.argsort(odds, axis=axis)
        assert (np.diff(np.take_along_axis(values, order, axis), axis=axis) >= 0).all()


def test_small_probabilities_keep_their_ranks():
    odds = np.array([-40, -39.9, -20, -19.99], np.float32)
    assert (np.diff(logistic(odds)) > 0).all() and logistic(np.float32([-200.0]))[0] >= 0


def test_coupled_odds_are_those_of_the_softmax():
    logits = np.random.default_rng(0).normal(0, 3, (50, 4)).astype(np.float32)
    assert np.allclose(logistic(softmax_odds(logits)), to_probabilities(logits, True), atol=1e-6)
    sure = softmax_odds(np.array([[60.0, 0.0]], np.float32))
    assert np.isfinite(sure).all() and sure[0, 0] > 15 and sure[0, 1] == pytest.approx(-60, abs=0.01)


def f1(decided, truth):
    return 2 * (decided & truth).sum() / max(1, decided.sum() + truth.sum())


def test_the_threshold_has_the_best_f1():
    rng = np.random.default_rng(3)
    truth = rng.random(300) < 0.1
    scores = (0.05 + 0.1 * truth + 0.1 * rng.random(300)).astype(np.float32)
    best = best_threshold(scores, truth)
    assert f1(scores >= best, truth) == max(f1(scores >= t, truth) for t in np.unique(scores))
    assert f1(scores >= best, truth) > f1(scores >= 0.5, truth)


def test_equal_scores_are_never_cut_apart():
    scores = np.array([0.2, 0.4, 0.4, 0.4], np.float32)
    truth = np.array([False, True, False, False])
    assert 0.2 < best_threshold(scores, truth) <= 0.4


def test_rare_classes_share_a_threshold_and_none_is_half():
    odds, labels, _ = made(classes=3)
    labels[:, 2] = 0
    labels[:2, 2] = 1
    probabilities = logistic(odds)
    found = fit_thresholds(probabilities, labels)
    assert found.shape == (3,) and found[2] == pytest.approx(
        best_threshold(probabilities.ravel(), labels.ravel() > 0.5), abs=1e-6
    )
    assert (fit_thresholds(probabilities, np.zeros_like(labels)) == 0.5).all()
    for c in (0, 1):
        assert f1(probabilities[:, c] >= found[c], labels[:, c] > 0.5) >= f1(
            probabilities[:, c] >= 0.5, labels[:, c] > 0.5
        )
