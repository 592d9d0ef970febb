import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.engine.ensemble.holdout_metric import HoldoutMetric
from autodl_agent.engine.ensemble.selection import select, to_logits, to_probabilities
from autodl_agent.scoring.auc import nauc

RNG = np.random.default_rng(0)
TRUTH = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, 400)]


def member(noise, seed):
    rng = np.random.default_rng(seed)
    return (4 * TRUTH - 2 + noise * rng.normal(size=TRUTH.shape)).astype(np.float32)


def test_a_useless_member_gets_no_weight():
    blend = select([member(2, 1), member(1000, 2)], TRUTH, False)
    assert blend.weights == (1.0, 0.0)


def test_independent_members_are_better_together():
    members = [member(4, seed) for seed in (1, 2, 3)]
    blend = select(members, TRUTH, False)
    alone = max(nauc(TRUTH, m) for m in members)
    assert sum(w > 0 for w in blend.weights) >= 2
    assert abs(sum(blend.weights) - 1) < 1e-9
    assert nauc(TRUTH, blend.probabilities(members)) > alone


def test_the_reported_nauc_is_the_blend_s():
    members = [member(4, seed) for seed in (1, 2)]
    blend = select(members, TRUTH, False)
    assert abs(blend.nauc - nauc(TRUTH, blend.probabilities(members))) < 1e-3


def test_rows_are_coupled_only_where_one_label_is_certain_and_it_helps():
    # A shift common to all classes of a row hides the ranks within each class; a softmax takes it out.
    shifted = member(2, 1) + 20 * RNG.normal(size=(400, 1)).astype(np.float32)
    assert select([shifted], TRUTH, True).softmax
    assert not select([shifted], TRUTH, False).softmax


def test_members_within_noise_share_the_weight_and_one_of_luck_does_not_take_it():
    # 60 rows cannot tell members of the same strength apart.
    members = [member(4, seed)[:60] for seed in (1, 2, 3, 4)]
    blend = select(members, TRUTH[:60], False)
    assert min(blend.weights) > 0.05
    assert max(blend.weights) < 0.6


def test_a_saturated_held_out_part_keeps_all_good_members():
    members = [member(0.3, seed) for seed in (1, 2, 3)]
    blend = select(members, TRUTH, False)
    assert blend.nauc == pytest.approx(1)
    assert min(blend.weights) > 0.2


def test_the_scale_of_a_member_s_logits_does_not_decide():
    quiet, loud = member(4, 1), 3 * member(4, 2)
    blend = select([quiet, loud], TRUTH, False)
    influence = np.array(blend.weights) * [1, 3]
    assert 0.5 < influence[0] / influence[1] < 2


def test_the_softmax_has_the_sharpness_that_ranks_best():
    # Every row has a level of its own; logits a tenth as large ask for a softmax ten times as sharp.
    rows = RNG.normal(size=(400, 1)).astype(np.float32)
    loud = select([member(2, 1) + 20 * rows], TRUTH, True)
    quiet = select([(member(2, 1) + 20 * rows) / 10], TRUTH, True)
    assert quiet.softmax
    assert quiet.inverse_temperature == pytest.approx(10 * loud.inverse_temperature, rel=0.1)
    assert quiet.nauc == pytest.approx(loud.nauc, abs=1e-3)
    assert sum(quiet.weights) == pytest.approx(1)


def test_picks_are_made_only_where_the_ranks_gain():
    # The likelihood trusts the first member, whose confident mistakes the ranks of a class do not show.
    blend = select([member(3, 1), member(3, 2)], TRUTH, False, picks=0)
    more = select([member(3, 1), member(3, 2)], TRUTH, False)
    assert more.nauc >= blend.nauc


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(2, 60), st.integers(1, 6), st.booleans(), st.integers(0, 10_000))
def test_weights_are_shares_and_the_blend_is_finite_whatever_the_members_say(count, n, classes, may_couple, seed):
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, classes)) < rng.choice([0.05, 0.5, 1.0])).astype(np.float32)
    scales = rng.choice([0.0, 1e-3, 1.0, 16.0], count)
    members = [np.clip(s * rng.normal(size=truth.shape), -16, 16).astype(np.float32) for s in scales]
    blend = select(members, truth, may_couple)
    assert sum(blend.weights) == pytest.approx(1)
    assert min(blend.weights) >= 0
    assert blend.inverse_temperature > 0
    assert -1 <= blend.nauc <= 1
    p = blend.probabilities(members)
    assert np.isfinite(p).all()
    assert p.min() >= 0
    assert p.max() <= 1


def test_a_member_more_costs_no_held_out_nauc_beyond_noise():
    good, other = member(2, 1), member(6, 2)
    alone = select([good], TRUTH, False).nauc
    assert select([good, other], TRUTH, False).nauc > alone - HoldoutMetric(TRUTH).standard_error(alone)


def test_what_is_known_of_the_first_classes_of_a_sorted_file_alone_counts_for_no_more_than_it_is():
    truth = np.repeat(np.eye(400, dtype=np.float32), 4, axis=0)
    known = np.where(np.arange(400) < 25, 8, 0)
    member = (truth * known + np.random.default_rng(0).normal(size=truth.shape)).astype(np.float32)
    assert select([member], truth, False).nauc == pytest.approx(nauc(truth, member), abs=0.05)


def test_without_a_usable_held_out_column_all_members_weigh_the_same():
    labels = np.zeros((5, 2), np.float32)
    logits = [np.zeros((5, 2), np.float32)] * 3
    blend = select(logits, labels, True)
    assert blend.weights == (1 / 3, 1 / 3, 1 / 3)
    assert blend.nauc == 0


def test_logits_and_probabilities_are_inverse_and_bounded():
    p = np.array([[0.0, 1e-5, 0.5, 1.0]], np.float32)
    logits = to_logits(p)
    assert np.isfinite(logits).all()
    assert np.allclose(to_probabilities(logits, False), p, atol=1e-6)
    assert np.allclose(to_probabilities(logits, True).sum(1), 1)
