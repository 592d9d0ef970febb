import numpy as np
import pytest

from autodl_agent.learners.heads.calibration import LARGEST, bounded, platt
from autodl_agent.scoring.links import sigmoid


def test_platt_keeps_the_order_of_scores_even_when_labels_say_otherwise():
    scores = np.linspace(-1, 1, 50, dtype=np.float32)[:, None]
    slope, _ = platt(scores, (scores < 0).astype(np.float32))
    assert (slope > 0).all()


def test_separable_rare_classes_keep_their_order_in_float32():
    scores = np.r_[np.linspace(0, 0.1, 995), np.linspace(5, 9, 5)].astype(np.float32)[:, None]
    slope, offset = platt(scores, (scores > 1).astype(np.float32))
    p = sigmoid(scores * slope + offset)
    assert len(np.unique(p)) > 900
    assert (np.diff(p[:, 0]) >= 0).all()


@pytest.mark.parametrize("positives", [0, 1, 2])
def test_the_level_of_a_class_that_borrows_its_slope_is_that_of_its_share(positives):
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(size=(2000, 2)).astype(np.float32), np.zeros((2000, 2), np.float32)
    labels[:positives, 0] = 1
    labels[:, 1] = scores[:, 1] > rng.normal(size=2000)
    slope, offset = platt(scores, labels)
    assert 0.3 < slope[0] < slope[1]
    assert sigmoid(scores * slope + offset)[:, 0].mean() < 10 * (positives + 1) / 2000


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


def test_classes_that_calibrate_themselves_do_not_depend_on_those_that_cannot():
    rng = np.random.default_rng(0)
    scores = np.asarray(rng.normal(size=(300, 4)) * (1, 2, 3, 4), np.float32)
    labels = np.asarray(scores + 2 * rng.normal(size=scores.shape) > 0, np.float32)
    labels[:, :2] = 0
    labels[:2, 1] = 1
    whole, alone = platt(scores, labels), platt(scores[:, 2:], labels[:, 2:])
    assert np.allclose(whole[0][2:], alone[0]) and np.allclose(whole[1][2:], alone[1])


def test_far_log_odds_are_scaled_around_the_mean_score_and_near_ones_stay():
    scores = np.linspace(1, 3, 5)[:, None] * np.ones(2)
    slope, offset = bounded(scores, np.array([2.0, 90.0]), np.array([-4.0, 7.0]), np.array([0.0, 1.0]))
    assert slope[0] == 2 and offset[0] == -4
    logits = scores[:, 1] * slope[1] + offset[1]
    assert np.abs(logits).max() <= LARGEST and logits.mean() == pytest.approx(1)
