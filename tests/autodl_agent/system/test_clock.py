import time

import pytest

from autodl_agent.learners.testing.contract import FakeClock
from autodl_agent.system.clock import Budget, Deadline, since_launch_s


def test_budget_counts_on_the_clock_it_was_given():
    clock = FakeClock()
    budget = clock.budget(60)
    clock.at += 12.5
    assert budget.elapsed() == 12.5
    assert budget.remaining() == 47.5


def test_deadline_never_outlives_the_budget():
    clock = FakeClock()
    budget = clock.budget(10)
    clock.at += 4
    near, far = budget.deadline(2), budget.deadline(100)
    assert near.remaining() == 2
    assert far.remaining() == 6
    clock.at += 6
    assert near.passed and far.passed


def test_launch_counts_what_happened_before_the_first_line_of_python():
    first = since_launch_s()
    time.sleep(0.02)
    assert 0 < first < since_launch_s()


def test_budget_from_launch_has_used_time_already():
    budget = Budget.from_launch(1e9)
    assert budget.elapsed() >= since_launch_s() * 0.5
    assert abs(budget.epoch + budget.elapsed() - time.time()) < 1


def test_time_that_an_earlier_run_used_lies_before_the_zero():
    clock = FakeClock()
    first = clock.budget(60)
    clock.at += 5
    longer = first.after(40)
    assert (longer.total_s, longer.elapsed(), longer.remaining()) == (100, 45, first.remaining())
    assert longer.epoch == first.epoch - 40


@pytest.mark.parametrize(("seconds", "passed"), [(1, False), (0, True), (-1, True)])
def test_a_deadline_has_passed_at_its_moment(seconds, passed):
    clock = FakeClock()
    assert Deadline(clock.at + seconds, clock).passed is passed
