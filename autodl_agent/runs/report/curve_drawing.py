"""The learning curve in numbers: the coordinates of its drawings, its table and its description."""

import math
from dataclasses import dataclass

from autodl_agent.runs.report.axis import PlotArea
from autodl_agent.runs.report.curve_png import describe_curve
from autodl_agent.runs.report.formatting import shorten
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.scoring.alc import LearningCurve

HELD_OUT, TEST = "held_out_nauc", "test_nauc"
_SIZES = (("narrow", 360, 260), ("roomy", 760, 330))
_MANY_POINTS = 80
_MOST_ROWS = 300
_LONGEST_NAME = 200
_MARKER = 5  # side of the square markers


@dataclass(frozen=True)
class ScoreTick:
    """A labelled NAUC. y: in SVG units."""

    y: float
    score: float


@dataclass(frozen=True)
class Series:
    """One step line. kind: "held" or "test".

    path, ahead: SVG path data up to now and from there to the end of the budget, "" for none. markers: (x, y) of each
    prediction: the centre of a circle on held-out rows, the upper left corner of a square on test rows.
    """

    kind: str
    path: str
    ahead: str
    markers: tuple[tuple[float, float], ...]
    radius: float


@dataclass(frozen=True)
class CurveDrawing:
    """The curve at one size. shading: SVG path data of the area that is the ALC. now: x of a run that goes on."""

    kind: str
    area: PlotArea
    score_ticks: tuple[ScoreTick, ...]
    shading: str
    series: tuple[Series, ...]
    now: float | None


@dataclass(frozen=True)
class CurveRow:
    """A prediction in the table; None where it was not scored."""

    number: int
    time_s: float
    held_out: float | None
    test: float | None


@dataclass(frozen=True)
class CurveFacts:
    """The section of the learning curve.

    drawings: empty where there is no score; something_learned: whether that is for want of held-out rows. rows: the
    latest predictions. has_test: whether scores on test rows belong to the table.
    """

    drawings: tuple[CurveDrawing, ...]
    description: str
    something_learned: bool
    held_out_alc: float | None
    test_alc: float | None
    rows: tuple[CurveRow, ...]
    has_test: bool


def curve_facts(data: ReportData) -> CurveFacts:
    """Drawings, description and table of the learning curve."""
    held_out, test = data.learning_curve(HELD_OUT), data.learning_curve(TEST)
    main = test or held_out
    return CurveFacts(
        tuple(_drawing(data, *size, held_out, test) for size in _SIZES) if main else (),
        describe_curve(main, shorten(data.task.name, _LONGEST_NAME)) if main else "",
        bool(data.snapshot and data.snapshot.parts),
        held_out.get_alc() if held_out else None,
        test.get_alc() if test else None,
        tuple(
            CurveRow(k, float(point["time"] or 0.0), point.get(HELD_OUT), point.get(TEST))
            for k, point in list(enumerate(data.curve))[-_MOST_ROWS:]
        ),
        any(TEST in point for point in data.curve),
    )


def _drawing(
    data: ReportData, kind: str, width: int, height: int, held_out: LearningCurve | None, test: LearningCurve | None
) -> CurveDrawing:
    area = PlotArea(width, height, data.budget.total_s)
    curves = {name: curve for name, curve in (("held", held_out), ("test", test)) if curve is not None}
    worst = min((score for curve in curves.values() for score in curve.scores), default=0.0)
    lowest = math.floor(max(worst, -1.0) * 4) / 4 if worst < -0.02 else 0.0
    now = area.x(data.elapsed_s)
    main = test or held_out
    return CurveDrawing(
        kind,
        area,
        _score_ticks(area, lowest),
        _shading(area, main, lowest) if main else "",
        tuple(series for name, curve in curves.items() if (series := _series(area, curve, name, lowest, now))),
        now if data.running else None,
    )


def _y(area: PlotArea, score: float, lowest: float) -> float:
    return round(area.floor - (score - lowest) / (1.0 - lowest) * (area.floor - area.top), 1)


def _score_ticks(area: PlotArea, lowest: float) -> tuple[ScoreTick, ...]:
    step = 1 if lowest >= -0.25 else 2  # in quarters: twice as many would be too close
    scores = [quarter / 4 for quarter in range(-4, 5, step) if quarter / 4 >= lowest]
    return tuple(ScoreTick(_y(area, score, lowest), score) for score in scores)


def _points(area: PlotArea, curve: LearningCurve, lowest: float) -> list[tuple[float, float]]:
    """(x, y) of the predictions within the budget."""
    pairs = zip(curve.times, curve.scores, strict=True)
    return [(area.x(time), _y(area, score, lowest)) for time, score in pairs if time <= curve.budget]


def _steps(area: PlotArea, points: list[tuple[float, float]], lowest: float) -> str:
    """Path data that rises from chance at the first point."""
    return f"M{points[0][0]} {_y(area, 0.0, lowest)}" + "".join(f"H{x}V{y}" for x, y in points)


def _shading(area: PlotArea, curve: LearningCurve, lowest: float) -> str:
    points = _points(area, curve, lowest)
    return f"{_steps(area, points, lowest)}H{area.end}V{_y(area, 0.0, lowest)}Z" if points else ""


def _series(area: PlotArea, curve: LearningCurve, kind: str, lowest: float, now: float) -> Series | None:
    points = _points(area, curve, lowest)
    if not points:
        return None
    last_x, last_y = points[-1]
    ahead = f"M{now} {last_y}H{area.end}" if now < area.end - 1 else ""
    offset = _MARKER / 2 if kind == "test" else 0.0
    markers = tuple((round(x - offset, 1), round(y - offset, 1)) for x, y in points)
    radius = 3.0 if len(points) <= _MANY_POINTS else 1.5
    return Series(kind, f"{_steps(area, points, lowest)}H{max(now, last_x)}", ahead, markers, radius)
