"""What a result depends on beside the options: machine, versions, commit."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from autodl_agent.system.environment import environment

_ROOT = Path(__file__).resolve().parents[2]


@cache
def benchmark_environment() -> dict[str, Any]:
    """JSON values: `machine` (cores, memory, system, Python), `versions` of packages, `commit` or None."""
    return {**environment(), "commit": commit()}


@cache
def commit() -> str | None:
    """The commit of the checkout that this package runs from, with "-dirty" where files differ; None elsewhere."""
    if not (_ROOT / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
