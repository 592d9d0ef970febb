import numpy as np
import pytest

from autodl_agent.engine.ensemble.stacking import RIDGE, fit_sigmoid, fit_softmax


def make(members=3, n=400, classes=4, seed=0):
    """Noisy logits (members, n, classes), each with the noise of its own level, and one label a row."""
    rng = np.random.default_rng(seed)
    truth = np.eye(classes, dtype=np.float32)[rng.integers(0, classes, n)]
    noise = np.linspace(1, 2, members)[:, None, None]
    return (2 * truth - 2 + noise * rng.normal(size=(members, n, classes))).astype(np.float32), truth


def penalty(weights):
    return RIDGE / 2 * ((weights - weights.mean()) ** 2).sum()


def softmax_loss(x, truth, weights):
    z = np.tensordot(weights, x, 1)
    return (np.log(np.exp(z).sum(1)) - (truth * z).sum(1)).sum() + penalty(weights)


def sigmoid_loss(x, truth, weights, offsets):
    z = np.tensordot(weights, x, 1) + offsets
    return (np.logaddexp(0, z) - truth * z).sum() + penalty(weights)


def test_the_softmax_weights_are_the_optimum():
    x, truth = make()
    found = fit_softmax(x, truth)
    best = softmax_loss(x, truth, found)
    for k in range(3):
        for change in (-0.05, 0.05):
            moved = found.copy()
            moved[k] += change
            assert softmax_loss(x, truth, moved) > best


def test_the_sigmoid_weights_are_the_optimum_with_the_offsets():
    minimize = pytest.importorskip("scipy.optimize").minimize
    x, truth = make()
    expected = minimize(lambda v: sigmoid_loss(x, truth, v[:3], v[3:]), np.zeros(7)).x[:3]
    assert np.allclose(fit_sigmoid(x, truth), expected, atol=0.02)


def test_better_members_weigh_more():
    x, truth = make()
    for weights in (fit_sigmoid(x, truth), fit_softmax(x, truth)):
        assert weights[0] > weights[1] > weights[2] > 0


def test_a_member_that_says_the_opposite_leaves():
    x, truth = make()
    x[2] = -x[2]
    for weights in (fit_sigmoid(x, truth), fit_softmax(x, truth)):
        assert weights[2] == 0
        assert (weights[:2] > 0).all()


def test_few_rows_leave_the_weights_nearly_equal():
    x, truth = make(members=2, n=12, classes=2)
    few = fit_softmax(x, truth)
    x, truth = make(members=2, n=2000, classes=2)
    many = fit_softmax(x, truth)
    assert abs(few[0] - few[1]) < abs(many[0] - many[1])


def test_members_of_any_scale_converge():
    x, truth = make()
    scales = np.array([0.01, 1, 100], np.float32)[:, None, None]
    for fit in (fit_sigmoid, fit_softmax):
        influence = fit(x * scales, truth) * scales.ravel()
        assert np.isfinite(influence).all()
        assert influence[1] > 0.3


def test_only_contrary_members_still_leave_one():
    x, truth = make()
    for fit in (fit_sigmoid, fit_softmax):
        weights = fit(-x, truth)
        assert (weights >= 0).all()
        assert weights.sum() > 0
