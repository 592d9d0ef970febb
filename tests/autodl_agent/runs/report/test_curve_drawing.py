"""The learning curve in numbers: steps, ticks, markers, what lies ahead, and its table."""

import re
from dataclasses import replace

from autodl_agent.runs.report.curve_drawing import curve_facts


def test_the_curve_is_drawn_at_two_sizes_with_its_words_and_table(make_data):
    facts = curve_facts(make_data())
    assert [drawn.kind for drawn in facts.drawings] == ["narrow", "roomy"]
    assert "last score 0.8000 at 2.0 s" in facts.description and "ALC" in facts.description
    assert [(row.number, row.time_s, row.held_out, row.test) for row in facts.rows] == [
        (0, 0.2, None, None),
        (1, 2.0, 0.8, None),
    ]
    assert not facts.has_test and facts.test_alc is None and facts.held_out_alc > 0.7
    for drawn in facts.drawings:
        (series,) = drawn.series
        assert series.kind == "held" and len(series.markers) == 2
        assert drawn.now == drawn.area.x(12.0) and series.ahead.startswith(f"M{drawn.now} ")


def test_the_path_rises_in_steps_and_the_shading_ends_with_the_budget(make_data):
    drawn = curve_facts(make_data()).drawings[0]
    (series,) = drawn.series
    (x0, y0), (x1, y1) = series.markers
    assert series.path == f"M{x0} {y0}H{x0}V{y0}H{x1}V{y1}H{drawn.now}"
    assert y0 == drawn.area.floor > y1
    assert drawn.shading.endswith(f"H{drawn.area.end}V{y0}Z")


def test_scores_of_test_rows_are_a_second_line(make_data):
    data = make_data(ended="budget used")
    curve = tuple({**point, "test_nauc": 0.7} for point in data.curve)
    facts = curve_facts(replace(data, curve=curve))
    assert [[series.kind for series in drawn.series] for drawn in facts.drawings] == [["held", "test"]] * 2
    assert facts.has_test and facts.test_alc > facts.held_out_alc - 0.2 and facts.drawings[0].now is None
    assert "last score 0.7000" in facts.description  # of the test rows, which count


def test_scores_below_chance_have_room(make_data):
    drawn = curve_facts(replace(make_data(), curve=({"time": 1.0, "held_out_nauc": -0.9},))).drawings[1]
    assert [tick.score for tick in drawn.score_ticks] == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert drawn.series[0].markers[0][1] < drawn.area.floor
    numbers = [float(y) for y in re.findall(r"V([\d.]+)", drawn.shading)]
    assert max(numbers) < drawn.area.floor


def test_without_scores_there_is_no_drawing(make_data):
    facts = curve_facts(make_data(judged=False))
    assert facts.drawings == () and facts.description == "" and not facts.something_learned


def test_very_many_predictions_stay_bounded(make_data):
    curve = tuple({"time": k / 50, "held_out_nauc": 0.5} for k in range(1000))
    facts = curve_facts(replace(make_data(), curve=curve))
    assert len(facts.rows) == 300 and facts.rows[-1].number == 999
    assert facts.drawings[0].series[0].radius < 2


def test_a_very_long_name_is_short_in_the_description(make_data):
    data = make_data()
    data.store.task = replace(data.task, name="n" * 10_000)
    assert len(curve_facts(data).description) < 500
