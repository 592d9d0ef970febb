"""The kernel machine: learns, leave-one-out is exact, odd labels and features are harmless."""

import numpy as np
import pytest

from autodl_agent.learners.heads import multi_kernel as kernels
from autodl_agent.learners.heads.config import MultiKernelConfig
from autodl_agent.learners.heads.multi_kernel import KernelHead, fit_kernel
from autodl_agent.scoring.fast_auc import mean_auc

CONFIG = MultiKernelConfig()
LAYOUT = {"shape": slice(0, 4), "map": slice(4, 12), "mute": slice(12, 14)}


def rings(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two classes a linear machine cannot tell: near to and far from the origin of the map; a mute block besides."""
    rng = np.random.default_rng(seed)
    x = np.zeros((n, 14), np.float32)
    x[:, :12] = rng.normal(size=(n, 12))
    far = np.arange(n) % 2
    x[:, 4:12] *= np.where(far, 1.5, 0.5)[:, None] / np.linalg.norm(x[:, 4:12], axis=1, keepdims=True)
    return x, np.eye(2, dtype=np.float32)[far]


def auc(head: KernelHead, x: np.ndarray, y: np.ndarray) -> float:
    return mean_auc(head.probabilities(x, LAYOUT, CONFIG), y)


@pytest.mark.parametrize("anchors", [300, 120])
def test_exact_and_spanned_machines_learn_what_is_not_linear(anchors):
    x, y = rings(300)
    head = fit_kernel(x, y, LAYOUT, CONFIG, anchors)
    assert head.anchors.shape == (anchors, 14)
    assert auc(head, *rings(200, seed=1)) > 0.93


def test_leave_one_out_scores_are_those_of_fits_without_the_row():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(25, 4))
    kernel = (z @ z.T + np.exp(-np.square(z[:, None] - z).sum(2))).astype(np.float64)
    labels = (z[:, :2] + 0.5 * rng.normal(size=(25, 2)) > 0).astype(np.float32)
    penalty = 0.1
    alpha, intercept, left_out = kernels._exact(kernel, labels, MultiKernelConfig(penalties=(penalty,)))
    variance = np.trace(kernel - kernel.mean(0)[:, None]) / 25
    for i in range(25):
        others = np.delete(np.arange(25), i)
        system = np.ones((25, 25))
        system[:24, :24] = kernel[np.ix_(others, others)] + penalty * variance * np.eye(24)
        system[24, 24] = 0
        solution = np.linalg.solve(system, np.vstack([labels[others], np.zeros((1, 2))]))
        assert np.allclose(left_out[i], kernel[i, others] @ solution[:24] + solution[24], atol=1e-3)
    assert np.allclose(alpha.sum(0), 0, atol=1e-4)
    assert intercept.shape == (2,)


def test_the_mean_of_the_predictions_is_the_share_of_the_class():
    x, y = rings(200)
    y[:, 1] = np.arange(200) < 20
    head = fit_kernel(x, y, LAYOUT, CONFIG, 200)
    assert np.allclose(head.probabilities(x, LAYOUT, CONFIG).mean(0), y.mean(0), atol=0.08)


def test_unknown_values_count_as_the_mean_and_outliers_are_bounded():
    x, y = rings(120)
    x[::7, 5] = np.nan
    x[3, 6] = 1e20
    x[:, 13] = np.nan
    head = fit_kernel(x, y, LAYOUT, CONFIG, 120)
    found = head.probabilities(np.full((3, 14), np.nan, np.float32), LAYOUT, CONFIG)
    assert np.isfinite(found).all()
    assert np.allclose(found[0], found[1])
    assert np.isfinite(head.alpha).all()


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("anchors", [1, 3])
def test_few_rows_and_one_valued_classes(n, anchors):
    x, _ = rings(n)
    y = np.tile(np.array([[1, 0, 0]], np.float32), (n, 1))
    head = fit_kernel(x, y, LAYOUT, CONFIG, anchors)
    found = head.probabilities(rings(5)[0], LAYOUT, CONFIG)
    assert found.shape == (5, 3)
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1
    assert (found[:, 0] > found[:, 1]).all()


def test_rows_that_are_all_alike_give_the_class_shares():
    y = np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]
    for anchors in (4, 2):
        head = fit_kernel(np.ones((4, 14), np.float32), y, LAYOUT, CONFIG, anchors)
        found = head.probabilities(np.ones((1, 14), np.float32), LAYOUT, CONFIG)
        assert found[0, 0] > found[0, 1]


def test_many_rows_are_predicted_in_pieces(monkeypatch):
    x, y = rings(90)
    head = fit_kernel(x, y, LAYOUT, CONFIG, 90)
    whole = head.probabilities(x, LAYOUT, CONFIG)
    monkeypatch.setattr(kernels, "ROWS_AT_ONCE", 7)
    assert np.allclose(head.probabilities(x, LAYOUT, CONFIG), whole, atol=1e-5)


def test_arrays_rebuild_the_machine():
    x, y = rings(40)
    head = fit_kernel(x, y, LAYOUT, CONFIG, 40)
    again = KernelHead(**head.arrays())
    assert np.array_equal(head.probabilities(x, LAYOUT, CONFIG), again.probabilities(x, LAYOUT, CONFIG))


def test_the_first_penalty_stays_unless_another_is_clearly_better():
    rng = np.random.default_rng(0)
    y = np.eye(2, dtype=np.float32)[np.arange(60) % 2]
    easy = (y @ rng.normal(size=(2, 14)) * 20 + rng.normal(size=(60, 14))).astype(np.float32)
    hard = (y @ rng.normal(size=(2, 14)) * 0.7 + rng.normal(size=(60, 14))).astype(np.float32)
    for x, expected in ((easy, 1e3), (hard, 1.0)):
        alone = fit_kernel(x, y, LAYOUT, MultiKernelConfig(penalties=(expected,)), 60)
        either = fit_kernel(x, y, LAYOUT, MultiKernelConfig(penalties=(1e3, 1.0), clear_gain=0.01), 60)
        assert np.allclose(alone.alpha, either.alpha), expected
