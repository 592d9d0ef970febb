"""What the policy is given and what it gives: records of past slices, and the next one."""

from collections.abc import Sequence
from dataclasses import dataclass

from autodl_agent.learners.registry import LearnerSpec


@dataclass(frozen=True)
class SliceRecord:
    """What one past slice did.

    nauc: the learner's held-out NAUC after it, None when it could not be judged. best_nauc: that of the ensemble.
    timed_out: the deadline came before a result; what was decoded is kept, so a longer slice may get there.
    next_s: what the learner itself expects its next slice to take, None where it cannot tell.
    """

    learner: str
    seconds: float
    nauc: float | None
    best_nauc: float
    more: bool
    failed: bool = False
    timed_out: bool = False
    next_s: float | None = None


@dataclass(frozen=True)
class Slice:
    """The next slice: which learner, and the seconds after which it must have returned."""

    spec: LearnerSpec
    seconds: float
    expected_cost_s: float


def slices_of(history: Sequence[SliceRecord], spec: LearnerSpec) -> list[SliceRecord]:
    """The past slices of one learner, in order."""
    return [record for record in history if record.learner == spec.name]


def is_finished(past: Sequence[SliceRecord]) -> bool:
    """Whether a learner with this past is exhausted or has failed."""
    return bool(past) and (past[-1].failed or not past[-1].more)


def has_result(past: Sequence[SliceRecord]) -> bool:
    """Whether any slice came to a result."""
    return any(not record.timed_out for record in past)


def trailing_timeouts(past: Sequence[SliceRecord]) -> int:
    """How many slices without a result there were since the last one with a result."""
    count = 0
    while count < len(past) and past[-1 - count].timed_out:
        count += 1
    return count
