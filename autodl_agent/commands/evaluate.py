"""`autodl evaluate`: submissions on data sets, by the challenge's rules."""

import re
import sys
from pathlib import Path
from typing import Any

import click

from autodl_agent.commands.param_types import SECONDS
from autodl_agent.commands.reader_options import reading_options


@click.command()
@click.argument("submission", type=click.Path(path_type=Path))
@click.argument("datasets", metavar="DATASET...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--against", "-a", multiple=True, metavar="OTHER", type=click.Path(path_type=Path),
              help="Another submission to rank with it; may be repeated.")  # fmt: skip
@click.option("--budget", type=SECONDS, metavar="SECONDS",
              help="Time for train and test.  [default: the data set's own, else 1200]")  # fmt: skip
@click.option("--t0", type=SECONDS, default=60.0, show_default=True, metavar="SECONDS",
              help="Scale of the log time axis; AutoCV had 300 at first.")  # fmt: skip
@click.option("--init-budget", type=SECONDS, default=1200.0, show_default=True, metavar="SECONDS",
              help="Time for importing model.py and making the Model, before the clock starts.")  # fmt: skip
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="DIR",
              help="Where the results go.  [default: a new folder under evaluations/]")  # fmt: skip
@click.option("--api", type=click.Choice(["auto", "autodl", "autonlp", "autospeech"]), default="auto",
              show_default=True, help="How data are handed to the model.")  # fmt: skip
@click.option("--parent-layout", type=click.Path(path_type=Path), metavar="DIR",
              help="Also write the folders of the challenge's parent scoring program.")  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@reading_options
@click.pass_context
def evaluate(
    context: click.Context,
    submission: Path,
    datasets: tuple[Path, ...],
    against: tuple[Path, ...],
    budget: float | None,
    t0: float,
    init_budget: float,
    output: Path | None,
    api: str,
    parent_layout: Path | None,
    quiet: bool,
    reading: Any,
) -> None:
    """Run SUBMISSION on every DATASET with the challenge's ingestion and scoring.

    SUBMISSION is a folder or a zip that holds model.py with a class Model; DATASET is anything that `autodl run`
    takes, with the truth of its test rows.

    \b
    DIR then holds
      SUBMISSION/DATASET/predictions/    start.txt, NAME.predict_k, end.txt
      SUBMISSION/DATASET/scores/         scores.txt, learning-curve-NAME.png, detailed_results.html
      SUBMISSION/DATASET/submission.log  what it printed
      results.csv  leaderboard.csv       one line a run; one a submission

    The exit code is 1 when a submission failed on a data set.
    """
    from rich.console import Console

    from autodl_agent.challenge.evaluate import EvaluateConfig
    from autodl_agent.challenge.evaluate import evaluate as run
    from autodl_agent.commands.evaluate_view import LiveWatcher, PlainWatcher, leaderboard_table, results_table

    folder = output or _new_folder(submission)
    live = LiveWatcher() if not quiet and sys.stderr.isatty() else None
    watcher = live or (None if quiet else PlainWatcher())
    config = EvaluateConfig(budget, t0, init_budget, api=api, reading=reading)
    try:
        rows = run([submission, *against], datasets, folder, config, watcher, parent_layout)
    finally:
        if live is not None:
            live.close()
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(results_table(rows))
    if against:
        console.print(leaderboard_table(rows))
    for row in rows:
        if row.status != "ok":
            click.echo(f"{row.submission} on {row.dataset}: {row.status}: {row.message}")
    click.echo(f"Results are in {folder}")
    if any(row.status != "ok" for row in rows):
        context.exit(1)


def _new_folder(submission: Path) -> Path:
    """The first free evaluations/NAME-k."""
    name = re.sub(r"[^\w.-]+", "_", submission.resolve().stem) or "submission"
    k = 1
    while (folder := Path("evaluations") / f"{name}-{k}").exists():
        k += 1
    return folder
