"""What to do next: a pure function of the history, the time left and the task; no clock, no state, no order assumed.

The next slices of all learners that may go on are put in the order that promises most, and the first is chosen. An
order is worth the sum over its slices, each of which begins when the one before has ended, of

    gain × (1 − t~(end) + LAST)        with t~ the challenge's log time, ln(1 + t/60) / ln(1 + T/60):

what the gain adds to the area under the learning curve, and LAST times what it adds to the last prediction. Slices that
would end too late add nothing: so a dear one with a large gain is not put off by small cheap ones until it does not fit
any more, which is what the gain per second alone would do. (Weighted completion times: Smith 1956, with a deadline.)

Costs. Untried: start_s + fold_s × folds + example_ms × rows by the LearnerSpec, times what benchmarks found
(`Prior.cost`), times the pace of this run: how the first slices of other learners compared with their guesses, short
ones counting less, halved in logarithm. Tried: what the learner itself says (`Learner.next_s`), else the seconds of its
last slice × growth, the geometric mean of the growth seen and GROWTH_WEIGHT times the prior's; out of time before its
first result: what is left of the guess, since what it computed is kept.

Gains, with room = 1 − NAUC of the ensemble. Untried (exploration): room × (Prior.first + BONUS_SHARE); without a prior
what `expected` promises, and a small bonus, so that everything affordable is tried once. Tried (exploitation): its own
error falls as a power of its seconds, e(s) ∝ s^−b, where b is fitted to its own points and RATE_WEIGHT doublings of the
prior's rate: a slice that only filled a cache does not end a learner, several do. What the ensemble gains by it follows
from taking members for estimates with errors of their own, which add up like resistors in parallel:

    room' ^ −q  =  room ^ −q  +  e(s')^ −q  −  e(s)^ −q        with q = DIVERSITY

so what leads counts fully, what is far behind hardly at all. A learner with a prior is judged in part (BY_PRIOR; more,
BY_PRIOR_ALONE, while its own curve is a single point) by the share of the room that this slice of it, the second or a
later one, closed in the benchmark.

A slice that cannot finish in the time left is not started. One that can only if its cost was guessed too high comes
after all that fit, by gain per second; it is started since that time has no other use.

`choose` may be called for several lanes that share a history: it asks of a record only which learner it belongs to.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autodl_agent.data.task import Task
from autodl_agent.engine.policy.priors import Prior, Priors, load_priors
from autodl_agent.learners.registry import LearnerSpec

GROWTH = 1.6  # an increment costs this much more than the one before
GROWTH_WEIGHT = 4.0
GROWTHS = (0.25, 6.0)
RATE = 0.15  # exponent of a learning curve of which nothing is known
RATE_WEIGHT = 5.0
DOUBLING = math.log(2) ** 2
WITHIN = 8.0  # a learner is to reach what it promises when it has spent this many times the seconds of its first slice
DIVERSITY = 2.0  # exponent of the parallel errors; larger: the less what is behind counts
BY_PRIOR = 0.4  # weight of the benchmark's share in the gain of a tried learner
BY_PRIOR_ALONE = 0.7  # the same of one whose own curve has a single point
LEAST_SHARE = 0.002  # of the room: what a learner with more to do may always bring
BONUS = 0.02  # for the untried without a prior: ensembles gain from difference even where they are no better
UNKNOWN_SHARE = 0.1  # of the room, which that bonus never exceeds
BONUS_SHARE = 0.01  # of the room, for the untried with one: this set may be another than those of the benchmark
TELLING_S = 3.0  # a first slice of fewer seconds says less of the pace: imports and caches are much of it
LEAST_LEFT = 0.4  # share of a slice without a result that the next one takes at least
PATIENCE = 3.0  # a slice may take this many times its expected cost before its deadline
TOO_HIGH = 0.25  # a guessed slice may turn out to cost this share of what was expected …
TOO_HIGH_MEASURED = 0.5  # … one that follows others no less than this
MOST_ROWS = 20_000  # training rows that a first slice looks at
T0 = 60.0
LAST = 0.1  # what the last prediction counts besides the area under the curve: it is the one that is used
MOST_PLANNED = 6  # slices of which every order is tried: up to 2,000 in a few milliseconds


@dataclass(frozen=True)
class SliceRecord:
    """What one past slice did.

    nauc: the learner's held-out NAUC after it, None when it could not be judged. timed_out: the deadline came before a
    result; what was decoded is kept, so a longer slice may get there. next_s: what the learner itself expects its next
    slice to take, None where it cannot tell.
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


