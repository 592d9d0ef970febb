import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.learners.heads import ridge
from autodl_agent.learners.heads.ridge import fast_aucs, fit_ridge, platt, sigmoid
from autodl_agent.scoring.auc import class_aucs


def problem(n, d, classes=3, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(np.float32)
    scores = x @ rng.normal(size=(d, classes)) + noise * rng.normal(size=(n, classes))
    return x, np.eye(classes, dtype=np.float32)[scores.argmax(1)]


@pytest.mark.parametrize(("n", "d", "least"), [(400, 20, 0.9), (200, 240, 0.65)])
def test_it_learns_in_the_primal_and_in_the_dual(n, d, least):
    x, y = problem(2 * n, d, classes=2, noise=0.1)
    head = fit_ridge(x[:n], y[:n])
    assert np.nanmean(fast_aucs(head.scores(x[n:]), y[n:])) > least


def test_leave_one_out_scores_are_exact():
    x, y = problem(30, 4)
    standard, _, _ = ridge._standardise(x, True)
    target = y - y.mean(0)
    ((_, left_out),) = ridge._primal(standard, target, [2.0])
    ((_, dual),) = ridge._dual(standard, target, [2.0])
    assert np.allclose(left_out, dual, atol=1e-4)
    keep = np.arange(30) != 7
    a = np.c_[standard, np.ones(30)]
    penalty = np.diag([2.0] * 4 + [0.0])
    weights = np.linalg.solve(a[keep].T @ a[keep] + penalty, a[keep].T @ target[keep])
    assert np.allclose(left_out[7], a[7] @ weights, atol=1e-4)


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


def test_platt_keeps_the_order_of_scores_even_when_labels_say_otherwise():
    scores = np.linspace(-1, 1, 50, dtype=np.float32)[:, None]
    slope, _ = platt(scores, (scores < 0).astype(np.float32))
    assert (slope > 0).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 9), st.sampled_from([1, 2, 5, 10**9]))
def test_fast_aucs_agree_with_the_scorer_with_and_without_ties(n, classes, seed, levels):
    rng = np.random.default_rng(seed)
    scores = (rng.integers(0, levels, (n, classes)) - levels // 2) / np.float32(levels)
    labels = (rng.random((n, classes)) < 0.5).astype(np.float32)
    assert np.allclose(fast_aucs(scores, labels), class_aucs(labels, scores), equal_nan=True)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_scores_that_say_nothing_are_worth_half_even_on_rows_sorted_by_class(value):
    labels = np.repeat([[0.0, 1.0], [1.0, 0.0]], 10_000, axis=0).astype(np.float32)
    assert fast_aucs(np.full((20_000, 2), value), labels).tolist() == [0.5, 0.5]


def test_fast_aucs_take_no_rows_and_no_classes():
    assert np.isnan(fast_aucs(np.zeros((0, 2)), np.zeros((0, 2), np.float32))).all()
    assert fast_aucs(np.zeros((3, 0)), np.zeros((3, 0), np.float32)).shape == (0,)


def test_sigmoid_does_not_overflow():
    assert sigmoid(np.array([-1e6, 0, 1e6])).tolist() == [0, 0.5, 1]


def test_noise_has_no_merit_when_there_are_more_features_than_rows():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 300)).astype(np.float32), np.eye(2, dtype=np.float32)[rng.integers(0, 2, 100)]
    from autodl_agent.learners.heads import ridge

    standard, _, _ = ridge._standardise(x, True)
    for _, left_out in ridge._dual(standard, y - y.mean(0), [0.01, 1.0, 100.0]):
        assert np.nanmean(fast_aucs(left_out, y)) < 0.65


def test_separable_rare_classes_keep_their_order_in_float32():
    scores = np.r_[np.linspace(0, 0.1, 995), np.linspace(5, 9, 5)].astype(np.float32)[:, None]
    slope, offset = platt(scores, (scores > 1).astype(np.float32))
    p = sigmoid(scores * slope + offset)
    assert len(np.unique(p)) > 900
    assert (np.diff(p[:, 0]) >= 0).all()


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


@pytest.mark.parametrize("positives", [0, 1, 2])
def test_the_level_of_a_class_that_borrows_its_slope_is_that_of_its_share(positives):
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(size=(2000, 2)).astype(np.float32), np.zeros((2000, 2), np.float32)
    labels[:positives, 0] = 1
    labels[:, 1] = scores[:, 1] > rng.normal(size=2000)
    slope, offset = platt(scores, labels)
    assert 0.3 < slope[0] < slope[1]
    assert sigmoid(scores * slope + offset)[:, 0].mean() < 10 * (positives + 1) / 2000


def test_classes_that_calibrate_themselves_do_not_depend_on_those_that_cannot():
    x, y = rare_and_common()
    scores = np.asarray(x[:, :6] * (1, 2, 3, 4, 5, 6), np.float32)
    whole, alone = platt(scores, y), platt(scores[:, 4:], y[:, 4:])
    assert np.allclose(whole[0][4:], alone[0]) and np.allclose(whole[1][4:], alone[1])


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


def test_one_far_score_does_not_send_a_class_that_borrows_out_of_reach():
    scores = np.r_[np.zeros(4999), 1].astype(np.float32)[:, None]
    slope, offset = platt(scores, (scores > 0).astype(np.float32))
    assert np.abs(scores * slope + offset).max() < 12.5


def test_a_sample_chosen_by_class_calibrates_to_the_shares_of_everyone():
    rng = np.random.default_rng(3)
    everyone = (rng.random((20_000, 1)) < 0.02).astype(np.float32)
    scores = (2 * everyone + rng.normal(size=everyone.shape)).astype(np.float32)
    some = np.r_[np.flatnonzero(everyone[:, 0])[:150], np.flatnonzero(everyone[:, 0] == 0)[:450]]
    slope, offset = platt(scores[some], everyone[some], everyone)
    assert abs(sigmoid(scores * slope + offset).mean() - 0.02) < 0.01
    assert abs(slope[0] - 2) < 0.4  # the log-odds of two normals two apart


def test_a_penalty_is_chosen_on_rows_of_every_class_where_rows_come_sorted():
    labels = np.repeat(np.eye(2, dtype=np.float32), 20_000, axis=0)
    useless, good = np.zeros_like(labels), labels + np.random.default_rng(0).normal(size=labels.shape)
    weights = [np.full((1, 2), k, np.float32) for k in range(2)]
    chosen, _ = ridge._best([(weights[0], useless), (weights[1], good.astype(np.float32))], labels)
    assert chosen is weights[1]
