"""What every test shares: one thread for linear algebra, no worker unless asked for, and the mark `slow`.

One thread as in every run: on busy cores OpenBLAS's own threads wait more than they work. No worker process where a
test does not ask for one: each would load TensorFlow for some seconds.

`slow` marks what starts a process, loads TensorFlow or plays a whole run, by the table below and nowhere else.
`make quick` leaves it out, and refuses processes and TensorFlow, so that the table cannot go stale unnoticed.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from autodl_agent.machine import calm_blas

calm_blas()
os.environ["AUTODL_WORKER"] = "off"

TESTS = Path(__file__).parent

# Files, or single tests of a file, that belong to the slow lane.
SLOW = frozenset[str]()

STARTS_A_PROCESS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
TENSORFLOW = {"tensorflow", "tf_keras", "keras"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the slow lane."""
    for item in items:
        file = item.path.relative_to(TESTS).as_posix()
        test = item.name.partition("[")[0]
        if file in SLOW or f"{file}::{test}" in SLOW:
            item.add_marker(pytest.mark.slow)


def pytest_configure(config: pytest.Config) -> None:
    """In the quick lane a process or TensorFlow is a fault of the test."""
    if config.getoption("markexpr") == "not slow":
        sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in STARTS_A_PROCESS or (event == "import" and arguments[0] in TENSORFLOW):
        raise AssertionError(f"{event} {arguments[0]!r} in the quick lane: add the test to SLOW in tests/conftest.py")
