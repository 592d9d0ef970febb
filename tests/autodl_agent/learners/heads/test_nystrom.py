"""Landmarks: which rows, what they span, scores of rows left out."""

import numpy as np
import pytest

from autodl_agent.learners.heads import nystrom
from autodl_agent.learners.heads.nystrom import (
    JITTER,
    last_left_out,
    rare_classes_first,
    solve_positive,
    spanned_axes,
    spanned_ridge,
)


def problem(n, seed=1):
    """A Gaussian kernel (n, n) and a target of mean 0 (n, 2)."""
    x = np.random.default_rng(seed).normal(size=(n, 3))
    target = np.stack([np.sin(2 * x[:, 0]), np.square(x[:, 1])], 1)
    kernel = np.exp(-np.square(x[:, None] - x).sum(2) / 4)
    return kernel.astype(np.float32), (target - target.mean(0)).astype(np.float32)


def test_the_sample_holds_rows_of_rare_classes_and_is_one_of_chance_where_none_are():
    labels = np.zeros((1000, 12), np.float32)
    labels[np.arange(1000), np.arange(1000) % 2] = 1
    chance = np.random.default_rng(3).permutation(1000)
    assert set(rare_classes_first(labels, np.random.default_rng(3), 100)[:100]) == set(chance[:100])
    labels[chance[-30:], 2 + np.arange(30) // 3] = 1  # ten classes of three rows that chance would have left out
    order = rare_classes_first(labels, np.random.default_rng(3), 100)
    assert labels[order[:100]].sum(0).min() == 3
    assert sorted(order) == list(range(1000))
    # Where not all classes fit, some are there whole.
    assert sorted(labels[rare_classes_first(labels, np.random.default_rng(3), 15)[:15]].sum(0)[2:])[-3:] == [3, 3, 3]


def test_left_out_scores_of_the_last_rows_are_those_of_fits_without_them():
    own, target = problem(30)
    own += 0.1 * np.eye(30, dtype=np.float32)
    left_out = last_left_out(*solve_positive(own.copy(), target), target[-8:])
    for row in (22, 29):
        rest = np.arange(30) != row
        alpha = np.linalg.solve(own[np.ix_(rest, rest)], target[rest])
        assert np.allclose(own[row, rest] @ alpha, left_out[row - 22], atol=1e-3)


@pytest.mark.parametrize("rows_at_once", [1024, 7])
def test_a_spanned_solution_and_its_left_out_scores_are_those_of_the_normal_equations(monkeypatch, rows_at_once):
    monkeypatch.setattr(nystrom, "ROWS_AT_ONCE", rows_at_once)
    kernel, target = problem(60)
    landmarks = np.arange(0, 60, 3)
    columns, own, few = kernel[:, landmarks], kernel[np.ix_(landmarks, landmarks)], landmarks[-8:]
    alpha, left_out = spanned_ridge(own.copy(), lambda rows: columns[rows], target, few, 0.3)

    def fitted(rest):
        gram = columns[rest].T @ columns[rest] + 0.3 * (own + JITTER * np.eye(20))
        return np.linalg.solve(gram.astype(np.float64), columns[rest].T @ target[rest])

    assert np.allclose(columns @ alpha, columns @ fitted(np.arange(60)), atol=1e-3)
    for place in (0, 7):
        rest = np.arange(60) != few[place]
        assert np.allclose(columns[few[place]] @ fitted(rest), left_out[place], atol=2e-3)


def test_large_systems_are_solved_as_small_ones_are(monkeypatch):
    kernel, target = problem(40)
    kernel += np.eye(40, dtype=np.float32)
    small, factor = solve_positive(kernel.copy(), target)
    monkeypatch.setattr(nystrom, "SMALL", 10)
    large, other = solve_positive(kernel.copy(), target)
    assert np.allclose(small, large, atol=1e-4)
    assert np.allclose(np.triu(factor), np.triu(other), atol=1e-4)


def test_axes_whiten_and_leave_out_directions_without_variance():
    kernel, _ = problem(10)
    twice = np.tile(kernel, (2, 2))  # every landmark twice
    axes = spanned_axes(twice)
    assert axes.shape == (20, 10)
    features = twice @ axes
    assert np.allclose(features @ features.T, twice, atol=1e-3)
    assert spanned_axes(np.zeros((3, 3), np.float32)).shape == (3, 0)
