"""Both forms against fits without the row."""

import numpy as np
import pytest

from autodl_agent.learners.heads.eigen import dual_path, left_out_scores, primal_path
from autodl_agent.scoring.fast_auc import mean_auc


def centred(n, d, seed=0):
    """Features (n, d) and two targets, with columns of mean 0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(np.float32)
    target = x[:, :2] + rng.normal(size=(n, 2)).astype(np.float32)
    return x - x.mean(0), target - target.mean(0)


def refitted(x, target, penalty, row):
    """The score of one row by ridge on the others, with an intercept that is not penalised."""
    rest = np.arange(len(x)) != row
    mean, level = x[rest].mean(0), target[rest].mean(0)
    inner = x[rest] - mean
    weights = np.linalg.solve(inner.T @ inner + penalty * np.eye(x.shape[1]), inner.T @ (target[rest] - level))
    return (x[row] - mean) @ weights + level


@pytest.mark.parametrize(("n", "d"), [(30, 4), (20, 40)])
def test_primal_and_dual_agree_and_leave_out_exactly(n, d):
    x, target = centred(n, d)
    penalties = (2.0, 30.0)
    for penalty, primal, dual in zip(
        penalties, primal_path(x, target, penalties), dual_path(x @ x.T, target, penalties), strict=True
    ):
        assert np.allclose(primal.solution, x.T @ dual.solution, atol=1e-4)
        assert np.allclose(primal.left_out, dual.left_out, atol=1e-3)
        for row in (0, n - 1):
            assert np.allclose(dual.left_out[row], refitted(x, target, penalty, row), atol=1e-4)


def test_a_kernel_without_a_free_intercept_leaves_out_exactly():
    x, target = centred(30, 3)
    kernel = np.exp(-np.square(x[:, None] - x).sum(2) / 6)
    (found,) = dual_path(kernel, target, (0.1,), free_intercept=False)
    assert np.allclose((kernel + 0.1 * np.eye(30)) @ found.solution, target, atol=1e-5)
    for row in (0, 7, 29):
        rest = np.arange(30) != row
        alpha = np.linalg.solve(kernel[np.ix_(rest, rest)] + 0.1 * np.eye(29), target[rest])
        assert np.allclose(kernel[row, rest] @ alpha, found.left_out[row], atol=1e-4)


def test_noise_has_no_merit_when_there_are_more_features_than_rows():
    rng = np.random.default_rng(0)
    x, _ = centred(100, 300)
    y = np.eye(2, dtype=np.float32)[rng.integers(0, 2, 100)]
    for found in dual_path(x @ x.T, y - y.mean(0), (0.01, 1.0, 100.0)):
        assert mean_auc(found.left_out, y) < 0.65


def test_a_row_that_decides_its_own_fit_stays_finite():
    target = np.ones((2, 1), np.float32)
    assert np.isfinite(left_out_scores(target, target * 0.5, np.array([1.0, 1.1]))).all()
