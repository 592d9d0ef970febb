"""What one slice did, and what the rounds are handed from outside."""

from collections.abc import Callable
from dataclasses import dataclass, field

from autodl_agent.data.arrays import Probabilities
from autodl_agent.engine.policy import planner
from autodl_agent.engine.snapshot import Snapshot

Choose = Callable[..., planner.Slice | None]


Keep = Callable[[Snapshot], None]


@dataclass(frozen=True)
class Round:
    """What one slice did.

    started_s, ended_s: seconds since the budget's zero. member_nauc, ensemble_nauc: on held-out rows, None where
    there are none. prediction: (n_test, classes) when there is a better one than before, else None.
    weights: learner -> weight in the ensemble. error: why the learner was disabled, else "". more: whether the learner
    could go on. next_s: seconds that the learner expects its next slice to take, None where it cannot tell.
    """

    number: int
    learner: str
    started_s: float
    ended_s: float
    member_nauc: float | None = None
    ensemble_nauc: float | None = None
    prediction: Probabilities | None = None
    weights: dict[str, float] = field(default_factory=dict)
    error: str = ""
    more: bool = False
    next_s: float | None = None
