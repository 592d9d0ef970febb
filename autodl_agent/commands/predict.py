"""`autodl predict`: new inputs through the model of a run."""

import sys
from pathlib import Path

import click


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.csv",
    help="File to write.  [default: standard output]",
)
@click.option("--proba", is_flag=True, help="Add a column with the probability of every class.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="X",
    help="Decide for every class with at least this probability.  [default: what suits the task]",
)
@click.option(
    "--top-k",
    type=click.IntRange(min=1),
    metavar="K",
    help="Write the K likeliest classes with their probabilities.",
)
def predict(
    model: Path, data: Path, output: Path | None, proba: bool, threshold: float | None, top_k: int | None
) -> None:
    """Predict the new inputs DATA with MODEL, the folder of a run.

    DATA comes as the training data did, labels not needed: a folder of files, a table (or a list of files), an AutoDL
    folder. Columns are found by name; those that are missing count as empty. A row that cannot be read gets the class
    frequencies and is listed in OUT.skipped.csv.

    Without --threshold the likeliest class is predicted; where rows may have several classes, all that reach the
    threshold which was best for them on held-out rows.
    """
    from autodl_agent.runs.model.prediction_table import predict_files

    done = predict_files(model, data, output, sys.stdout, proba, threshold, top_k)
    click.echo(done, err=True)
