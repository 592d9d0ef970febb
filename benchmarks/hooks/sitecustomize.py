"""Changes a program from outside: every process that is started with this folder in PYTHONPATH.

Python imports this module by itself when it starts, so `autodl` and its worker process run as they are installed, and
the product needs no door for what only a benchmark wants:

AUTODL_FAULTS=name,name adds these faults to the ladders (benchmarks/chaos.py). AUTODL_FAULTS_HEAVY=1 keeps the real
learners of the worker, whose libraries take seconds to load; without, faults in the worker show from the first second
on. AUTODL_PRIORS=file gives the policy the priors in this file (benchmarks/leave_one_out.py).
"""

import importlib.util
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any


class Hook(MetaPathFinder):
    """Waits for one module to be imported, without importing anything before, and then changes it."""

    def __init__(self, name: str, change: Callable[[Any], None]) -> None:
        self.name, self.change = name, change

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def and_then(module: ModuleType) -> None:
            execute(module)
            self.change(module)

        spec.loader.exec_module = and_then  # type: ignore[method-assign]
        return spec


def add_faults(registry: Any) -> None:
    """Put the faults behind the learners of every ladder."""
    from autodl_agent.learners.testing.faults import add_to_ladders

    names = filter(None, os.environ["AUTODL_FAULTS"].split(","))
    add_to_ladders(names, heavy=bool(os.environ.get("AUTODL_FAULTS_HEAVY")))


def give_priors(priors: Any) -> None:
    """Let the table come from the file."""
    priors.load_priors = partial(priors.load_priors, Path(os.environ["AUTODL_PRIORS"]))


if os.environ.get("AUTODL_FAULTS"):
    sys.meta_path.insert(0, Hook("autodl_agent.learners.registry", add_faults))
if os.environ.get("AUTODL_PRIORS"):
    sys.meta_path.insert(0, Hook("autodl_agent.engine.policy.priors", give_priors))
