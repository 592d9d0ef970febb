"""The two figures of the page, in numbers: steps of the curve, bars of the rounds, and their tables."""

import re
from dataclasses import replace

from autodl_agent.runs.report.curve_svg import curve_section
from autodl_agent.runs.report.timeline import outcome, timeline_section


def test_the_curve_is_drawn_twice_with_its_words_and_table(make_scene, parse):
    html = curve_section(make_scene())
    page = parse(html)
    assert [a["class"] for a in page.all("svg")] == ["narrow", "roomy"]
    assert page.text.count("ALC 0.7") == 3 or "ALC" in page.text
    assert "last score 0.8000 at 2.0 s" in page.text
    assert html.count('class="held-dot"') == 2 * 2 and html.count('class="now"') == 2


def test_scores_of_test_rows_are_a_second_line(make_scene, parse):
    scene = make_scene(ended="budget used")
    curve = tuple({**point, "test_nauc": 0.7} for point in scene.curve)
    html = curve_section(replace(scene, curve=curve))
    assert html.count('class="test-dot"') == 2 * 2 and "on the test rows, ALC" in html and 'class="now"' not in html
    assert "NAUC on the test rows" in parse(html).text


def test_scores_below_chance_have_room(make_scene):
    scene = make_scene()
    curve = ({"time": 1.0, "held_out_nauc": -0.9},)
    html = curve_section(replace(scene, curve=curve))
    floor = max(float(y) for y in re.findall(r'class="held-dot" cx="[\d.]+" cy="([\d.]+)"', html))
    assert "\u22121.00" in html and floor < 330 - 36 and "\u22120.50" in html


def test_rounds_are_bars_by_their_outcome(make_scene, parse):
    scene = make_scene()
    assert [outcome(r) for r in scene.rounds] == ["gain", "gain", "idle", "failed"]
    html = timeline_section(scene)
    page = parse(html)
    kinds = [a["class"] for a in page.all("rect")]
    assert kinds == ["gain", "gain", "idle", "failed"] * 2
    assert "forest: 2 rounds, 0 better, 1 failed, from 2.0 s to 9.0 s" in page.text
    assert "ValueError: <b>no</b>" in page.text and "<b>" not in html


def test_many_rounds_and_learners_are_bounded(make_scene, parse):
    scene = make_scene()
    many = tuple(replace(scene.rounds[1], number=i, learner=f"l{i % 40}") for i in range(2000))
    html = timeline_section(replace(scene, rounds=many))
    assert len(parse(html).all("rect")) <= 2 * 600 and len(html) < 400_000


def test_no_round_is_a_sentence(make_scene):
    assert "No round has ended yet" in timeline_section(replace(make_scene(), rounds=()))
