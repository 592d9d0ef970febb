"""`scores.txt`: what the challenge's leaderboard reads. YAML, one key a line, plain numbers that every parser takes."""

import math
from collections.abc import Iterable
from pathlib import Path

from autodl_agent.scoring.bootstrap import ErrorBar
from autodl_agent.scoring.report import ScoreReport
from data_format.atomic import write_atomic
from data_format.errors import DataError

SCORES_NAME = "scores.txt"
# What the challenge reports where there is nothing to resample.
_NO_BAR = ErrorBar(-1.0, -1.0, -1.0, 0)


def write_scores(folder: Path, report: ScoreReport | None, one_hot: bool = False, bars: bool = False) -> Path:
    """Write `scores.txt`. Raises OSError as the file system gives it.

    report: None for a run of which nothing is known (score 0). one_hot: with the line `accuracy`. bars: with the six
    lines of error bars. Predictions later than the budget appear nowhere.
    """
    # The official program lists late ones here, and lets them lower the score.
    rows = [] if report is None else [p for p in report.predictions if not p.late]
    lines = [
        f"score: {yaml_float(0.0 if report is None else report.alc)}",
        f"Duration: {yaml_float(rows[-1].seconds if rows else 0.0)}",
        f"timestamps: {_list(row.seconds for row in rows)}",
        f"nauc_scores: {_list(row.nauc for row in rows)}",
    ]
    if one_hot:
        lines.append(f"accuracy: {_list(0.0 if row.accuracy is None else row.accuracy for row in rows)}")
    if bars:
        nauc = (report.nauc_error if report else None) or _NO_BAR
        alc = (report.alc_error if report else None) or _NO_BAR
        for name, bar in (("nauc", nauc), ("alc", alc)):
            for key, value in (("mean", bar.mean), ("std", bar.std), ("var", bar.var)):
                lines.append(f"{name}_{key}: {yaml_float(value)}")
    path = folder / SCORES_NAME
    write_atomic(path, ("\n".join(lines) + "\n").encode())
    return path


def read_score(path: Path) -> float:
    """The number under `score`. Raises DataError naming the file where there is none, or it is not finite."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    found = [line.partition(":")[2].strip() for line in text.splitlines() if line.partition(":")[0].strip() == "score"]
    try:
        # Older programs wrote numpy's own notation under NumPy 2.
        score = float(found[0].removeprefix("np.float64(").removesuffix(")")) if found else math.nan
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise DataError(f"{path}: expected a number under 'score', found {found[0] if found else 'no such key'!r}")
    return score


def yaml_float(value: float) -> str:
    """A finite float, digits enough to give it back; `1e-05` has a point put in, or YAML 1.1 reads it as a string."""
    text = repr(float(value))
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _list(values: Iterable[float]) -> str:
    return "[" + ", ".join(yaml_float(value) for value in values) + "]"
