from dataclasses import replace

import pytest

from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.policy.config import DEFAULT
from autodl_agent.engine.policy.costs import expected_cost_s, guess_s, pace_of
from autodl_agent.engine.policy.priors import Prior
from autodl_agent.engine.policy.slices import SliceRecord
from autodl_agent.learners.registry import LearnerSpec

TASK = Task("t", Domain.TABULAR, "", ("a", "b"), 1000, 1000, (1, 1, 5, 1), False, (500, 500))
QUICK = LearnerSpec("quick", "x:Y", example_ms=0.1, expected=0.6)
STRONG = LearnerSpec("strong", "x:Y", start_s=2.0, example_ms=1.0, expected=0.9)
LADDER = (QUICK, STRONG)


def done(name, nauc, best=None, seconds=1.0, **more):
    return SliceRecord(name, seconds, nauc, best if best is not None else nauc, **({"more": True} | more))


def test_cost_is_measured_once_there_is_a_past():
    guess = expected_cost_s(STRONG, [], TASK, 1)
    assert expected_cost_s(STRONG, [done("strong", 0.5, seconds=10)], TASK, 1) > 10
    assert expected_cost_s(STRONG, [], replace(TASK, n_test=100_000), 1) > guess
    assert expected_cost_s(STRONG, [], TASK, 4) > guess


def test_two_slices_say_how_the_next_one_grows():
    steady = [done("quick", 0.5, seconds=2.0)] * 6
    growing = [done("quick", 0.5, seconds=2.0 * 3**k) for k in range(6)]
    assert expected_cost_s(QUICK, steady[:1], TASK, 1) == pytest.approx(2 * DEFAULT.growth)
    assert 2.0 <= expected_cost_s(QUICK, steady, TASK, 1) < 2 * DEFAULT.growth
    assert 1.6 < expected_cost_s(QUICK, growing, TASK, 1) / growing[-1].seconds <= 3


def test_a_slice_that_starved_says_nothing_about_growth():
    past = [done("quick", 0.5, seconds=2.0), done("quick", None, best=0.5, seconds=20.0, timed_out=True)]
    assert expected_cost_s(QUICK, past, TASK, 1) == pytest.approx(20 * DEFAULT.growth)


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


def test_what_a_slice_without_a_result_computed_is_not_paid_twice():
    spec = replace(STRONG, start_s=20.0, example_ms=0.0)
    hungry = [SliceRecord("strong", 12.0, None, 0.5, True, timed_out=True)]
    assert expected_cost_s(spec, hungry, TASK, 1) == pytest.approx(8.0)
    assert expected_cost_s(spec, [*hungry, *hungry], TASK, 1) == pytest.approx(DEFAULT.min_left_share * 12)


def test_what_a_learner_says_of_its_next_slice_counts():
    past = [done("strong", 0.5, seconds=1.0), done("strong", 0.6, seconds=1.2, next_s=17.0)]
    assert expected_cost_s(STRONG, past, TASK, 1) == 17.0
