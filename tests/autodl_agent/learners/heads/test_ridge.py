import numpy as np
import pytest

from autodl_agent.learners.heads.config import RidgeConfig
from autodl_agent.learners.heads.ridge import fit_ridge
from autodl_agent.scoring.fast_auc import mean_auc


def problem(n, d, classes=3, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(np.float32)
    scores = x @ rng.normal(size=(d, classes)) + noise * rng.normal(size=(n, classes))
    return x, np.eye(classes, dtype=np.float32)[scores.argmax(1)]


@pytest.mark.parametrize(("n", "d", "least"), [(400, 20, 0.9), (200, 240, 0.65)])
def test_it_learns_in_the_primal_and_in_the_dual(n, d, least):
    x, y = problem(2 * n, d, classes=2, noise=0.1)
    head = fit_ridge(x[:n], y[:n])
    assert mean_auc(head.scores(x[n:]), y[n:]) > least


def test_probabilities_are_calibrated_on_rows_that_were_left_out():
    x, y = problem(4000, 5, noise=3.0)
    p = fit_ridge(x[:2000], y[:2000]).probabilities(x[2000:])
    for c in range(3):
        sure = p[:, c] > 0.5
        assert abs(p[sure, c].mean() - y[2000:][sure, c].mean()) < 0.08


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.ones((1, 3)), np.ones((1, 2))),
        (np.zeros((5, 3)), np.eye(5)[:, :2]),
        (np.full((4, 2), np.nan), np.eye(4)),
        (np.array([[np.inf, 1], [1, -np.inf], [2, 3]]), np.eye(3)),
        (np.random.default_rng(0).normal(size=(6, 3)), np.zeros((6, 2))),
        (np.full((6, 3), 1e30), np.eye(6)),
    ],
)
def test_poor_data_give_finite_probabilities(x, y):
    p = fit_ridge(x.astype(np.float32), y.astype(np.float32)).probabilities(x)
    assert np.isfinite(p).all() and p.min() >= 0 and p.max() <= 1


def rare_and_common(seed=0):
    """300 rows of 20 features, of classes of 1, 2, 0, all but 1 and about 150 positives that follow a feature each."""
    x = np.random.default_rng(seed).normal(size=(300, 20)).astype(np.float32)
    y = np.zeros((300, 6), np.float32)
    y[np.argsort(-x[:, 0])[:1], 0] = 1
    y[np.argsort(-x[:, 1])[:2], 1] = 1
    y[:, 3] = 1
    y[np.argsort(-x[:, 3])[:1], 3] = 0
    y[:, 4:] = x[:, 4:6] > 0
    return x, y


def test_a_class_of_one_or_two_positives_speaks_up_but_not_as_loud_as_one_of_many():
    x, y = rare_and_common()
    head = fit_ridge(x, y)
    loud = (head.scores(x) * head.slope).std(0)
    assert (loud[[0, 1, 3]] > loud[4:].mean() / 5).all()
    assert (loud[[0, 1, 3]] < loud[4:].mean()).all()


def test_where_no_class_can_tell_all_speak_moderately_and_within_bounds():
    x = np.random.default_rng(2).normal(size=(40, 5)).astype(np.float32)
    y = np.zeros((40, 20), np.float32)
    y[np.arange(40), np.arange(40) // 2] = 1
    head = fit_ridge(x, y)
    logits = head.scores(x) * head.slope + head.offset
    assert (logits.std(0) > 0.5).all() and np.abs(logits).max() < 12.5


def test_a_class_that_every_row_has_or_none_gets_its_share():
    x = np.random.default_rng(3).normal(size=(100, 4)).astype(np.float32)
    y = np.stack([np.ones(100), np.zeros(100), x[:, 0] > 0], 1).astype(np.float32)
    p = fit_ridge(x, y).probabilities(x)
    assert (p[:, 0] > 0.95).all() and (p[:, 1] < 0.05).all()


def test_a_penalty_is_chosen_on_rows_of_every_class_where_rows_come_sorted():
    rng = np.random.default_rng(0)
    x, far = rng.normal(size=(200, 190)).astype(np.float32), np.arange(200) >= 100
    x[:, 0] += 3 * far
    y = np.eye(2, dtype=np.float32)[far.astype(int)]
    chosen = fit_ridge(x, y, RidgeConfig((1e-6, 100.0), judged_rows=60))
    assert np.allclose(chosen.weights, fit_ridge(x, y, RidgeConfig((100.0,))).weights)


def test_columns_that_are_not_standardised_keep_their_say():
    x, y = problem(300, 10)
    x *= np.linspace(0.1, 3, 10, dtype=np.float32)
    head = fit_ridge(x, y, RidgeConfig(standardise=False))
    assert len(set(head.scale.tolist())) == 1
    assert len(set(fit_ridge(x, y).scale.tolist())) == 10
