import time

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.heads.batched_ridge import fit_wide
from autodl_agent.learners.heads.block_ridge import fit_blocks, fit_head, is_wide
from autodl_agent.learners.heads.config import BlockRidgeConfig
from autodl_agent.learners.heads.cost import Speed
from autodl_agent.scoring.fast_auc import mean_auc
from autodl_agent.system.clock import Deadline

LATER = Deadline(time.monotonic() + 3600)


def data(n: int, width: int = 12, classes: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width)).astype(np.float32) * np.linspace(1, 50, width, dtype=np.float32) + 7
    y = np.eye(classes, dtype=np.float32)[
        ((x - 7) / np.linspace(1, 50, width)).astype(np.float32)[:, :classes].argmax(1)
    ]
    return x, y


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
        assert mean_auc(p, truth) > (0.85 if n == 30 else 0.95)


def test_many_rows_take_the_wide_way():
    x, y = data(300)
    one = np.ones(12, np.float32)
    before = fit_head(lambda: iter([(x, y)]), one, y, LATER, Speed()).scores(x)
    after = fit_head(lambda: iter([(x, y)]), one, y, LATER, Speed(), BlockRidgeConfig(most_values=1000)).scores(x)
    assert not np.array_equal(before, after)
    assert mean_auc(after, y) > 0.97


def test_a_fit_that_would_end_too_late_is_not_begun():
    x, y = data(300)
    with pytest.raises(OutOfTimeError, match="operations"):
        fit_head(lambda: iter([(x, y)]), np.ones(12, np.float32), y, Deadline(time.monotonic() - 1), Speed())
    with pytest.raises(OutOfTimeError, match="operations"):
        fit_wide(iter([(x, y)]), 300, np.ones(12, np.float32), Deadline(time.monotonic() - 1), Speed())


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_a_handful_of_rows_and_one_valued_classes(n):
    x, _ = data(n)
    y = np.zeros((n, 3), np.float32)
    y[:, 0] = 1
    y[: n // 2, 1] = 1
    p = fit_head(lambda: iter([(x, y)]), np.ones(12, np.float32), y, LATER, Speed()).probabilities(x)
    assert np.isfinite(p).all() and p.min() >= 0 and p.max() <= 1
    assert (p[:, 0] > p[:, 2]).all()


def test_columns_of_weight_zero_do_not_count():
    x, y = data(200)
    multipliers = np.ones(12, np.float32)
    multipliers[3:] = 0
    head = fit_blocks(x, y, multipliers)
    x[:, 3:] += 1e3
    assert np.allclose(head.scale[3:], 0)
    assert mean_auc(head.scores(x), y) > 0.95


def test_thousands_of_classes_try_the_penalties_in_the_middle():
    x, y = data(60)
    few = fit_blocks(x, y, np.ones(12, np.float32), BlockRidgeConfig(most_scores=60 * 3))
    middle = fit_blocks(x, y, np.ones(12, np.float32), BlockRidgeConfig(penalties=BlockRidgeConfig.penalties[4:5]))
    assert np.array_equal(few.weights, middle.weights)


@pytest.mark.parametrize(("n", "width", "wide"), [(100, 5000, False), (3000, 2500, True), (30_000, 1000, True)])
def test_large_fits_go_over_batches(n, width, wide):
    assert is_wide(n, width) == wide
