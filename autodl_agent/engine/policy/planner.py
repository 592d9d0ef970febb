"""What to do next: a pure function of the history, the time left and the task; no clock, no state, no order assumed.

The next slices of all learners that may go on are put in the order that promises most, and the first is chosen. An
order is worth the sum over its slices, each of which begins when the one before has ended, of

    gain × (1 − t~(end) + final_score_weight)        with t~ the challenge's log time, ln(1 + t/60) / ln(1 + T/60):

what the gain adds to the area under the learning curve, and a tenth of what it adds to the last prediction. Slices
that would end too late add nothing: so an expensive one with a large gain is not put off by small cheap ones until it
does not fit any more, which is what the gain per second alone would do. (Weighted completion times: Smith 1956, with a
deadline.) What a slice costs and gains is expected by `costs` and `gains`.

A slice that cannot finish in the time left is not started. One that can only if its cost was guessed too high comes
after all that fit, by gain per second; it is started since that time has no other use.

`choose` may be called for several lanes that share a history: it asks of a record only which learner it belongs to.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autodl_agent.data.task import Task
from autodl_agent.engine.policy.config import DEFAULT, PolicyConfig
from autodl_agent.engine.policy.costs import expected_cost_s, pace_of
from autodl_agent.engine.policy.gains import expected_gain
from autodl_agent.engine.policy.priors import Priors, load_priors
from autodl_agent.engine.policy.slices import (
    Slice,
    SliceRecord,
    has_result,
    is_finished,
    slices_of,
    trailing_timeouts,
)
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.scoring.alc import T0_S

__all__ = ["Candidate", "Slice", "SliceRecord", "choose", "first_of_plan"]


@dataclass(frozen=True)
class Candidate:
    """A slice that may be next, with the NAUC that it is expected to add."""

    slice: Slice
    gain: float

    @property
    def cost_s(self) -> float:
        """Seconds that it is expected to take, never quite 0."""
        return max(self.slice.expected_cost_s, 1e-3)


def choose(
    history: Sequence[SliceRecord],
    candidates: Sequence[LearnerSpec],
    task: Task,
    elapsed_s: float,
    total_s: float,
    folds: int = 1,
    priors: Priors | None = None,
    config: PolicyConfig = DEFAULT,
) -> Slice | None:
    """The first slice of the best order of those that fit the time left, or None when nothing useful fits.

    history: all slices of all lanes, in the order in which they ended. candidates: the learners to choose from, the
    first of which gives the first answer. priors: the package's own by default.
    """
    table = load_priors() if priors is None else priors
    left = total_s - elapsed_s
    room = left - min(config.reserve_s, config.reserve_share * left)
    best_nauc = max((record.best_nauc for record in history), default=0.0)
    pace = pace_of(history, candidates, task, folds, table, config)
    fits: list[Candidate] = []
    may_fit: list[Candidate] = []
    for spec in candidates:
        past = slices_of(history, spec)
        if is_finished(past):
            continue
        prior = table.get((str(task.domain), spec.name))
        cost = expected_cost_s(spec, past, task, folds, prior, pace, config)
        least = config.min_cost_ratio_measured if has_result(past) else config.min_cost_ratio_guessed
        if history and cost * least > room:
            continue
        found = Slice(spec, min(room, _patience_s(cost, past, config)), cost)
        if not history:  # the first learner is the one built to answer at once
            return found
        gain = expected_gain(spec, past, best_nauc, prior, cost, config)
        (fits if cost <= room else may_fit).append(Candidate(found, gain))
    if fits:
        return first_of_plan(fits, elapsed_s, elapsed_s + room, total_s, config)
    return max(may_fit, key=lambda one: one.gain / one.cost_s).slice if may_fit else None


def first_of_plan(
    candidates: Sequence[Candidate], elapsed_s: float, until_s: float, total_s: float, config: PolicyConfig = DEFAULT
) -> Slice:
    """What comes first in the best order of these slices; all must end by until_s or bring nothing.

    Of more than `max_planned_slices` those with the highest gain per second are put in order.
    """

    def worth(candidate: Candidate, begin_s: float) -> float:
        return candidate.gain * (1 - _log_time(begin_s + candidate.cost_s, total_s) + config.final_score_weight)

    def value(waiting: Sequence[Candidate], begin_s: float) -> float:
        best = 0.0
        for place, candidate in enumerate(waiting):
            end_s = begin_s + candidate.cost_s
            if end_s <= until_s:
                rest = (*waiting[:place], *waiting[place + 1 :])
                best = max(best, worth(candidate, begin_s) + value(rest, end_s))
        return best

    by_rate = sorted(candidates, key=lambda candidate: -worth(candidate, elapsed_s) / candidate.cost_s)
    planned = by_rate[: config.max_planned_slices]
    values = [
        worth(candidate, elapsed_s) + value((*planned[:k], *planned[k + 1 :]), elapsed_s + candidate.cost_s)
        for k, candidate in enumerate(planned)
    ]
    return planned[values.index(max(values))].slice


def _patience_s(cost: float, past: Sequence[SliceRecord], config: PolicyConfig) -> float:
    """Seconds after which a slice must have returned; twice as many after every one that did not."""
    return float(max(config.patience * cost, config.min_slice_s) * 2.0 ** trailing_timeouts(past))


def _log_time(t: float, total: float) -> float:
    return min(1.0, math.log1p(t / T0_S) / math.log1p(total / T0_S))
