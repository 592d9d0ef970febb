"""The learning curve as a PNG file and in words: score over log time, as the challenge draws it.

Axes and wording follow the challenge's scoring program: transformed time below, seconds above, the step curve with a
marker for each prediction, the area under it filled, the last score written out, and dashes from the last prediction
to the budget. matplotlib is imported on first use; only its drawing objects, never `pyplot`.
"""

import io
import unicodedata
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.scoring.alc import T0_S, LearningCurve, transformed_time
from data_format.atomic import write_atomic

SIZE_INCHES = (7.0, 7.07)
# Left, bottom, width and height of the axes: room for every label, without the cost of a layout at each drawing.
_FRAME = (0.105, 0.075, 0.865, 0.795)
_FIRST_TICKS = (10, 60, 300, 600, 1200)
_TICKS_EVERY = 1800
# Closer than this share of the axis, labels of the seconds run into each other.
_LABEL_GAP = 0.035
_MANY_POINTS = 60
# What the last score's text takes of the axis.
_TEXT_WIDTH = 0.11
_TITLE_LENGTH = 40
_LINE, _FILL = "tab:blue", "cyan"


def draw_curve(path: Path, curve: LearningCurve, task: str, t0: float = T0_S, note: str = "", rows: str = "") -> None:
    """Write the curve as PNG, atomically. note: shown large where there is nothing to draw. rows: on which
    the scores were measured.

    Raises DataError for a budget or t0 that is not positive, OSError where the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes(_FRAME)
    moments, scores = _in_time(curve, t0)
    # A file's name may hold bytes that are no text; a PNG's comments may not.
    task = task.encode("utf-8", "replace").decode()
    _plot(axes, moments, scores, curve.get_alc(t0))
    _label(axes, curve.budget, t0, scores, rows)
    name = _short(task)
    axes.set_title(f"Learning curve for task: {name}", parse_math=False, fontsize=12 if len(name) < 25 else 9)
    if not len(scores):
        axes.text(0.5, 0.5, note or "no prediction yet", ha="center", va="center", fontsize=16, color="dimgray")
    file = io.BytesIO()
    facts = {"Title": f"Learning curve for task: {task}", "Description": describe_curve(curve, task, t0)}
    with warnings.catch_warnings():
        # Names in scripts that the built-in font lacks show boxes; that is no reason for a warning.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        canvas.print_png(file, metadata=facts)
    write_atomic(path, file.getvalue())


def describe_curve(curve: LearningCurve, task: str, t0: float = T0_S) -> str:
    """The curve in words, for readers who cannot see it: area, number of predictions, first, best and last score."""
    points = [(t, s) for t, s in zip(curve.times, curve.scores, strict=True) if t <= curve.budget]
    text = f"Learning curve for task {task}: ALC {curve.get_alc(t0):.4f} over {curve.budget:g} s"
    if not points:
        return f"{text}, no prediction."
    best = max(points, key=lambda point: point[1])
    named = (("first", points[0]), ("best", best), ("last", points[-1]))
    scores = ", ".join(f"{word} score {score:.4f} at {seconds:.1f} s" for word, (seconds, score) in named)
    return f"{text}, {len(points)} prediction{'s' * (len(points) > 1)}; {scores}."


def second_ticks(budget: float, t0: float = T0_S) -> list[tuple[float, str]]:
    """Ticks of the axis in seconds: where, in transformed time, and their labels; those too close have none.

    10, 60, 300, 600, 1200 and every 1800 s up to the budget, and the budget itself.
    """
    seconds = [float(t) for t in _FIRST_TICKS if t < budget]
    # More than some dozens of ticks run into one grey bar: long budgets get a multiple of 1800 s.
    step = _TICKS_EVERY * max(1, round(budget / _TICKS_EVERY / 24))
    seconds += [float(t) for t in range(step, int(np.ceil(budget)), step)]
    seconds.append(float(budget))
    places = transformed_time(seconds, budget, t0).tolist()
    ticks: list[tuple[float, str]] = []
    free = float("inf")
    for place, moment in reversed(list(zip(places, seconds, strict=True))):
        clear = place <= free - _LABEL_GAP
        ticks.append((place, f"{moment:g}" if clear else ""))
        free = place if clear else free
    return ticks[::-1]


def _in_time(curve: LearningCurve, t0: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Transformed times and scores of the predictions within the budget, each (k,)."""
    points = [(max(t, 0.0), s) for t, s in zip(curve.times, curve.scores, strict=True) if t <= curve.budget]
    seconds = np.array([t for t, _ in points], dtype=np.float64)
    return transformed_time(seconds, curve.budget, t0), np.array([s for _, s in points], dtype=np.float64)


