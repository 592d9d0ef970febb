"""`autodl run`: train and predict until the budget is used."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autodl_agent.commands.benchmark import POLICIES
from autodl_agent.commands.param_types import SECONDS, MemorySize, names_of
from autodl_agent.commands.reader_options import reading_options
from autodl_agent.system.clock import Budget

if TYPE_CHECKING:
    from autodl_agent.runs.report.tensorboard import EventLog


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--budget",
    type=SECONDS,
    default=1200.0,
    show_default=True,
    metavar="SECONDS",
    help="Time from the launch of the program to its last prediction.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the results go.  [default: a new folder under runs/]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random choice.")
@click.option(
    "--memory",
    type=MemorySize(),
    metavar="SIZE",
    help="Most memory for decoded data, such as 800M or 2G.  [default: a quarter of what is there]",
)
@click.option("--learners", default="", metavar="A,B", help="Use these learners alone; a wrong name lists all.")
@click.option("--policy", type=click.Choice(POLICIES), default=POLICIES[0], hidden=True)
@click.option(
    "--log-dir", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write scalars for TensorBoard."
)
@click.option("--mlflow", is_flag=True, help="Log the finished run with MLflow, where its own variables say.")
@click.option("--overwrite", is_flag=True, help="Replace the run that DIR already holds.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Go on from the run in DIR, however it ended; --budget comes on top of the time that it used.",
)
@click.option("--use-all-budget", is_flag=True, help="Go on to the end, even where nothing seems left to gain.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@reading_options
def run(
    dataset: Path,
    budget: float,
    output: Path | None,
    seed: int,
    memory: int | None,
    learners: str,
    policy: str,
    log_dir: Path | None,
    mlflow: bool,
    overwrite: bool,
    resume: Path | None,
    use_all_budget: bool,
    quiet: bool,
    reading: Any,
) -> None:
    """Train on DATASET and predict its test rows until the budget is used.

    \b
    DATASET is one of
      NAME.data or its parent          AutoDL format (TFRecords)
      train/ test/ labels_train.csv    files with a label table
      train/CLASS/… or CLASS/…         class folders
      train.csv [test.csv]             a table, or texts with labels

    \b
    DIR then holds
      predictions/NAME.predict_0 …     test rows × classes, one file each time it got better
      predictions.csv                  the last one, for people
      classes.txt  test_rows.txt       names of the columns and of the rows
      report.html                      the run as a page, from its first seconds on
      learning_curve.csv  learning_curve.png  skipped.csv  run.json  log.txt
    """
    from autodl_agent.commands.progress import make_progress
    from autodl_agent.data.inspection.task_warnings import problem_summary
    from autodl_agent.engine.policy.baselines import choose_by
    from autodl_agent.runs.agent import run as run_agent
    from autodl_agent.runs.config import RunConfig
    from autodl_agent.runs.resume import read_previous_run

    if mlflow:
        from autodl_agent.runs.report.mlflow import check_mlflow, track

        check_mlflow()
    clock, previous = Budget.from_launch(budget), None
    if resume is not None:
        if output is not None or overwrite:
            raise click.UsageError("--resume goes on in its own folder; leave out --output and --overwrite")
        previous, output = read_previous_run(resume), resume
        clock = clock.after(previous.seconds)
    progress = None if quiet else make_progress(clock)
    config = RunConfig(
        budget_s=budget,
        seed=seed,
        memory_bytes=memory,
        overwrite=overwrite,
        learners=names_of(learners),
        use_all_budget=use_all_budget,
        reading=reading,
    )
    events = _event_log(log_dir, clock) if log_dir else None
    watchers = [one.watch for one in (progress, events) if one]

    def watch(task: Any, played: Any, written: float | None) -> None:
        for watcher in watchers:
            watcher(task, played, written)

    try:
        result = run_agent(dataset, output or _new_folder(dataset), config, clock, choose_by(policy), watch, previous)
    finally:
        if progress:
            progress.close()
    if events:
        events.close(result.test_curve)
    if mlflow:
        track(result.folder, result.curve, clock)
    if not quiet:
        nauc = "" if result.held_out_nauc is None else f", held-out NAUC {result.held_out_nauc:.4f}"
        click.echo(f"{result.n_predictions} predictions in {result.seconds:.1f} s{nauc} ({result.reason})")
        if summary := problem_summary(result.problems):
            click.echo(f"{summary} (all in skipped.csv)")
        report = result.folder / "report.html"
        click.echo(f"Results are in {result.folder}" + (f", the report in {report}" if report.exists() else ""))


def _event_log(folder: Path, clock: Budget) -> "EventLog":
    from autodl_agent.runs.report.tensorboard import EventLog

    return EventLog(folder, clock)


def _new_folder(dataset: Path) -> Path:
    """The first free runs/NAME-k, so that no run ever meets another one's files."""
    name = re.sub(r"[^\w.-]+", "_", dataset.resolve().stem) or "run"
    k = 1
    while (folder := Path("runs") / f"{name}-{k}").exists():
        k += 1
    return folder
