"""Rounds as bars: one lane for each learner, kinds of outcome in colour, character and word."""

from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.engine.round import Round
from autodl_agent.runs.report.timeline import outcome, round_facts


def test_every_round_is_a_bar_in_the_lane_of_its_learner(make_data):
    data = make_data()
    for drawn in round_facts(data).drawings:
        assert len(drawn.bars) == len(data.rounds)
        assert [bar.outcome for bar in drawn.bars] == ["gain", "gain", "idle", "failed"]
        assert [lane.learner for lane in drawn.lanes] == ["prior", "linear", "forest"]
        heights = [bar.y for bar in drawn.bars]
        assert heights[0] < heights[1] < heights[2] == heights[3] < drawn.area.floor


def test_bars_lie_in_order_of_time_within_the_drawing(make_data):
    bars = round_facts(make_data()).drawings[0].bars
    ends = [(bar.x, bar.x + bar.width) for bar in bars]
    assert all(left < right <= 360 for left, right in ends) and ends == sorted(ends)
    assert all(bar.x < bar.middle < bar.x + bar.width for bar in bars)


def test_only_a_run_that_goes_on_has_a_now(make_data):
    assert all(drawn.now for drawn in round_facts(make_data()).drawings)
    assert all(drawn.now is None for drawn in round_facts(make_data(ended="budget used")).drawings)


def test_before_the_first_round_there_is_nothing(make_data):
    facts = round_facts(replace(make_data(), rounds=()))
    assert facts.drawings == facts.rows == () and facts.description == ""


def test_the_shortest_round_can_be_seen(make_data):
    data = replace(make_data(), rounds=(Round(0, "prior", 30.0, 30.0),))
    assert {bar.width for drawn in round_facts(data).drawings for bar in drawn.bars} == {2.0}


def test_very_many_learners_and_rounds_stay_bounded(make_data):
    rounds = tuple(Round(k, f"learner{k % 40}", k / 40, k / 40 + 0.02) for k in range(2000))
    facts = round_facts(replace(make_data(), rounds=rounds))
    for drawn in facts.drawings:
        assert 0 < len(drawn.bars) <= 600 and len(drawn.lanes) == 24
    assert len(facts.rows) == 300


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"prediction": np.zeros((1, 1))}, "gain"),
        ({}, "idle"),
        ({"prediction": np.zeros((1, 1)), "error": "x"}, "failed"),
    ],
)
def test_kinds_of_rounds(more, kind):
    assert outcome(Round(0, "a", 0.0, 1.0, **more)) == kind


def test_rounds_in_words(make_data):
    better = np.zeros((1, 1))
    rounds = (
        Round(0, "a", 0.0, 1.0, prediction=better),
        Round(1, "b", 1.0, 2.0, error="x" * 1000),
        Round(2, "a", 2.0, 4.5),
    )
    facts = round_facts(replace(make_data(), rounds=rounds))
    assert facts.description.split("; ") == [
        "a: 2 rounds, 1 better, from 0.0 s to 4.5 s",
        "b: 1 round, 0 better, 1 failed, from 1.0 s to 2.0 s",
    ]
    assert [row.result for row in facts.rows] == ["better prediction", f"failed: {'x' * 299}…", "nothing new"]
    assert facts.drawings[0].bars[2].title == "round 2, a, 2.00 to 4.50 s: nothing new"
