import numpy as np
import pytest

from autodl_agent.learners.heads.calibration import LARGEST
from autodl_agent.learners.heads.config import LogisticRidgeConfig
from autodl_agent.learners.heads.logistic_ridge import fit_logistic_ridge
from autodl_agent.scoring.fast_auc import fast_aucs
from autodl_agent.system.clock import Budget


def soon():
    return Budget.from_now(60).deadline(60)


def solve(x, y, penalties, polish, start=None):
    return fit_logistic_ridge(x, y, LogisticRidgeConfig(penalties, polish), soon(), start)


def refit_left_out(x, y, penalty):
    """Leave-one-out scores the slow way."""
    out = np.zeros_like(y)
    for i in range(len(x)):
        keep = np.arange(len(x)) != i
        xs, ys = x[keep], y[keep]
        mean, rate = xs.mean(0), ys.mean(0)
        weights = np.linalg.solve(
            (xs - mean).T @ (xs - mean) + penalty * np.eye(x.shape[1]), (xs - mean).T @ (ys - rate)
        )
        out[i] = (x[i] - mean) @ weights + rate
    return out


@pytest.mark.parametrize(("n", "d"), [(60, 5), (30, 80)])
def test_merit_is_the_auc_of_really_leaving_one_out(n, d):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, d)).astype(np.float32)
    y = (x[:, :2] + rng.normal(size=(n, 2)) > 0).astype(np.float32)
    penalty = 3.0
    found = solve(x, y, (penalty,), 0)
    scale = 1.0 if n > d else max(1.0, float(((x - x.mean(0)) ** 2).sum()) / n / 100)
    slow = fast_aucs(refit_left_out(x.astype(np.float64), y.astype(np.float64), penalty * scale), y).mean()
    assert found.auc == pytest.approx(slow, abs=0.03)


@pytest.mark.parametrize(("n", "d"), [(100, 300), (300, 100)])
def test_noise_has_no_merit_however_many_features(n, d):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, d)).astype(np.float32)
    y = (rng.random((n, 4)) < 0.5).astype(np.float32)
    assert solve(x, y, (1e-6, 1e-3, 1.0), 0).auc < 0.65


def test_polishing_lowers_the_log_loss():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2_000, 10)).astype(np.float32)
    y = (rng.random((2_000, 3)) < 1 / (1 + np.exp(-3 * x[:, :3] + 2))).astype(np.float32)
    losses = []
    for polish in (0, 4):
        margins = solve(x, y, (0.1,), polish).margins(x)
        losses.append(float(np.logaddexp(0, np.where(y > 0, -margins, margins)).mean()))
    assert losses[1] < losses[0]
    assert solve(x, y, (0.1,), 20).weights[0, 0] == pytest.approx(3, abs=0.5)


@pytest.mark.parametrize("n", [60, 500])
def test_separable_and_rare_classes_stay_where_probabilities_differ(n):
    x = np.linspace(-1, 1, n, dtype=np.float32)[:, None] ** np.arange(1, 40)
    y = np.zeros((n, 2), np.float32)
    y[-3:, 0] = y[n // 2 :, 1] = 1
    margins = solve(x, y, (1e-6, 1e-3), 8).margins(x)
    assert np.abs(margins).max() <= LARGEST + 3
    assert np.nanmin(fast_aucs(margins, y)) > 0.97


def test_climbing_finds_the_best_of_all_penalties():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(200, 150)).astype(np.float32)
    y = (x[:, :1] + rng.normal(size=(200, 1)) > 0).astype(np.float32)
    penalties = (0.1, 1.0, 10.0, 100.0, 1_000.0)
    alone = [solve(x, y, (p,), 0).auc for p in penalties]
    for start in range(5):
        assert solve(x, y, penalties, 0, start).auc >= min(alone[start], max(alone))


def test_a_class_of_one_row_is_heard_where_there_are_more_features_than_rows():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(120, 200)).astype(np.float32)
    y = np.zeros((120, 3), np.float32)
    y[0, 0] = 1
    y[:, 1:] = x[:, :2] + 0.3 * rng.normal(size=(120, 2)) > 0
    x[:, :2] *= 5
    found = solve(x, y, (0.1, 1.0, 10.0), 0)
    loud = ((rng.normal(size=(500, 200)).astype(np.float32) @ found.weights) * found.slope).std(0)
    assert loud[0] > loud[1:].mean() / 6
