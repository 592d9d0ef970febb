"""Rounds as bars: one lane a learner, kinds told by colour, sign and word."""

from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.engine.rounds import Round
from autodl_agent.runs.report.timeline import _in_words, outcome, timeline_section


def test_every_round_is_a_bar_in_the_lane_of_its_learner(make_scene, parse):
    scene = make_scene()
    html = timeline_section(scene)
    page = parse(html)
    bars = page.all("rect")
    assert len(bars) == 2 * len(scene.rounds)  # a narrow and a roomy drawing
    assert [bar["class"] for bar in bars[:4]] == ["gain", "gain", "idle", "failed"]
    assert bars[2]["y"] == bars[3]["y"] != bars[1]["y"] != bars[0]["y"]
    assert html.count('class="cross"') == 2
    assert "<b>no</b>" not in html and "&lt;b&gt;no&lt;/b&gt;" in html


def test_bars_lie_in_order_of_time_within_the_drawing(make_scene, parse):
    bars = parse(timeline_section(make_scene())).all("rect")[:4]
    ends = [(float(bar["x"]), float(bar["x"]) + float(bar["width"])) for bar in bars]
    assert all(left < right <= 360 for left, right in ends)
    assert ends == sorted(ends)


@pytest.mark.parametrize(("ended", "lines"), [("", 2), ("the budget is used up", 0)])
def test_only_a_run_that_goes_on_has_a_now(make_scene, ended, lines):
    assert timeline_section(make_scene(ended=ended)).count('class="now"') == lines


def test_before_the_first_round_there_is_a_sentence(make_scene):
    assert timeline_section(replace(make_scene(), rounds=())) == '<p class="quiet">No round has ended yet.</p>'


def test_the_shortest_round_can_be_seen(make_scene, parse):
    scene = replace(make_scene(), rounds=(Round(0, "prior", 30.0, 30.0),))
    assert {bar["width"] for bar in parse(timeline_section(scene)).all("rect")} == {"2.0"}


def test_very_many_learners_and_rounds_stay_bounded(make_scene, parse):
    rounds = tuple(Round(k, f"learner{k % 40}", k / 40, k / 40 + 0.02) for k in range(2000))
    page = parse(timeline_section(replace(make_scene(), rounds=rounds)))
    assert 0 < len(page.all("rect")) <= 2 * 600
    assert len({text["y"] for text in page.all("text") if text.get("class") == "lane"}) == 24


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


def test_rounds_in_words():
    better = np.zeros((1, 1))
    played = (
        Round(0, "a", 0.0, 1.0, prediction=better),
        Round(1, "b", 1.0, 2.0, error="x"),
        Round(2, "a", 2.0, 4.5),
    )
    assert _in_words(played).split("; ") == [
        "a: 2 rounds, 1 better, from 0.0 s to 4.5 s",
        "b: 1 round, 0 better, 1 failed, from 1.0 s to 2.0 s",
    ]
