"""What `autodl score` prints: a table of predictions, the ALC and the AUC of every class, or the same as JSON."""

import json
from pathlib import Path

from autodl_agent.scoring.score import score_folder


def show_score(predictions: Path, solution: Path, budget_s: float | None, t0_s: float, as_json: bool) -> None:
    """Score and print. Raises DataError when the files cannot be scored."""
    report = score_folder(predictions, solution, budget_s, t0_s)
    if as_json:
        print(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(report)
    _ = Table
