"""How the last seconds of a run are divided."""

import pytest

from autodl_agent.runs.lifecycle import ClosingTimes
from autodl_agent.system.clock import Budget

BUDGET = Budget(60.0, 0.0, 0.0)


def test_who_interrupts_waits_a_second() -> None:
    times = ClosingTimes.of(BUDGET, 20.0, interrupted=True)
    assert times.saving_s == 1.0
    assert times.report == pytest.approx(21.0)
    assert 20.0 < times.files < times.report


def test_a_run_that_ended_early_gives_its_last_files_what_it_did_not_use() -> None:
    times = ClosingTimes.of(BUDGET, 30.0, interrupted=False)
    assert times.files == pytest.approx(40.0)
    assert times.report == pytest.approx(35.0)
    assert times.saving_s > 30


@pytest.mark.parametrize("elapsed_s", [59.9, 60.0, 60.3])
def test_at_the_end_of_the_budget_everything_is_written_within_a_second(elapsed_s: float) -> None:
    times = ClosingTimes.of(BUDGET, elapsed_s, interrupted=False)
    assert elapsed_s < times.files <= times.report <= 61.0
    assert times.saving_s <= 0.8


@pytest.mark.parametrize("interrupted", [False, True])
def test_past_the_end_there_is_still_a_moment_for_every_file(interrupted: bool) -> None:
    times = ClosingTimes.of(BUDGET, 63.0, interrupted)
    assert 63.0 < times.files < times.report <= 64.0