@dataclass(frozen=True)
class Candidate:
    """A slice that fits the time left, with the NAUC that it is expected to add."""

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
) -> Slice | None:
    """The first slice of the best order of those that fit the time left, or None when nothing useful fits.

    history: all slices of all lanes, in the order in which they ended. ladder: the learners to choose from.
    """
    table = load_priors() if priors is None else priors
    left = total_s - elapsed_s
    room = left - min(0.4, 0.1 * left)
    best_nauc = max((record.best_nauc for record in history), default=0.0)
    pace = pace_of(history, candidates, task, folds, table)
    fits: list[Candidate] = []
    best: tuple[float, Slice] | None = None  # of those that only may fit
    for spec in candidates:
        past = [record for record in history if record.learner == spec.name]
        if past and (past[-1].failed or not past[-1].more):
            continue
        prior = table.get((str(task.domain), spec.name))
        cost = expected_cost_s(spec, past, task, folds, prior, pace)
        if history and cost * (TOO_HIGH_MEASURED if _results(past) else TOO_HIGH) > room:
            continue
        gain = expected_gain(spec, past, best_nauc, prior, cost)
        found = Slice(spec, min(room, max(PATIENCE * cost, 3.0) * 2.0 ** _timed_out_at_the_end(past)), cost)
        if not history:  # the first rung is the one built to answer at once
            return found
        if cost <= room:
            fits.append(Candidate(found, gain))
        elif best is None or gain / max(cost, 1e-3) > best[0]:
            best = (gain / max(cost, 1e-3), found)
    if fits:
        return first_of_plan(fits, elapsed_s, elapsed_s + room, total_s)
    return best[1] if best else None


def first_of_plan(candidates: Sequence[Candidate], elapsed_s: float, until_s: float, total_s: float) -> Slice:
    """What comes first in the best order of these slices; all must end by until_s or bring nothing.

    Of more than MOST_PLANNED those with the highest gain per second are put in order.
    """

    def worth(candidate: Candidate, begin_s: float) -> float:
        return candidate.gain * (1 - _log_time(begin_s + candidate.cost_s, total_s) + LAST)

    def value(waiting: Sequence[Candidate], begin_s: float) -> float:
        best = 0.0
        for place, candidate in enumerate(waiting):
            end_s = begin_s + candidate.cost_s
            if end_s <= until_s:
                rest = (*waiting[:place], *waiting[place + 1 :])
                best = max(best, worth(candidate, begin_s) + value(rest, end_s))
        return best

    quickest = sorted(candidates, key=lambda candidate: -worth(candidate, elapsed_s) / candidate.cost_s)[:MOST_PLANNED]
    values = [
        worth(candidate, elapsed_s) + value((*quickest[:k], *quickest[k + 1 :]), elapsed_s + candidate.cost_s)
        for k, candidate in enumerate(quickest)
    ]
    return quickest[values.index(max(values))].slice


def expected_cost_s(
    spec: LearnerSpec,
    past: Sequence[SliceRecord],
    task: Task,
    folds: int,
    prior: Prior | None = None,
    pace: float = 1.0,
) -> float:
    """Seconds of the next slice: measured growth where there is a past, the guess for the first one otherwise."""
    if past and past[-1].next_s is not None:
        return past[-1].next_s
    if _results(past):
        return past[-1].seconds * _growth(past, prior)
    guessed = guess_s(spec, task, folds) * (prior.cost if prior else 1.0) * pace
    if not past:
        return guessed
    return max(guessed - sum(record.seconds for record in past), LEAST_LEFT * past[-1].seconds)


def guess_s(spec: LearnerSpec, task: Task, folds: int) -> float:
    """Seconds of the first slice by the ladder's table: imports, a price per fold, one per training and test row."""
    rows = min(task.n_train, MOST_ROWS) + task.n_test
    return spec.start_s + spec.fold_s * folds + spec.example_ms / 1000 * rows * (1 + 0.3 * (folds - 1))


def pace_of(
    history: Sequence[SliceRecord], candidates: Sequence[LearnerSpec], task: Task, folds: int, priors: Priors
) -> float:
    """How slow this machine and these examples are: measured over guessed first slices, in 0.25 … 4."""
    total = weights = 0.0
    for spec in candidates:
        first = next((record for record in history if record.learner == spec.name), None)
        if first is not None and not (first.failed or first.timed_out):
            guess = expected_cost_s(spec, [], task, folds, priors.get((str(task.domain), spec.name)))
            weight = min(1.0, first.seconds / TELLING_S)
            total, weights = total + weight * math.log(max(first.seconds, 1e-3) / max(guess, 1e-3)), weights + weight
    # Halved and shrunk: learners of one task are slow together, though not in step.
    return math.exp(min(max(0.5 * total / (weights + 1), math.log(0.25)), math.log(4)))


