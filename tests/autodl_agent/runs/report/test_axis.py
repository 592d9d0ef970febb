"""The frame of the drawings: log time as the challenge has it, labels that keep clear of each other."""

import re

import pytest

from autodl_agent.runs.report.axis import PlotArea, svg
from autodl_agent.scoring.alc import transformed_time


@pytest.mark.parametrize("budget", [0.5, 9, 60, 1200, 86400, 2e6])
@pytest.mark.parametrize("width", [360, 760])
def test_labels_keep_clear_and_end_with_the_budget(budget, width):
    frame = PlotArea(width, 200, budget)
    places = [float(x) for x in re.findall(r'<text x="([\d.]+)" y="178"', frame.time_axis())]
    assert places[0] == pytest.approx(width - 10, abs=0.1)
    assert all(a - b >= 44 - 0.2 for a, b in zip(places, places[1:], strict=False)) and places[-1] >= 38


def test_places_are_those_of_transformed_time():
    frame = PlotArea(400, 200, 600.0)
    assert frame.x(0) == 38 and frame.x(600) == 390 and frame.x(-5) == 38 and frame.x(1e9) == 390
    assert frame.x(60) == pytest.approx(38 + 352 * float(transformed_time(60, 600)))


def test_a_drawing_has_its_text_alternative(parse):
    page = parse(svg(PlotArea(360, 200, 60), "narrow", "Learning curve", "it rises", "<path d='M0 0'/>"))
    named = page.all("svg")[0]["aria-labelledby"].split()
    assert [page.all("title")[0]["id"], page.all("desc")[0]["id"]] == named
    assert "it rises" in page.text
