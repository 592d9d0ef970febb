"""`autodl score`: predictions against the truth."""

from pathlib import Path

import click

from autodl_agent.commands.param_types import SECONDS


@click.command()
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("solution", type=click.Path(path_type=Path))
@click.option(
    "--budget",
    type=SECONDS,
    metavar="SECONDS",
    help="T of the learning curve.  [default: time_budget in start.txt, else 1200]",
)
@click.option(
    "--t0",
    type=SECONDS,
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Scale of the log time axis.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def score(predictions: Path, solution: Path, budget: float | None, t0: float, as_json: bool) -> None:
    """Score the folder PREDICTIONS against SOLUTION.

    Prints the NAUC of every prediction, the area under the learning curve (ALC) and the AUC of every class.
    PREDICTIONS holds NAME.predict_k and start.txt (a run's `predictions` folder); SOLUTION is NAME.solution or a
    folder that holds one.
    """
    from autodl_agent.commands.score_view import show_score

    show_score(predictions, solution, budget, t0, as_json)
