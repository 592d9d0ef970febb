import time

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError, Recipe
from autodl_agent.learners.heads import batched_ridge
from autodl_agent.learners.heads.batched_ridge import Speed, Sums, fit_wide
from autodl_agent.learners.heads.ridge import fast_aucs
from autodl_agent.learners.vision import block_ridge
from autodl_agent.learners.vision.block_ridge import Choice, choose, fit_head
from autodl_agent.learners.vision.features import Feature
from autodl_agent.learners.vision.mirror_symmetry import Folded, widths
from autodl_agent.system.clock import Deadline

LATER = Deadline(time.monotonic() + 3600)
PAIRS = Feature(Recipe("pairs", (8,), "float32"), np.array([1, 0, 3, 2, 5, 4, 6, 7]))


def data(n: int, width: int = 12, classes: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width)).astype(np.float32) * np.linspace(1, 50, width, dtype=np.float32) + 7
    y = np.eye(classes, dtype=np.float32)[
        ((x - 7) / np.linspace(1, 50, width)).astype(np.float32)[:, :classes].argmax(1)
    ]
    return x, y


def test_widths_count_pairs_kept_and_turned_columns():
    assert widths((PAIRS,)) == (5, 3)
    signs = np.array([1, 1, 1, 1, 1, 1, 1, -1], np.float32)
    assert widths((Feature(PAIRS.recipe, PAIRS.mirror, signs),)) == (4, 4)


@pytest.mark.parametrize("n", [30, 400])
def test_wide_ridge_ranks_like_the_eigendecomposition(n):
    x, y = data(n)
    test, truth = data(300, seed=1)
    one = np.ones(x.shape[1], np.float32)
    parts = 3
    batches = lambda: iter([(x[i::parts], y[i::parts]) for i in range(parts)])  # noqa: E731
    by_parts = fit_wide(batches(), n, one, LATER, Speed())
    plain = fit_head(batches, one, y, LATER, Speed())
    for head in (by_parts, plain):
        p = head.probabilities(test)
        assert p.shape == (300, 3) and np.isfinite(p).all() and p.min() >= 0 and p.max() <= 1
        assert fast_aucs(p, truth).mean() > (0.85 if n == 30 else 0.95)


def test_rows_sorted_by_class_are_calibrated_for_every_class(monkeypatch):
    x, y = data(900)
    order = np.argsort(y.argmax(1), kind="stable")
    monkeypatch.setattr(batched_ridge, "MOST_HELD", 50)
    head = fit_wide(iter([(x[order], y[order])]), 900, np.ones(x.shape[1], np.float32), LATER, Speed())
    test, truth = data(300, seed=1)
    np.testing.assert_allclose(head.probabilities(test).mean(0), truth.mean(0), atol=0.1)


def test_sums_solve_is_ridge_with_a_free_intercept():
    x, y = data(200, width=5)
    sums, other = Sums.zero(5, 3), Sums.zero(5, 3)
    sums.add(x[:80], y[:80])
    other.add(x[80:], y[80:])
    sums.join(other)
    weights, intercept = sums.solve(0.7)
    centred = (x - x.mean(0)).astype(np.float64)
    expected = np.linalg.solve(centred.T @ centred + 0.7 * np.eye(5), centred.T @ (y - y.mean(0)))
    np.testing.assert_allclose(weights, expected, atol=2e-3)
    np.testing.assert_allclose(x.mean(0) @ weights + intercept, y.mean(0), atol=1e-3)


def test_many_rows_take_the_wide_way(monkeypatch):
    x, y = data(300)
    one = np.ones(12, np.float32)
    before = fit_head(lambda: iter([(x, y)]), one, y, LATER, Speed()).scores(x)
    monkeypatch.setattr(block_ridge, "MOST_VALUES", 1000)
    after = fit_head(lambda: iter([(x, y)]), one, y, LATER, Speed()).scores(x)
    assert not np.array_equal(before, after)
    assert fast_aucs(after, y).mean() > 0.97


def test_a_fit_that_would_end_too_late_is_not_begun():
    x, y = data(300)
    with pytest.raises(OutOfTimeError, match="operations"):
        fit_head(lambda: iter([(x, y)]), np.ones(12, np.float32), y, Deadline(time.monotonic() - 1), Speed())
    with pytest.raises(OutOfTimeError, match="operations"):
        fit_wide(iter([(x, y)]), 300, np.ones(12, np.float32), Deadline(time.monotonic() - 1), Speed())


def test_speed_learns_from_long_steps_only():
    speed = Speed(per_s=1e9)
    speed.learn(1e6, 1.0)
    assert speed.per_s == 1e9
    speed.learn(9e9, 1.0)
    assert speed.per_s == 5e9


def test_odd_features_are_taken_exactly_where_they_decide():
    rng = np.random.default_rng(0)
    even, odd = rng.normal(size=(2, 300, 8)).astype(np.float32)
    folded = Folded(even[:, :5], odd[:, :3])
    label = lambda score: np.stack([score > 0, score <= 0], 1).astype(np.float32)  # noqa: E731
    assert choose(folded, label(odd[:, 0]), (PAIRS,), ((),), 0).with_odd
    assert not choose(folded, label(even[:, 0]), (PAIRS,), ((),), 0).with_odd
    assert not choose(folded.take(np.arange(10)), label(odd[:10, 0]), (PAIRS,), ((),), 0).with_odd


def test_weights_shift_only_for_a_clear_gain():
    rng = np.random.default_rng(0)
    noise = Feature(Recipe("noise", (400,), "float32"), np.arange(400))
    signal = Feature(Recipe("signal", (2,), "float32"), np.arange(2))
    x = rng.normal(size=(200, 402)).astype(np.float32)
    y = np.stack([x[:, 400] > 0, x[:, 400] <= 0], 1).astype(np.float32)
    folded = Folded(x, np.zeros((200, 0), np.float32))
    options = ((50.0, 1.0), (0.0, 1.0))
    assert choose(folded, y, (noise, signal), options, 0).weights == (0.0, 1.0)
    y = np.stack([x[:, :400].sum(1) > 0, x[:, :400].sum(1) <= 0], 1).astype(np.float32)
    assert choose(folded, y, (noise, signal), options, 0).weights == (50.0, 1.0)


def test_multipliers_give_blocks_their_share():
    small, large = (Feature(Recipe(str(w), (w,), "float32"), np.arange(w)) for w in (4, 100))
    factors = Choice(False, (3.0, 1.0)).multipliers((small, large))
    assert np.square(factors).mean() == pytest.approx(1, rel=1e-4)
    assert np.square(factors[:4]).sum() == pytest.approx(3 * np.square(factors[4:]).sum(), rel=1e-4)
    np.testing.assert_allclose(Choice(True, ()).multipliers((PAIRS,)), np.ones(8))


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_a_handful_of_rows_and_one_valued_classes(n):
    x, _ = data(n)
    y = np.zeros((n, 3), np.float32)
    y[:, 0] = 1
    y[: n // 2, 1] = 1
    p = fit_head(lambda: iter([(x, y)]), np.ones(12, np.float32), y, LATER, Speed()).probabilities(x)
    assert np.isfinite(p).all() and p.min() >= 0 and p.max() <= 1
    assert (p[:, 0] > p[:, 2]).all()
