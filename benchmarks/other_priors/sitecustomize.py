"""Gives every process that is started with this folder in PYTHONPATH the policy's priors in the file AUTODL_PRIORS.

Python imports this module by itself when it starts, so `autodl` runs as it is installed, and the product needs no
option that only a benchmark wants. See benchmarks/leave_one_out.py.
"""

import importlib.util
import os
import sys
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

PRIORS = "autodl_agent.priors"


class Hook(MetaPathFinder):
    """Waits for the priors to be imported, without importing anything before."""

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != PRIORS:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def and_then(module: ModuleType) -> None:
            execute(module)
            module.load_priors = partial(module.load_priors, Path(os.environ["AUTODL_PRIORS"]))  # type: ignore[attr-defined]

        spec.loader.exec_module = and_then  # type: ignore[method-assign]
        return spec


if os.environ.get("AUTODL_PRIORS"):
    sys.meta_path.insert(0, Hook())
