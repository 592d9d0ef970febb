"""Any-time multi-label classification of any kind of data under a time budget.

`run(dataset, output, RunConfig(budget_s=60))` is the whole way; everything else here names what it takes and gives.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autodl_agent.agent import RunResult, run
    from autodl_agent.classifier import AutoDLClassifier
    from autodl_agent.clock import Budget
    from autodl_agent.config import RunConfig
    from autodl_agent.errors import AutoDLError
    from autodl_agent.rounds import Round
    from autodl_agent.task import Domain, Task

__all__ = ["AutoDLClassifier", "AutoDLError", "Budget", "Domain", "Round", "RunConfig", "RunResult", "Task", "run"]

_HOMES = {
    "AutoDLClassifier": "classifier", "AutoDLError": "errors", "Budget": "clock", "Domain": "task", "Round": "rounds",
    "RunConfig": "config", "RunResult": "agent", "Task": "task", "run": "agent",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name on first use: the command line must not pay for what it does not need."""
    if name not in _HOMES:
        raise AttributeError(f"module 'autodl_agent' has no attribute {name!r}")
    return getattr(import_module(f"autodl_agent.{_HOMES[name]}"), name)
