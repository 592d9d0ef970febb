from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.policy.planner import (
    GROWTH,
    LEAST_LEFT,
    RATE,
    Candidate,
    Slice,
    SliceRecord,
    choose,
    expected_cost_s,
    expected_gain,
    first_of_plan,
    guess_s,
    learning_rate,
    pace_of,
    parallel_gain,
    promised_rate,
)
from autodl_agent.engine.policy.priors import Prior
from autodl_agent.learners.registry import LearnerSpec

TASK = Task("t", Domain.TABULAR, "", ("a", "b"), 1000, 1000, (1, 1, 5, 1), False, (500, 500))
QUICK = LearnerSpec("quick", "x:Y", example_ms=0.1, expected=0.6)
STRONG = LearnerSpec("strong", "x:Y", start_s=2.0, example_ms=1.0, expected=0.9)
LADDER = (QUICK, STRONG)


def done(name, nauc, best=None, seconds=1.0, **more):
    return SliceRecord(name, seconds, nauc, best if best is not None else nauc, **({"more": True} | more))


def test_the_first_rung_answers_first_even_when_a_later_one_promises_more():
    assert choose([], LADDER, TASK, 0.3, 60).spec is QUICK


def test_the_first_rung_is_tried_even_when_there_is_no_time():
    assert choose([], LADDER, TASK, 0.95, 1.0).spec is QUICK


def test_the_first_rung_answers_first_even_when_only_another_seems_to_fit():
    """Its guess may be too high; a prior for its cost must not hand the first answer to a slower learner."""
    slow = {("tabular", "quick"): Prior(0.5, 0.6, cost=100.0)}
    assert choose([], (QUICK, replace(STRONG, start_s=0.1, example_ms=0.01)), TASK, 0.5, 4, priors=slow).spec is QUICK


def test_an_untried_learner_with_much_to_gain_is_next():
    history = [done("quick", 0.5), done("quick", 0.51)]
    assert choose(history, LADDER, TASK, 3, 60).spec is STRONG


def planned(gone, until, **slices):
    """The name of what comes first; slices: name=(seconds, gain)."""
    candidates = [Candidate(Slice(replace(QUICK, name=n), s, s), gain) for n, (s, gain) in slices.items()]
    return first_of_plan(candidates, gone, until, 60).spec.name


def test_a_dear_slice_is_not_put_off_until_it_does_not_fit():
    slices = {"large": (22.0, 0.0054), "small": (7.4, 0.0017)}
    assert planned(20, 59, **slices) == "small"  # more a second, and there is time for both
    assert planned(35, 59, **slices) == "large"  # after the small one it would not fit


def test_a_plan_begins_with_what_brings_most_a_second_where_all_fits():
    slices = {f"s{k}": (1.0 + k % 3, 0.001 * (1 + k * 5 % 7)) for k in range(8)}
    assert planned(1, 59, **slices) == max(slices, key=lambda name: slices[name][1] / slices[name][0])


def test_what_the_last_prediction_gains_counts_besides_the_area():
    """At the end of the budget the area under the curve hardly grows any more."""
    assert planned(57, 59.6, late=(2.5, 0.01), small=(0.5, 0.0025)) == "late"


def test_a_steep_curve_goes_on():
    history = [done("quick", 0.3, seconds=0.2), done("quick", 0.85, seconds=0.2)]
    assert choose(history, LADDER, TASK, 3, 60).spec is QUICK


def test_exhausted_and_failed_learners_are_left_alone():
    history = [done("quick", 0.5, more=False), done("strong", None, best=0.5, failed=True)]
    assert choose(history, LADDER, TASK, 3, 60) is None


def test_a_slice_that_cannot_finish_is_not_started():
    history = [done("quick", 0.5, more=False)]
    assert choose(history, LADDER, TASK, 59.5, 60) is None
    assert choose(history, LADDER, TASK, 30, 60).spec is STRONG


def test_a_slice_that_may_finish_is_tried_only_when_nothing_else_fits():
    alone = [done("quick", 0.5, more=False)]
    assert choose(alone, LADDER, TASK, 57.5, 60).spec is STRONG
    going_on = [done("quick", 0.5, seconds=0.1), done("quick", 0.51, seconds=0.1)]
    assert choose(going_on, LADDER, TASK, 57.5, 60).spec is QUICK


def test_cost_is_measured_once_there_is_a_past():
    guess = expected_cost_s(STRONG, [], TASK, 1)
    assert expected_cost_s(STRONG, [done("strong", 0.5, seconds=10)], TASK, 1) > 10
    assert expected_cost_s(STRONG, [], replace(TASK, n_test=100_000), 1) > guess
    assert expected_cost_s(STRONG, [], TASK, 4) > guess


def test_the_choice_is_a_pure_function():
    history = [done("quick", 0.5)]
    assert choose(history, LADDER, TASK, 3, 60) == choose(list(history), LADDER, TASK, 3, 60)


def test_a_starved_learner_gets_a_longer_slice_each_time():
    timed_out = [done("quick", None, best=0.3, seconds=2.0, timed_out=True)]
    once = choose(timed_out, (QUICK,), TASK, 3, 600)
    twice = choose(timed_out * 2, (QUICK,), TASK, 5, 600)
    assert twice.seconds >= 2 * once.seconds


