"""Two simple ways to choose the next slice, to compare the policy with: in turn, and one rung after the other.

Pure functions of the same signature as `policy.choose`. Every slice gets the same share of the budget, more where a
learner timed_out, since neither guesses costs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from autodl_agent.engine.policy import planner
from autodl_agent.engine.policy.planner import Slice, SliceRecord
from autodl_agent.learners.registry import LearnerSpec

SHARE = 0.1  # of the budget for one slice
LEAST_S = 3.0
KEPT_S = 0.3  # at the end, for the prediction that the last slice may lead to


def round_robin(
    history: Sequence[SliceRecord],
    candidates: Sequence[LearnerSpec],
    task: Any,
    elapsed_s: float,
    total_s: float,
    *rest: Any,
) -> Slice | None:
    """The learners in the order of the ladder, over and over, those left out that are exhausted or have failed."""
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
    room = total_s - elapsed_s - KEPT_S
    if room <= 0:
        return None
    for spec in specs:
        past = [record for record in history if record.learner == spec.name]
        if past and (past[-1].failed or not past[-1].more):
            continue
        timed_out = 0
        while timed_out < len(past) and past[-1 - timed_out].timed_out:
            timed_out += 1
        seconds = min(room, max(LEAST_S, SHARE * total_s) * 2**timed_out)
        return Slice(spec, seconds, seconds)
    return None
