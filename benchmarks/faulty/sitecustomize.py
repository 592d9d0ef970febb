"""Adds the faults in AUTODL_FAULTS to the ladders of every process that is started with this folder in PYTHONPATH.

Python imports this module by itself when it starts, so `autodl` and its worker process run as they are installed, and
the product needs no door for faults. AUTODL_FAULTS_HEAVY=1 keeps the real learners of the worker, whose libraries take
seconds to load; without, faults in the worker show from the first second on. See benchmarks/chaos.py.
"""

import importlib.util
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

REGISTRY = "autodl_agent.learners.registry"


class Hook(MetaPathFinder):
    """Waits for the registry of learners to be imported, without importing anything before."""

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def and_then(module: ModuleType) -> None:
            execute(module)
            from autodl_agent.faults import add_to_ladders

            names = filter(None, os.environ["AUTODL_FAULTS"].split(","))
            add_to_ladders(names, heavy=bool(os.environ.get("AUTODL_FAULTS_HEAVY")))

        spec.loader.exec_module = and_then  # type: ignore[method-assign]
        return spec


if os.environ.get("AUTODL_FAULTS"):
    sys.meta_path.insert(0, Hook())
