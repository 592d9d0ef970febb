"""`autodl bundle`: the agent as a challenge submission."""

from pathlib import Path

import click


@click.command()
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--with-weights", is_flag=True, help="Add the pretrained files found on this machine.")
def bundle(out: Path, with_weights: bool) -> None:
    """Write the agent as a challenge submission to the zip file OUT.

    The zip has model.py at its root and runs, unzipped anywhere, where TensorFlow, NumPy, scikit-learn and LightGBM
    are installed. `autodl evaluate OUT DATASET` tries it by the challenge's rules.
    """
    from autodl_agent.challenge.submission.bundle import found_weights, write_bundle

    weights = found_weights() if with_weights else {}
    size = write_bundle(out, weights)
    click.echo(f"{out}: {size / 2**20:.1f} MB" + (f", with {', '.join(sorted(weights))}" if weights else ""))
