import numpy as np

from autodl_agent.ensemble import select, to_logits, to_probabilities
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
    assert select([shifted], TRUTH, True).coupled
    assert not select([shifted], TRUTH, False).coupled


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
