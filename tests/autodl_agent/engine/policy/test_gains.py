from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.policy.config import DEFAULT
from autodl_agent.engine.policy.gains import expected_gain, learning_rate, parallel_gain, promised_rate
from autodl_agent.engine.policy.priors import Prior
from autodl_agent.engine.policy.slices import SliceRecord
from autodl_agent.learners.registry import LearnerSpec

TASK = Task("t", Domain.TABULAR, "", ("a", "b"), 1000, 1000, (1, 1, 5, 1), False, (500, 500))
QUICK = LearnerSpec("quick", "x:Y", example_ms=0.1, expected=0.6)
STRONG = LearnerSpec("strong", "x:Y", start_s=2.0, example_ms=1.0, expected=0.9)


def done(name, nauc, best=None, seconds=1.0, **more):
    return SliceRecord(name, seconds, nauc, best if best is not None else nauc, **({"more": True} | more))


def test_slices_that_only_filled_a_cache_do_not_end_a_learner_but_several_do():
    curve = [done("strong", 0.6, best=0.9, seconds=s) for s in (2.0, 3.0, 5.0, 8.0, 13.0, 21.0)]
    rates = [learning_rate(curve[:k], 0.3) for k in range(1, 7)]
    assert rates[0] == pytest.approx(0.3)
    assert rates[1] > 0.2
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.05
    gains = [expected_gain(STRONG, curve[:k], 0.9, None, 5.0) for k in range(1, 7)]
    assert gains == sorted(gains, reverse=True)
    assert gains[-1] < 0.1 * gains[0]


def test_a_learner_short_of_what_it_promises_is_expected_to_get_there():
    assert promised_rate(0.5, 0.5, 0.9) > promised_rate(0.5, 0.5, 0.7) > DEFAULT.learning_rate
    assert promised_rate(0.8, 0.95, 0.9) == DEFAULT.learning_rate
    assert promised_rate(1.0, 1.0, 1.0) == DEFAULT.learning_rate
    past = [done("strong", 0.5, best=0.6)]
    more = expected_gain(replace(STRONG, expected=0.95), past, 0.6, None, 1.0)
    assert more > expected_gain(replace(STRONG, expected=0.6), past, 0.6, None, 1.0)


def test_the_rate_of_a_power_law_is_found():
    # 1 − NAUC = 0.4 · s^−0.5 over many doublings of the seconds outweighs the prior.
    past, spent = [], 0.0
    for k in range(8):
        seconds = 1.0 if k == 0 else spent
        spent += seconds
        past.append(done("quick", 1 - 0.4 * spent**-0.5, seconds=seconds))
    assert learning_rate(past, 0.1) == pytest.approx(0.5, abs=0.02)
    assert learning_rate(past[:1], 0.1) == pytest.approx(0.1)
    worse = [done("quick", 0.6), done("quick", 0.3), done("quick", 0.1)]
    assert learning_rate(worse, 0.1) == 0


def test_what_a_learner_behind_gains_counts_less():
    def of(best):
        return expected_gain(QUICK, [done("quick", 0.6, best=best)], best, Prior(0.3, 0.4, rate=1.0), 1.0)

    assert of(0.6) > of(0.7) > of(0.95) > 0


def test_where_nothing_is_held_out_the_prior_s_share_counts():
    past = [done("quick", None, best=0.0)]
    prior = Prior(0.5, 0.75, slices=2)
    assert expected_gain(QUICK, past, 0.0, prior, 1.0) == pytest.approx(prior.share(1))
    assert expected_gain(QUICK, past, 0.0, None, 1.0) == pytest.approx(0.1)


def test_a_second_step_that_benchmarks_praise_comes_before_small_ones():
    history = [done("quick", 0.7, best=0.75), done("strong", 0.75, best=0.8), done("quick", 0.7, best=0.8)]
    known = Prior(0.3, 0.5, slices=5)
    table = {("tabular", "strong"): known, ("tabular", "quick"): Prior(0.5, 0.55, slices=3)}
    praised = {**table, ("tabular", "strong"): replace(known, second=0.45)}
    gains = [expected_gain(STRONG, history[1:2], 0.8, t[("tabular", "strong")], 5.0) for t in (table, praised)]
    assert gains[1] > gains[0] + 0.25 * 0.2


def test_a_member_that_leads_alone_gains_fully():
    assert parallel_gain(0.2, 0.2, 0.1) == pytest.approx(0.2 - (1 / 0.2**2 + 1 / 0.1**2 - 1 / 0.2**2) ** -0.5)
    assert parallel_gain(0.2, 0.2, 0.1) == pytest.approx(0.1)


@given(st.floats(1e-3, 1), st.floats(1e-3, 1), st.floats(0.1, 1.0))
def test_the_gain_is_within_the_room_and_less_the_further_a_member_is_behind(room, before, share):
    gain = parallel_gain(room, before, before * share)
    assert 0 <= gain < room
    assert parallel_gain(room, 2 * max(before, room), 2 * max(before, room) * share) <= gain + 1e-9


def test_of_two_learners_as_steep_the_one_that_leads_goes_on():
    far = [done("far", 0.64, 0.87), done("far", 0.688, 0.87)]
    near = [done("near", 0.85, 0.86), done("near", 0.87, 0.87)]
    gains = [expected_gain(QUICK, past, 0.87, cost_s=1.0) for past in (near, far)]
    assert gains[0] > 2.5 * gains[1]
