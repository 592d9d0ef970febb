"""Two simple policies to compare the planner with: round-robin, and a fixed order of learners.

Pure functions of the same signature as `planner.choose`. Every slice gets the same share of the budget, more where a
learner timed out, since neither guesses costs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from autodl_agent.engine.policy import planner
from autodl_agent.engine.policy.slices import Slice, SliceRecord, is_finished, slices_of, trailing_timeouts
from autodl_agent.learners.registry import LearnerSpec

SLICE_SHARE = 0.1  # of the budget for one slice
MIN_SLICE_S = 3.0
RESERVE_S = 0.3  # at the end, for the prediction that the last slice may lead to


def round_robin(
    history: Sequence[SliceRecord],
    candidates: Sequence[LearnerSpec],
    task: Any,
    elapsed_s: float,
    total_s: float,
    *rest: Any,
) -> Slice | None:
    """The learners in the order of the ladder, over and over, without those that are exhausted or have failed."""
    names = [spec.name for spec in candidates]
    last = next((names.index(record.learner) for record in reversed(history) if record.learner in names), -1)
    turn = [*candidates[last + 1 :], *candidates[: last + 1]]
    return _first_of(turn, history, elapsed_s, total_s)


def fixed_ladder(
    history: Sequence[SliceRecord],
    candidates: Sequence[LearnerSpec],
    task: Any,
    elapsed_s: float,
    total_s: float,
    *rest: Any,
) -> Slice | None:
    """The first learner of the ladder until it is exhausted or has failed, then the next one."""
    return _first_of(candidates, history, elapsed_s, total_s)


def choose_by(name: str) -> Callable[..., Slice | None]:
    """The policy of this name, as the command line has it: policy, round-robin or ladder."""
    return {"policy": planner.choose, "round-robin": round_robin, "ladder": fixed_ladder}[name]


def _first_of(
    specs: Sequence[LearnerSpec], history: Sequence[SliceRecord], elapsed_s: float, total_s: float
) -> Slice | None:
    room = total_s - elapsed_s - RESERVE_S
    if room <= 0:
        return None
    for spec in specs:
        past = slices_of(history, spec)
        if not is_finished(past):
            seconds = min(room, max(MIN_SLICE_S, SLICE_SHARE * total_s) * 2 ** trailing_timeouts(past))
            return Slice(spec, seconds, seconds)
    return None