def expected_gain(
    spec: LearnerSpec, past: Sequence[SliceRecord], best_nauc: float, prior: Prior | None = None, cost_s: float = 0.0
) -> float:
    """NAUC that the next slice, of cost_s seconds, is expected to add to the ensemble."""
    room = max(1 - best_nauc, 1e-6)
    judged = [record.nauc for record in past if record.nauc is not None]
    if not _results(past):
        return room * min(prior.first + BONUS_SHARE, 1.0) if prior else _promise(spec, best_nauc)
    least, played = LEAST_SHARE * room, sum(not record.timed_out for record in past)
    if not judged:
        return max(room * prior.share(played) if prior else 0.1 * room, least)
    spent = sum(record.seconds for record in past)
    own = max(judged)
    rate = learning_rate(past, prior.rate if prior else promised_rate(judged[0], own, spec.expected))
    after = max(1 - own, 1e-6) * math.exp(-rate * math.log1p(cost_s / max(spent, 1e-3)))
    gain = parallel_gain(room, 1 - own, after)
    if prior:
        weight = BY_PRIOR if len(judged) > 1 else BY_PRIOR_ALONE
        gain = (1 - weight) * gain + weight * room * prior.share(played)
    return max(gain, least)


def parallel_gain(room: float, before: float, after: float) -> float:
    """By how much the ensemble's error `room` falls when that of one member falls from `before` to `after`."""
    before, after = max(before, room), max(after, 1e-6)
    more = max((room / after) ** DIVERSITY - (room / before) ** DIVERSITY, 0.0)
    return room * (1 - math.pow(1 + more, -1 / DIVERSITY))


def _promise(spec: LearnerSpec, best_nauc: float) -> float:
    """What an untried learner of which no benchmark tells may bring."""
    room = max(1 - best_nauc, 0.0)
    return min(max(spec.expected - best_nauc, 0.0) + min(BONUS, UNKNOWN_SHARE * room), room)


def learning_rate(past: Sequence[SliceRecord], prior_rate: float) -> float:
    """b of the learner's own curve 1 − NAUC ∝ seconds^−b: least squares through its first point, and the prior.

    The prior counts like RATE_WEIGHT points that are twice the seconds of the first.
    """
    spent, points = 0.0, []
    for record in past:
        spent += record.seconds
        if record.nauc is not None:
            points.append((max(spent, 1e-3), max(1 - record.nauc, 1e-6)))
    above, below = RATE_WEIGHT * DOUBLING * prior_rate, RATE_WEIGHT * DOUBLING
    for seconds, error in points[1:]:
        x, y = math.log(seconds / points[0][0]), math.log(points[0][1] / error)
        above, below = above + x * y, below + x * x
    return max(above / below, 0.0)


def promised_rate(first: float, own: float, expected: float) -> float:
    """The rate at which a learner that began at NAUC `first` comes to `expected` WITHIN its first seconds; or RATE."""
    if expected <= own or first >= 1:
        return RATE
    return max(RATE, math.log((1 - first) / max(1 - expected, 1e-3)) / math.log(WITHIN))


def _growth(past: Sequence[SliceRecord], prior: Prior | None) -> float:
    expected = math.log(prior.growth if prior else GROWTH)
    seconds = [max(record.seconds, 1e-3) for record in past if not record.timed_out]
    low, high = GROWTHS
    seen = [math.log(min(max(b / a, low), high)) for a, b in zip(seconds, seconds[1:], strict=False)]
    return max(1.0, math.exp((GROWTH_WEIGHT * expected + sum(seen)) / (GROWTH_WEIGHT + len(seen))))


def _results(past: Sequence[SliceRecord]) -> bool:
    """Whether any slice came to a result."""
    return any(not record.timed_out for record in past)


def _timed_out_at_the_end(past: Sequence[SliceRecord]) -> int:
    count = 0
    while count < len(past) and past[-1 - count].timed_out:
        count += 1
    return count


def _log_time(t: float, total: float) -> float:
    return min(1.0, math.log1p(t / T0) / math.log1p(total / T0))
