"""`autodl convert`: any data set in AutoDL format."""

from pathlib import Path
from typing import Any

import click

from autodl_agent.commands.reader_options import reading_options


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="Name of the data set in its files.  [default: that of DATASET]")
@click.option(
    "--unlabelled", is_flag=True, help="DATASET has no labels: write OUT/unlabelled, rows in the order given."
)
@click.option(
    "--output-dim",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --unlabelled: number of classes.  [default: lines of label.name]",
)
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@reading_options
def convert(
    dataset: Path, out: Path, name: str | None, unlabelled: bool, output_dim: int | None, quiet: bool, reading: Any
) -> None:
    """Write DATASET in AutoDL format to the folder OUT.

    OUT appears when everything is written; a conversion that was stopped is simply started again.
    """
    from autodl_agent.data.convert import convert as convert_labelled
    from autodl_agent.data.convert import convert_unlabelled
    from autodl_agent.data.inspection.task_warnings import problem_summary

    if output_dim is not None and not unlabelled:
        raise click.UsageError(f"--output-dim {output_dim} goes with --unlabelled only")
    with _progress(quiet) as tick:
        if unlabelled:
            done = convert_unlabelled(dataset, out, reading, output_dim, tick)
        else:
            done = convert_labelled(dataset, out, reading, name, tick)
    if not quiet:
        if summary := problem_summary(done.problems):
            click.echo(summary)
        click.echo(f"{done.n_train} training and {done.n_test} test rows are in {done.folder}")


def _progress(quiet: bool) -> Any:
    """A counter of examples on the error stream, or nothing."""
    from contextlib import contextmanager

    @contextmanager
    def shown() -> Any:
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        columns = (TextColumn("written"), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
            line = bar.add_task("", total=None)
            yield lambda: bar.advance(line)

    return shown()
