import time

from autodl_agent.clock import Budget, since_launch_s
from autodl_agent.testing import FakeClock


def test_budget_counts_on_the_clock_it_was_given():
    clock = FakeClock()
    budget = clock.budget(60)
    clock.at += 12.5
    assert budget.gone() == 12.5
    assert budget.left() == 47.5


def test_deadline_never_outlives_the_budget():
    clock = FakeClock()
    budget = clock.budget(10)
    clock.at += 4
    near, far = budget.deadline(2), budget.deadline(100)
    assert near.left() == 2
    assert far.left() == 6
    clock.at += 6
    assert near.passed and far.passed


def test_launch_counts_what_happened_before_the_first_line_of_python():
    first = since_launch_s()
    time.sleep(0.02)
    assert 0 < first < since_launch_s()


def test_budget_from_launch_has_used_time_already():
    budget = Budget.from_launch(1e9)
    assert budget.gone() >= since_launch_s() * 0.5
    assert abs(budget.epoch + budget.gone() - time.time()) < 1
