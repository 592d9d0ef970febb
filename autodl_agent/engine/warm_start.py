"""What an earlier run on the same data hands to one that goes on from it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from autodl_agent.data.arrays import Rows
from autodl_agent.data.task import Task

if TYPE_CHECKING:
    from autodl_agent.engine.worker.remote_member import RemoteMember


class WarmStart(Protocol):
    """An earlier run, as the engine sees it; `runs.resume` reads one from its folder."""

    @property
    def rows(self) -> Rows:
        """(m,) numbers of the rows that were held out; empty where its ensemble was not kept."""

    @property
    def to_beat(self) -> float | None:
        """Held-out NAUC above which a prediction is better than its last one; None where none is known."""

    def members(self, task: Task) -> "Sequence[RemoteMember]":
        """Its ensemble as members that learn no more."""
