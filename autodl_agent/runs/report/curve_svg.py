"""The learning curve as inline SVG, in words, and as a table: what the page shows first."""

import math

from autodl_agent.runs.report.axis import PlotArea, svg
from autodl_agent.runs.report.curve_png import describe_curve
from autodl_agent.runs.report.html import folded, number, plain, seconds, table
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.scoring.alc import LearningCurve

_SIZES = (("narrow", 360, 260), ("roomy", 760, 330))
_MANY_POINTS = 80
_MOST_ROWS = 300
HELD_OUT, TEST = "held_out_nauc", "test_nauc"


def curve_section(scene: ReportData) -> str:
    """Figure, legend and table; a sentence where there is nothing to draw yet."""
    held_out, test = scene.learning_curve(HELD_OUT), scene.learning_curve(TEST)
    main = test or held_out
    if main is None:
        why = "no row could be held out" if scene.snapshot and scene.snapshot.parts else "nothing has been learned yet"
        return f'<p class="quiet">No curve: {why}.</p>{_numbers(scene)}'
    words = plain(describe_curve(main, scene.task.name))
    drawings = "".join(svg(f := _frame(scene, *size), kind, "Learning curve", words, _draw(f, scene, held_out, test))
                       for kind, *size in _SIZES)  # fmt: skip
    return f"<figure>{drawings}<figcaption>{_legend(held_out, test)}</figcaption></figure>{_numbers(scene)}"


def _frame(scene: ReportData, width: int, height: int) -> PlotArea:
    return PlotArea(width, height, scene.budget.total_s)


def _draw(frame: PlotArea, scene: ReportData, held_out: LearningCurve | None, test: LearningCurve | None) -> str:
    scores = [s for curve in (held_out, test) if curve is not None for s in curve.scores]
    worst = min(scores, default=0.0)
    lowest = math.floor(max(worst, -1.0) * 4) / 4 if worst < -0.02 else 0.0
    parts = [frame.time_axis(), _score_axis(frame, lowest)]
    main = test or held_out
    for curve, kind in ((main, "area"), (held_out, "held"), (test, "test")):
        if curve is not None:
            parts.append(_series(frame, curve, kind, lowest, scene))
    if scene.running:
        now = frame.x(scene.elapsed_s)
        parts.append(f'<path class="now" d="M{now:.1f} {frame.top}V{frame.floor}"/>')
    return "".join(parts)


def _y(frame: PlotArea, score: float, lowest: float) -> float:
    return frame.floor - (score - lowest) / (1.0 - lowest) * (frame.floor - frame.top)


def _score_axis(frame: PlotArea, lowest: float) -> str:
    step = 1 if lowest >= -0.25 else 2  # in quarters: twice as many would be too narrow
    ticks = [quarter / 4 for quarter in range(-4, 5, step) if quarter / 4 >= lowest]
    parts = []
    for tick in ticks:
        y = _y(frame, tick, lowest)
        parts.append(
            f'<path class="{"base" if not tick else "grid"}" d="M{frame.left} {y:.1f}H{frame.width - frame.right}"/>'
        )
        parts.append(f'<text x="{frame.left - 5}" y="{y + 4:.1f}" text-anchor="end">{number(tick, 2)}</text>')
    return "".join(parts)


def _series(frame: PlotArea, curve: LearningCurve, kind: str, lowest: float, scene: ReportData) -> str:
    """The step line up to now (or to the end of a finished run) and dashes from there; or the area below it."""
    points = [(t, s) for t, s in zip(curve.times, curve.scores, strict=True) if t <= curve.budget]
    if not points:
        return ""
    level = [(frame.x(t), _y(frame, s, lowest)) for t, s in points]
    path = f"M{level[0][0]:.1f} {_y(frame, 0.0, lowest):.1f}"
    path += "".join(f"H{x:.1f}V{y:.1f}" for x, y in level)
    if kind == "area":
        return f'<path class="area" d="{path}H{frame.x(curve.budget):.1f}V{_y(frame, 0.0, lowest):.1f}Z"/>'
    reached = frame.x(scene.elapsed_s)
    parts = [f'<path class="{kind}" d="{path}H{max(reached, level[-1][0]):.1f}"/>']
    if reached < frame.x(curve.budget) - 1:
        parts.append(f'<path class="{kind} ahead" d="M{reached:.1f} {level[-1][1]:.1f}H{frame.x(curve.budget):.1f}"/>')
    radius = 3 if len(level) <= _MANY_POINTS else 1.5
    if kind == "held":
        parts += [f'<circle class="held-dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in level]
    else:
        parts += [
            f'<rect class="test-dot" x="{x - 2.5:.1f}" y="{y - 2.5:.1f}" width="5" height="5"/>' for x, y in level
        ]
    return "".join(parts)


def _legend(held_out: LearningCurve | None, test: LearningCurve | None) -> str:
    parts = []
    if held_out is not None:
        parts.append(f'<span class="key held-key">on held-out rows, ALC {number(held_out.get_alc())}</span>')
    if test is not None:
        parts.append(f'<span class="key test-key">on the test rows, ALC {number(test.get_alc())}</span>')
    return " ".join(parts)


def _numbers(scene: ReportData) -> str:
    """The predictions as a table, the latest when they are many."""
    if not scene.curve:
        return ""
    known = any(TEST in point for point in scene.curve)
    head = ["prediction", "time", "NAUC on held-out rows", *(["NAUC on the test rows"] if known else [])]
    rows = []
    for k, point in list(enumerate(scene.curve))[-_MOST_ROWS:]:
        cells = [str(k), seconds(float(point["time"] or 0.0)), number(point.get(HELD_OUT))]
        rows.append([*cells, *([number(point.get(TEST))] if known else [])])
    return folded("The curve as a table", table(head, rows, "Predictions and their scores", 0))