def _plot(axes: Any, moments: NDArray[np.float64], scores: NDArray[np.float64], area: float) -> None:
    """Line, markers, fill, dashes, last score and legend."""
    x, y = np.concatenate([[0.0], moments]), np.concatenate([[0.0], scores])
    size = 3.0 if len(scores) <= _MANY_POINTS else 1.8
    axes.fill_between(np.append(x, 1.0), np.append(y, y[-1]), step="post", color=_FILL, alpha=0.35, linewidth=0)
    axes.plot(x, y, drawstyle="steps-post", color=_LINE, linewidth=1.5, label=f"ALC={area:.4f}")
    axes.plot(moments, scores, linestyle="none", marker="o", markersize=size, color=_LINE, clip_on=False, zorder=3)
    if len(scores):
        last = float(scores[-1])
        axes.plot([moments[-1], 1.0], [last, last], linestyle="--", color=_LINE, linewidth=1.5)
        # Under the line where the frame's top is near; clear of the last steps in either case.
        near = np.append(y[np.searchsorted(x, 1.0 - _TEXT_WIDTH, side="right") - 1 :], last)
        down = near.max() > 0.9
        axes.annotate(
            f"{last:.4f}",
            (1.0, near.min() if down else near.max()),
            xytext=(-6, -6 if down else 6),
            textcoords="offset points",
            ha="right",
            va="top" if down else "bottom",
        )
    # A curve climbs to the right, so the lower right is the fill's; a falling one leaves the upper right free.
    axes.legend(loc="lower right" if not len(scores) or scores[-1] > 0.2 else "upper right", framealpha=0.9)


def _label(axes: Any, budget: float, t0: float, scores: NDArray[np.float64], rows: str) -> None:
    """Limits, both time axes, grid and axis titles."""
    lowest = float(scores.min(initial=0.0))
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(-0.01 if lowest >= 0 else max(-1.02, lowest - 0.06), 1.01)
    if lowest < 0:
        axes.axhline(0.0, color="gray", linewidth=0.8)
    axes.grid(True, linestyle=":", alpha=0.6)
    axes.set_xlabel(f"transformed time: ln(1 + t/{t0:g}) / ln(1 + {budget:g}/{t0:g})")
    axes.set_ylabel(f"score (2 * AUC - 1){' on ' * bool(rows)}{rows}")
    top = axes.secondary_xaxis("top")
    ticks = second_ticks(budget, t0)
    top.set_xticks([place for place, _ in ticks], [label for _, label in ticks], fontsize=8, rotation=_slant(ticks))
    top.set_xlabel("seconds")


def _slant(ticks: Sequence[tuple[float, str]]) -> int:
    """Degrees by which to turn the labels: upright digits need less width where neighbours are close."""
    places = [place for place, label in ticks if label]
    return 90 if len(places) > 1 and min(np.diff(places)) < 2 * _LABEL_GAP else 0


def _short(task: str) -> str:
    """A name that fits the title, on one line."""
    line = "".join(char if char.isprintable() else " " for char in task)
    widths = np.cumsum([2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line])
    fitting = int(np.searchsorted(widths, _TITLE_LENGTH, side="right"))
    return line if fitting == len(line) else line[: fitting - 1] + "…"
