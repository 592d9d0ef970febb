"""What `autodl score` prints: the curve as a table, the ALC and the AUC of every class, or all of it as JSON."""

import json
import math
from pathlib import Path

from autodl_agent.scoring.bootstrap import ErrorBar
from autodl_agent.scoring.report import ScoreReport, score_folder

SHOWN_CLASSES = 40


def show_score(predictions: Path, solution: Path, budget_s: float | None, t0_s: float, as_json: bool) -> None:
    """Score and print. Raises DataError when the files cannot be scored."""
    report = score_folder(predictions, solution, budget_s, t0_s)
    if as_json:
        print(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        _show_tables(report)


def _show_tables(report: ScoreReport) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    curve = Table("prediction", "seconds", "NAUC", "soft accuracy", "")
    for p in report.predictions:
        accuracy = "" if p.accuracy is None else f"{p.accuracy:.4f}"
        curve.add_row(escape(p.file), f"{p.seconds:.2f}", f"{p.nauc:.4f}", accuracy, "late, does not count" * p.late)
    console.print(curve)
    classes = Table("class", "AUC")
    for name, auc in list(zip(report.class_names, report.class_aucs, strict=True))[:SHOWN_CLASSES]:
        classes.add_row(escape(name), "one value only, left out" if math.isnan(auc) else f"{auc:.4f}")
    console.print(classes)
    if len(report.class_names) > SHOWN_CLASSES:
        console.print(f"… and {len(report.class_names) - SHOWN_CLASSES} classes more (--json lists all)")
    for problem in report.problems:
        console.print(f"problem: {escape(problem)}")
    console.print(f"last NAUC {report.nauc:.4f}{_bar(report.nauc_error)}")
    console.print(f"ALC {report.alc:.4f}{_bar(report.alc_error)}  (T = {report.budget:g} s, t0 = {report.t0:g} s)")


def _bar(error: ErrorBar | None) -> str:
    return "" if error is None else f" ± {error.std:.4f}"
