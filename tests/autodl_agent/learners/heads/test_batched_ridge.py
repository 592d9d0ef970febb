import time

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.heads.batched_ridge import Sums, fit_wide
from autodl_agent.learners.heads.config import BatchedRidgeConfig
from autodl_agent.learners.heads.cost import Speed
from autodl_agent.system.clock import Deadline

LATER = Deadline(time.monotonic() + 3600)


def data(n: int, width: int = 12, classes: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width)).astype(np.float32) * np.linspace(1, 50, width, dtype=np.float32) + 7
    y = np.eye(classes, dtype=np.float32)[
        ((x - 7) / np.linspace(1, 50, width)).astype(np.float32)[:, :classes].argmax(1)
    ]
    return x, y


def test_rows_sorted_by_class_are_calibrated_for_every_class():
    x, y = data(900)
    order = np.argsort(y.argmax(1), kind="stable")
    config = BatchedRidgeConfig(held_rows=50)
    head = fit_wide(iter([(x[order], y[order])]), 900, np.ones(x.shape[1], np.float32), LATER, Speed(), config)
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


def test_it_does_not_begin_what_would_end_too_late():
    x, y = data(300)
    late = Deadline(time.monotonic() - 1)
    with pytest.raises(OutOfTimeError, match="operations"):
        fit_wide(iter([(x, y)]), 300, np.ones(12, np.float32), late, Speed())
