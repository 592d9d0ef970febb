"""`autodl export`: the model of a run for other programs."""

from pathlib import Path

import click


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["savedmodel", "onnx", "keras"]),
    required=True,
    help="What to write.",
)
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, metavar="OUT", help="Where to write.")
def export(model: Path, kind: str, output: Path) -> None:
    """Write MODEL, the folder of a run, in a form that other programs serve.

    Only models that can be written whole are: those whose features other programs compute alike. For any other, one
    line says what stands in the way; `autodl predict` serves every model.
    """
    from autodl_agent.runs.model.export import export_model

    click.echo(export_model(model, kind, output))
