"""The plot area of the drawings: log time as the challenge has it, labels that keep clear of each other."""

import pytest

from autodl_agent.runs.report.axis import PlotArea
from autodl_agent.scoring.alc import transformed_time


@pytest.mark.parametrize("budget", [0.5, 9, 60, 1200, 86400, 2e6])
@pytest.mark.parametrize("width", [360, 760])
def test_labels_keep_clear_and_end_with_the_budget(budget, width):
    ticks = PlotArea(width, 200, budget).time_ticks()
    places = [tick.x for tick in ticks]
    assert places[0] == width - 10 and ticks[0].anchor == "end"
    assert all(a - b >= 44 for a, b in zip(places, places[1:], strict=False)) and places[-1] >= 38


def test_labels_are_short():
    labels = [tick.label for tick in PlotArea(760, 200, 7201).time_ticks()]
    assert labels[0] == "7201 s" and {"1 h", "30 min", "2 min", "20 s"} <= set(labels)


def test_places_are_those_of_transformed_time():
    area = PlotArea(400, 200, 600.0)
    assert area.x(0) == 38 and area.x(600) == area.end == 390 and area.x(-5) == 38 and area.x(1e9) == 390
    assert area.x(60) == pytest.approx(38 + 352 * float(transformed_time(60, 600)), abs=0.05)
    assert area.floor == 164 and area.middle == 214
