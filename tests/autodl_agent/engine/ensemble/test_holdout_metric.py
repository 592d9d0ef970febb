"""Which held-out rows are looked at, and the NAUC on them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.engine.ensemble.holdout_metric import HoldoutMetric, subset
from autodl_agent.scoring.auc import class_aucs, nauc

TRUTH = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, 400)]


def member(noise, seed):
    rng = np.random.default_rng(seed)
    return (4 * TRUTH - 2 + noise * rng.normal(size=TRUTH.shape)).astype(np.float32)


def test_the_standard_error_shrinks_with_the_rows_and_with_the_headroom():
    few, many = HoldoutMetric(TRUTH[:60]), HoldoutMetric(TRUTH)
    assert few.standard_error(0.8) > 1.5 * many.standard_error(0.8)
    assert many.standard_error(0.8) > 5 * many.standard_error(0.998)


def test_the_standard_error_is_what_resampling_finds():
    scores = member(6, 1)
    found = []
    for seed in range(200):
        rows = np.random.default_rng(seed).integers(0, 400, 400)
        found.append(nauc(TRUTH[rows], scores[rows]))
    guess = HoldoutMetric(TRUTH).standard_error(nauc(TRUTH, scores))
    assert 0.6 < guess / np.std(found) < 1.6


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(1, 6), st.sampled_from([0.02, 0.2, 0.6]), st.integers(0, 10_000))
def test_aucs_are_those_of_the_scorer_for_few_and_many_positives_with_and_without_ties(n, classes, share, seed):
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, classes)) < share * rng.choice([0.1, 1, 1.5], classes)).astype(np.float32)
    scores = rng.permuted(np.linspace(-1, 1, n * classes), axis=None).reshape(n, classes).astype(np.float32)
    judge = HoldoutMetric(truth)
    few = judge.positives <= 8
    scores[:, few] = np.round(scores[:, few] * rng.choice([1, 3, 1000]))
    expected = class_aucs(truth, scores)
    expected = np.concatenate([expected[few], expected[~few]])
    found = judge.aucs(scores)
    assert np.allclose(found, expected[np.isfinite(expected)], atol=1e-6)
    if judge.usable:
        assert judge.nauc(scores[None], np.ones(1), False) == pytest.approx(2 * np.nanmean(expected) - 1, abs=1e-5)


def test_a_large_part_is_thinned_but_keeps_the_rare_classes():
    labels = np.zeros((5000, 20), np.float32)
    labels[:, 0] = 1
    labels[[7, 4001], 5] = 1
    rows = subset(labels, 10_000)
    assert len(rows) < 600
    assert {7, 4001} <= set(rows)
    assert len(subset(labels[:100], 10_000)) == 100


def test_every_class_keeps_two_rows_however_many_classes_and_however_the_file_is_sorted():
    for classes in (100, 300, 700):
        labels = np.repeat(np.eye(classes, dtype=np.float32), 3, axis=0)
        for rows in (labels, np.random.default_rng(0).permutation(labels)):
            chosen = subset(rows)
            assert rows[chosen].sum(0).min() >= 2
            assert len(chosen) <= max(400, 2 * classes)
            assert np.array_equal(chosen, subset(rows.copy()))


def test_rows_with_several_labels_count_for_each_of_them():
    rng = np.random.default_rng(0)
    labels = (rng.random((4000, 150)) < rng.choice([0.002, 0.01, 0.2], 150)).astype(np.float32)
    kept = labels[subset(labels)].sum(0)
    assert (kept >= np.minimum(labels.sum(0), 2)).all()


def test_rows_beyond_what_a_comparison_can_cost_are_left_out():
    labels = np.zeros((3000, 3000), np.float32)
    labels[np.arange(3000), np.arange(3000)] = 1
    assert len(subset(labels)) <= 2_000_000 // 3000


def test_the_nauc_of_a_coupled_blend_is_that_of_its_softmax():
    scores = member(3, 1) + 5 * np.random.default_rng(2).normal(size=(400, 1)).astype(np.float32)
    shares = np.exp(scores - scores.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    found = HoldoutMetric(TRUTH).nauc(scores[None], np.ones(1), True)
    assert found == pytest.approx(nauc(TRUTH, shares), abs=1e-3)
