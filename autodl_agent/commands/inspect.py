"""`autodl inspect`: what the program sees in a data set."""

from pathlib import Path
from typing import Any

import click

from autodl_agent.commands.reader_options import reading_options


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option(
    "--preview",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.png",
    help="Also draw a sheet of examples of each class.",
)
@reading_options
def inspect(dataset: Path, as_json: bool, preview: Path | None, reading: Any) -> None:
    """Show what DATASET is: domain and why, classes, sizes, missing values, duplicates, leaks, problems."""
    from autodl_agent.commands.inspect_view import show_json, show_tables
    from autodl_agent.data.inspection.summary import inspect_opened
    from data_format import open_dataset

    opened = open_dataset(dataset, reading)
    facts = inspect_opened(opened)
    if preview is not None:
        from autodl_agent.data.inspection.preview import draw_preview

        draw_preview(opened, preview)
        facts["preview"] = str(preview)
    (show_json if as_json else show_tables)(facts)
