"""Any-time multi-label classification of any kind of data under a time budget.

`run(dataset, output, RunConfig(budget_s=60))` is the whole way; everything else here names what it takes and gives.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autodl_agent.data.task import Domain, Task
    from autodl_agent.engine.rounds import Round
    from autodl_agent.runs.agent import run
    from autodl_agent.runs.classifier import AutoDLClassifier
    from autodl_agent.runs.config import RunConfig
    from autodl_agent.runs.result import RunResult
    from autodl_agent.system.clock import Budget
    from autodl_agent.system.errors import AutoDLError

__all__ = ["AutoDLClassifier", "AutoDLError", "Budget", "Domain", "Round", "RunConfig", "RunResult", "Task", "run"]

_HOMES = {
    "AutoDLClassifier": "runs.classifier",
    "AutoDLError": "system.errors",
    "Budget": "system.clock",
    "Domain": "data.task",
    "Round": "engine.rounds",
    "RunConfig": "runs.config",
    "RunResult": "runs.result",
    "Task": "data.task",
    "run": "runs.agent",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use: the command line must not pay for what it does not need."""
    if name not in _HOMES:
        raise AttributeError(f"module 'autodl_agent' has no attribute {name!r}")
    return getattr(import_module(f"autodl_agent.{_HOMES[name]}"), name)
