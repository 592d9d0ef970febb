"""Why a run ended, in words."""

from pathlib import Path

import pytest

from autodl_agent.engine.rounds import Round
from autodl_agent.runs.result import RunResult, last_nauc, reason_to_end


def played(learner: str, nauc: float | None = None, more: bool = False) -> Round:
    return Round(0, learner, 0.0, 1.0, ensemble_nauc=nauc, more=more)


@pytest.mark.parametrize(
    ("rounds", "reason"),
    [
        ([played("a", 0.5), played("b", 0.99996, more=True)], "held-out NAUC is 1: nothing left to gain"),
        ([played("a", 0.5, more=True), played("a", 0.6)], "nothing left to gain: every learner has done its work"),
        (
            [played("a", 0.5, more=True), played("b", 0.6)],
            "nothing left to gain in the time left (a could go on)",
        ),
        ([], "nothing left to gain: every learner has done its work"),
    ],
)
def test_the_reason_is_what_the_rounds_say(rounds: list[Round], reason: str) -> None:
    assert reason_to_end(rounds) == reason


def test_the_newest_ensemble_counts() -> None:
    assert last_nauc([played("a", 0.5), played("b", 0.4), played("c")]) == 0.4
    assert last_nauc([played("a")]) is None


def test_only_scored_predictions_are_on_the_test_curve() -> None:
    points = [{"time": 1.0, "held_out_nauc": 0.1}, {"time": 2.0, "held_out_nauc": 0.2, "test_nauc": 0.3}]
    assert RunResult(Path("run"), curve=points).test_curve == [(2.0, 0.3)]
