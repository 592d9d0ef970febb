"""`learning_curve.png` of a run, and the import of matplotlib that it needs, which takes longer than the drawing."""

import sys
from pathlib import Path

from autodl_agent.runs.report.report_data import ReportData

FILE_NAME = "learning_curve.png"
MATPLOTLIB_S = 0.7  # to import it on one core
_DRAWING_S = 0.25


def is_loaded() -> bool:
    """Whether matplotlib is imported."""
    return "matplotlib.figure" in sys.modules


def load() -> None:
    """Import what `write_curve` needs."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401


def cost_s() -> float:
    """Seconds that `write_curve` will take, its import included where it is not done."""
    return _DRAWING_S if is_loaded() else MATPLOTLIB_S + _DRAWING_S


def write_curve(folder: Path, data: ReportData) -> None:
    """Draw the curve of the test rows, of the held-out rows without them; nothing where neither is known.

    Raises OSError as the file system gives it.
    """
    from autodl_agent.runs.report.curve_png import draw_curve

    test = data.learning_curve("test_nauc")
    curve = test or data.learning_curve("held_out_nauc")
    if curve is not None:
        rows = "test rows" if test is not None else "held-out rows"
        draw_curve(folder / FILE_NAME, curve, data.task.name, rows=rows)
