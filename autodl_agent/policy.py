"""What to do next: a pure function of the history, the time left and the task; no clock, no state.

Every learner that may go on is scored by the expected gain in area under the learning curve per second,

    gain × (1 − t~(now + cost)) / cost        with t~ the challenge's log time, ln(1 + t/60) / ln(1 + T/60).

Exploitation: a learner that has run is expected to gain a share of what its last slice gained (learning curves
flatten) and to cost more than its last slice (increments grow). Exploration: an untried learner is expected to reach
its prior (`LearnerSpec.expected`, measured on benchmark data) and never less than a small bonus, so that everything
affordable is tried once. A slice that is not expected to finish in the time left comes after all that are; it is still
started where the guess of its cost may be too high, since the time has no other use.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.task import Task

FADE = 0.5  # share of the last gain that the next slice is expected to bring
GROWTH = 1.6  # an increment costs this much more than the one before
LEAST_GAIN = 0.002  # what a learner with more to do may always bring
BONUS = 0.02  # for the untried: ensembles gain from difference even where the prior is no better
PATIENCE = 3.0  # a slice may take this many times its expected cost before its deadline
GUESSED_TOO_HIGH = 0.25  # a slice may turn out to cost this share of what was expected
T0 = 60.0


@dataclass(frozen=True)
class Record:
    """What one past slice did.

    nauc: the learner's held-out NAUC after it, None when it could not be judged. starved: the deadline came before a
    result; what was decoded is kept, so a longer slice may get there.
    """

    learner: str
    seconds: float
    nauc: float | None
    best_nauc: float
    more: bool
    failed: bool = False
    starved: bool = False


@dataclass(frozen=True)
class Slice:
    """The next slice: which learner, and the seconds after which it must have returned."""

    spec: LearnerSpec
    seconds: float
    expected_cost_s: float


def choose(
    history: Sequence[Record],
    ladder: Sequence[LearnerSpec],
    task: Task,
    gone_s: float,
    total_s: float,
    folds: int = 1,
) -> Slice | None:
    """The slice with the highest expected gain per second, or None when nothing useful fits in the time left."""
    left = total_s - gone_s
    room = left - min(0.4, 0.1 * left)
    best: tuple[bool, float, Slice] | None = None
    for position, spec in enumerate(ladder):
        past = [record for record in history if record.learner == spec.name]
        if past and (past[-1].failed or not past[-1].more):
            continue
        cost = expected_cost_s(spec, past, task, folds)
        if history and cost * GUESSED_TOO_HIGH > room:
            continue
        gain = expected_gain(spec, past, history[-1].best_nauc if history else 0.0)
        # The first rung is the one built to answer at once; later, the expected gain per second decides.
        score = gain * (1 - _log_time(gone_s + cost, total_s)) / max(cost, 1e-3) if history else float(-position)
        rank = (cost <= room, score)
        if best is None or rank > best[:2]:
            allowed = min(room, max(PATIENCE * cost, 3.0) * 2 ** _starved_at_the_end(past))
            best = (*rank, Slice(spec, allowed, cost))
    return best[2] if best else None


def expected_cost_s(spec: LearnerSpec, past: Sequence[Record], task: Task, folds: int) -> float:
    """Seconds of the next slice: measured growth where there is a past, the ladder's first guess otherwise."""
    if past:
        return past[-1].seconds * GROWTH
    rows = min(task.n_train, 20_000) + task.n_test
    return spec.start_s + spec.example_ms / 1000 * rows * (1 + 0.3 * (folds - 1))


def expected_gain(spec: LearnerSpec, past: Sequence[Record], best_nauc: float) -> float:
    """NAUC that the next slice is expected to add to the ensemble."""
    room = max(1 - best_nauc, 0.0)
    if not past:
        return min(max(spec.expected - best_nauc, 0.0) + BONUS, room + LEAST_GAIN)
    judged = [record.nauc for record in past if record.nauc is not None]
    last = judged[-1] - judged[-2] if len(judged) > 1 else 0.1 * room
    behind = max(0.0, best_nauc - judged[-1]) if judged else 0.0
    return max(FADE * last - 0.5 * behind, LEAST_GAIN * min(1.0, room * 10))


def _starved_at_the_end(past: Sequence[Record]) -> int:
    count = 0
    while count < len(past) and past[-1 - count].starved:
        count += 1
    return count


def _log_time(t: float, total: float) -> float:
    return min(1.0, math.log1p(t / T0) / math.log1p(total / T0))
