import numpy as np
import pytest

from autodl_agent.scoring.alc import alc
from autodl_agent.scoring.auc import nauc
from autodl_agent.scoring.bootstrap import alc_error_bar, draw_counts, nauc_error_bar, resampled_naucs
from data_format.errors import DataError

GENERATOR = np.random.default_rng(0)
TRUTH = np.eye(4)[GENERATOR.integers(0, 4, 200)]
SCORES = TRUTH + GENERATOR.normal(0, 1, TRUTH.shape)


def test_the_seed_decides() -> None:
    assert nauc_error_bar(TRUTH, SCORES, seed=3) == nauc_error_bar(TRUTH, SCORES, seed=3)
    assert nauc_error_bar(TRUTH, SCORES, seed=3) != nauc_error_bar(TRUTH, SCORES, seed=4)


def test_the_bar_lies_around_the_score() -> None:
    bar = nauc_error_bar(TRUTH, SCORES, resamples=200)
    assert bar is not None
    assert bar.resamples == 200
    assert 0.005 < bar.std < 0.06
    assert bar.var == pytest.approx(bar.std**2)
    assert bar.mean == pytest.approx(nauc(TRUTH, SCORES), abs=4 * bar.std)


def test_counts_are_the_resampled_rows() -> None:
    counts = draw_counts(TRUTH, 3, seed=1)
    assert (counts.sum(axis=1) == len(TRUTH)).all()
    expected = [nauc(np.repeat(TRUTH, c, axis=0), np.repeat(SCORES, c, axis=0)) for c in counts]
    np.testing.assert_allclose(resampled_naucs(TRUTH, SCORES, counts), expected)


def test_tiny_sets_have_bars_too_since_only_valid_draws_are_taken() -> None:
    truth = np.array([[1.0], [0.0], [0.0], [0.0]])
    counts = draw_counts(truth, 50)
    assert (counts[:, 0] > 0).all() and (counts[:, 0] < 4).all()
    bar = nauc_error_bar(truth, truth)
    assert bar is not None and (bar.mean, bar.std) == (1.0, 0.0)


def test_without_a_usable_class_there_is_no_bar() -> None:
    assert nauc_error_bar(np.ones((5, 2)), np.zeros((5, 2))) is None
    assert draw_counts(np.zeros((0, 2)), 5).shape == (0, 0)


def test_a_resample_keeps_its_rows_for_the_whole_curve() -> None:
    counts = draw_counts(TRUTH, 5)
    naucs = np.stack([resampled_naucs(TRUTH, SCORES * 0, counts), resampled_naucs(TRUTH, SCORES, counts)])
    bar = alc_error_bar(naucs, [1.0, 10.0], 60)
    assert bar is not None
    expected = [alc([1.0, 10.0], column, 60) for column in naucs.T]
    assert (bar.mean, bar.std) == (pytest.approx(np.mean(expected)), pytest.approx(np.std(expected)))
    assert alc_error_bar(np.zeros((0, 5)), [], 60) is None
    with pytest.raises(DataError, match=r"scores \(2, 5\), times \(1,\)"):
        alc_error_bar(naucs, [1.0], 60)
