"""When a page is due, with a clock that stands still unless it is moved."""

import pytest

from autodl_agent.learners.testing.contract import FakeClock
from autodl_agent.runs.report.schedule import FIRST_GUESS_S, QUIET_END_S, SHARE, Schedule


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def schedule(clock):
    return Schedule(clock.budget(1000.0))


def move(clock, schedule, to_s):
    clock.at = schedule.budget.started + to_s


def test_the_first_page_waits_until_it_is_affordable(clock, schedule):
    move(clock, schedule, FIRST_GUESS_S / SHARE - 0.2)
    assert not schedule.may_draw(0.0) and schedule.pause_s(0.0) == pytest.approx(0.2)
    move(clock, schedule, FIRST_GUESS_S / SHARE + 0.01)
    assert schedule.may_draw(0.0) and not schedule.may_draw(0.1)  # examples count, too


def test_all_that_was_spent_stays_within_the_share(clock, schedule):
    for _ in range(2000):
        if schedule.may_draw(0.0):
            schedule.record_page(0.2)
            assert schedule.spent_s <= SHARE * schedule.budget.elapsed() + 0.1
        clock.at += 0.1
    assert schedule.spent_s > 0.4


def test_imports_are_spent_but_not_expected_again(clock, schedule):
    move(clock, schedule, 100)
    schedule.record_loading(1.0)
    schedule.record_page(0.05)
    assert (schedule.spent_s, schedule.cost_s) == (1.05, 0.05)
    assert schedule.spare_s(0.5) == pytest.approx(SHARE * 100 - 1.05 - 0.5 - 0.05)


def test_pages_become_rare_as_time_passes(clock, schedule):
    for gone, pause in ((10, 2.0), (500, 20.0), (950, 30.0)):
        move(clock, schedule, gone)
        schedule.record_page(0.001)
        assert schedule.refresh_s() == pause
        clock.at += pause - 0.3
        assert not schedule.may_draw(0.0)
        clock.at += 0.3
        assert schedule.may_draw(0.0)


def test_nothing_begins_shortly_before_the_end(clock, schedule):
    schedule.record_page(0.1)
    move(clock, schedule, 1000 - QUIET_END_S - 0.5)
    assert schedule.may_draw(0.0)
    clock.at += 0.2
    assert not schedule.may_draw(0.0)
