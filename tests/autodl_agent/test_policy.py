from dataclasses import replace

from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.policy import Record, choose, expected_cost_s
from autodl_agent.task import Domain, Task

TASK = Task("t", Domain.TABULAR, "", ("a", "b"), 1000, 1000, (1, 1, 5, 1), False, (500, 500))
QUICK = LearnerSpec("quick", "x:Y", example_ms=0.1, expected=0.6)
STRONG = LearnerSpec("strong", "x:Y", start_s=2.0, example_ms=1.0, expected=0.9)
LADDER = (QUICK, STRONG)


def done(name, nauc, best=None, seconds=1.0, **more):
    return Record(name, seconds, nauc, best if best is not None else nauc, **({"more": True} | more))


def test_the_first_rung_answers_first_even_when_a_later_one_promises_more():
    assert choose([], LADDER, TASK, 0.3, 60).spec is QUICK


def test_the_first_rung_is_tried_even_when_there_is_no_time():
    assert choose([], LADDER, TASK, 0.95, 1.0).spec is QUICK


def test_an_untried_learner_with_much_to_gain_is_next():
    history = [done("quick", 0.5), done("quick", 0.51)]
    assert choose(history, LADDER, TASK, 3, 60).spec is STRONG


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
    starved = [done("quick", None, best=0.3, seconds=2.0, starved=True)]
    once = choose(starved, (QUICK,), TASK, 3, 600)
    twice = choose(starved * 2, (QUICK,), TASK, 5, 600)
    assert twice.seconds >= 2 * once.seconds
