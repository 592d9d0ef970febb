"""Changes `autodl` from outside for benchmarks/chaos.py, in every process started with this folder in PYTHONPATH.

Python imports this module by itself when it starts, so the command and its worker process run as they are installed,
and the product needs no door for faults. AUTODL_FAULTS=NAME,NAME adds these faults to all ladders, and lets short runs
have a worker. AUTODL_FAULTS_LIBRARIES=1: the worker loads its large libraries as usual, where it is quicker without.
"""

import importlib.util
import os
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def add_faults(registry: ModuleType) -> None:
    from autodl_agent.faults import add_to_ladders

    add_to_ladders(filter(None, os.environ["AUTODL_FAULTS"].split(",")))


def hurry_worker(start: Any) -> None:
    start.LEAST_S = 1.0
    if not os.environ.get("AUTODL_FAULTS_LIBRARIES"):
        start.LIBRARIES = ()


class Hook(MetaPathFinder):
    """Waits for modules to be imported and changes them then, without importing anything before."""

    changes: dict[str, Callable[[ModuleType], None]] = {
        "autodl_agent.learners.registry": add_faults,
        "autodl_agent.worker.start": hurry_worker,
    }

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        change = self.changes.pop(name, None)
        spec = importlib.util.find_spec(name) if change else None
        if change is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def and_then(module: ModuleType) -> None:
            execute(module)
            change(module)

        spec.loader.exec_module = and_then  # type: ignore[method-assign]
        return spec


if os.environ.get("AUTODL_FAULTS"):
    sys.meta_path.insert(0, Hook())