def test_two_slices_say_how_the_next_one_grows():
    steady = [done("quick", 0.5, seconds=2.0)] * 6
    growing = [done("quick", 0.5, seconds=2.0 * 3**k) for k in range(6)]
    assert expected_cost_s(QUICK, steady[:1], TASK, 1) == pytest.approx(2 * GROWTH)
    assert 2.0 <= expected_cost_s(QUICK, steady, TASK, 1) < 2 * GROWTH
    assert 1.6 < expected_cost_s(QUICK, growing, TASK, 1) / growing[-1].seconds <= 3


def test_a_slice_that_starved_says_nothing_about_growth():
    past = [done("quick", 0.5, seconds=2.0), done("quick", None, best=0.5, seconds=20.0, timed_out=True)]
    assert expected_cost_s(QUICK, past, TASK, 1) == pytest.approx(20 * GROWTH)


def test_the_prior_s_growth_and_cost_count_until_measured():
    prior = Prior(0.3, 0.4, growth=3.0, cost=0.5)
    assert expected_cost_s(STRONG, [], TASK, 1, prior) == pytest.approx(0.5 * guess_s(STRONG, TASK, 1))
    assert expected_cost_s(STRONG, [done("strong", 0.5, seconds=2)], TASK, 1, prior) == pytest.approx(6)


def test_a_slow_machine_makes_every_guess_longer():
    candidates = (replace(QUICK, start_s=30.0), STRONG)
    guess = guess_s(candidates[0], TASK, 1)
    slow = pace_of([done("quick", 0.5, seconds=8 * guess)], candidates, TASK, 1, {})
    fast = pace_of([done("quick", 0.5, seconds=guess / 8)], candidates, TASK, 1, {})
    assert slow == pytest.approx(8**0.25)
    assert fast == pytest.approx(1 / slow)
    short = guess_s(QUICK, TASK, 1)
    assert 1 / pace_of([done("quick", 0.5, seconds=short / 8)], LADDER, TASK, 1, {}) < 1.1  # a blink says little
    assert pace_of([], LADDER, TASK, 1, {}) == 1
    assert pace_of([done("quick", None, best=0.0, timed_out=True)], LADDER, TASK, 1, {}) == 1


def test_a_measured_slice_that_cannot_finish_is_left_where_a_guessed_one_is_tried():
    # 3.8 s of room; the guess for the untried is 4 s and more, the next slice of the tried one takes at least 8.
    tried = [done("quick", 0.5, seconds=8.0), done("quick", 0.6, seconds=8.0)]
    assert choose(tried, (QUICK,), TASK, 56, 60, priors={}) is None
    assert choose(tried, LADDER, TASK, 56, 60, priors={}).spec is STRONG


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
    assert promised_rate(0.5, 0.5, 0.9) > promised_rate(0.5, 0.5, 0.7) > RATE
    assert promised_rate(0.8, 0.95, 0.9) == RATE
    assert promised_rate(1.0, 1.0, 1.0) == RATE
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


def test_the_untried_are_judged_by_the_table_where_it_knows_them():
    history = [done("quick", 0.5, more=False)]
    table = {("tabular", "strong"): Prior(0.01, 0.02), ("tabular", "third"): Prior(0.6, 0.7)}
    candidates = (QUICK, STRONG, replace(STRONG, name="third", expected=0.1))
    assert choose(history, candidates, TASK, 3, 60, priors={}).spec.name == "strong"
    assert choose(history, candidates, TASK, 3, 60, priors=table).spec.name == "third"
    other = {("image", learner): prior for (_, learner), prior in table.items()}
    assert choose(history, candidates, TASK, 3, 60, priors=other).spec.name == "strong"


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


def test_lanes_share_a_history_whatever_order_their_slices_end_in():
    mine = [done("quick", 0.5, best=0.6), done("quick", 0.55, best=0.6)]
    theirs = [done("strong", 0.6, best=0.6, seconds=20), done("strong", 0.62, best=0.62, seconds=30)]
    first = choose([*mine, *theirs], (QUICK,), TASK, 30, 60)
    mixed = choose([mine[0], *theirs, mine[1]], (QUICK,), TASK, 30, 60)
    assert first == mixed
    assert choose([*mine, *theirs], (STRONG,), TASK, 3, 600).spec is STRONG


RECORDS = st.builds(
    SliceRecord,
    st.sampled_from(["quick", "strong"]),
    st.floats(0, 1e4),
    st.none() | st.floats(-1, 1),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(RECORDS, max_size=8), st.floats(0, 100), st.floats(0.1, 100), st.integers(1, 4))
def test_whatever_has_happened_the_slice_fits_the_time_left(history, gone, total, folds):
    chosen = choose(history, LADDER, TASK, gone, total, folds)
    if chosen is not None and gone < total:
        assert 0 < chosen.seconds <= total - gone
        last = [record for record in history if record.learner == chosen.spec.name][-1:]
        assert all(record.more and not record.failed for record in last)


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


def test_what_a_slice_without_a_result_computed_is_not_paid_twice():
    spec = replace(STRONG, start_s=20.0, example_ms=0.0)
    hungry = [SliceRecord("strong", 12.0, None, 0.5, True, timed_out=True)]
    assert expected_cost_s(spec, hungry, TASK, 1) == pytest.approx(8.0)
    assert expected_cost_s(spec, [*hungry, *hungry], TASK, 1) == pytest.approx(LEAST_LEFT * 12)


def test_what_a_learner_says_of_its_next_slice_counts():
    past = [done("strong", 0.5, seconds=1.0), done("strong", 0.6, seconds=1.2, next_s=17.0)]
    assert expected_cost_s(STRONG, past, TASK, 1) == 17.0
    assert choose(past, (STRONG,), TASK, 55, 60) is None
