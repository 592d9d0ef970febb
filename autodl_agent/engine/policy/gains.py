"""Gain model: NAUC that the next slice of a learner adds to the ensemble. Room is 1 − NAUC of the ensemble.

Untried (exploration): room × (Prior.first + bonus); without a prior what `LearnerSpec.expected` promises, and a small
bonus, so that everything affordable is tried once. Tried (exploitation): its own error falls as a power of its
seconds, e(s) ∝ s^−b, where b is fitted to its own points and `rate_weight` doublings of the prior's rate: a slice that
only filled a cache does not end a learner, several do. What the ensemble gains by it follows from taking members for
estimates with independent errors, which add up like resistors in parallel:

    room' ^ −q  =  room ^ −q  +  e(s')^ −q  −  e(s)^ −q        with q = error_exponent

so what leads counts fully, what is far behind hardly at all. A learner with a prior is judged in part (`prior_weight`;
more, `prior_weight_single_point`, while its own curve is a single point) by the share of the room that this slice of
it, the second or a later one, closed in the benchmark.
"""

import math
from collections.abc import Sequence

from autodl_agent.engine.policy.config import DEFAULT, PolicyConfig
from autodl_agent.engine.policy.priors import Prior
from autodl_agent.engine.policy.slices import SliceRecord, has_result
from autodl_agent.learners.registry import LearnerSpec

SQUARED_DOUBLING = math.log(2) ** 2


def expected_gain(
    spec: LearnerSpec,
    past: Sequence[SliceRecord],
    best_nauc: float,
    prior: Prior | None = None,
    cost_s: float = 0.0,
    config: PolicyConfig = DEFAULT,
) -> float:
    """NAUC that the next slice, of cost_s seconds, is expected to add to the ensemble."""
    room = max(1 - best_nauc, 1e-6)
    judged = [record.nauc for record in past if record.nauc is not None]
    if not has_result(past):
        return room * min(prior.first + config.known_bonus_share, 1.0) if prior else _promise(spec, best_nauc, config)
    least, played = config.min_gain_share * room, sum(not record.timed_out for record in past)
    if not judged:
        return max(room * (prior.share(played) if prior else config.unjudged_gain_share), least)
    spent = sum(record.seconds for record in past)
    own = max(judged)
    known_rate = prior.rate if prior else promised_rate(judged[0], own, spec.expected, config)
    rate = learning_rate(past, known_rate, config)
    after = max(1 - own, 1e-6) * math.exp(-rate * math.log1p(cost_s / max(spent, 1e-3)))
    gain = parallel_gain(room, 1 - own, after, config)
    if prior:
        weight = config.prior_weight if len(judged) > 1 else config.prior_weight_single_point
        gain = (1 - weight) * gain + weight * room * prior.share(played)
    return max(gain, least)


def parallel_gain(room: float, before: float, after: float, config: PolicyConfig = DEFAULT) -> float:
    """By how much the ensemble's error `room` falls when that of one member falls from `before` to `after`."""
    q = config.error_exponent
    before, after = max(before, room), max(after, 1e-6)
    more = max((room / after) ** q - (room / before) ** q, 0.0)
    return room * (1 - math.pow(1 + more, -1 / q))


def learning_rate(past: Sequence[SliceRecord], prior_rate: float, config: PolicyConfig = DEFAULT) -> float:
    """b of the learner's own curve 1 − NAUC ∝ seconds^−b: least squares through its first point, and the prior.

    The prior counts like `rate_weight` points that are twice the seconds of the first.
    """
    spent, points = 0.0, []
    for record in past:
        spent += record.seconds
        if record.nauc is not None:
            points.append((max(spent, 1e-3), max(1 - record.nauc, 1e-6)))
    below = config.rate_weight * SQUARED_DOUBLING
    above = below * prior_rate
    for seconds, error in points[1:]:
        x, y = math.log(seconds / points[0][0]), math.log(points[0][1] / error)
        above, below = above + x * y, below + x * x
    return max(above / below, 0.0)


def promised_rate(first: float, own: float, expected: float, config: PolicyConfig = DEFAULT) -> float:
    """The rate at which a learner that began at NAUC `first` comes to `expected` within the promise horizon.

    At least that of an unknown learner, which is also that of one that has arrived.
    """
    if expected <= own or first >= 1:
        return config.learning_rate
    needed = math.log((1 - first) / max(1 - expected, 1e-3)) / math.log(config.promise_horizon)
    return max(config.learning_rate, needed)


def _promise(spec: LearnerSpec, best_nauc: float, config: PolicyConfig) -> float:
    """What an untried learner without a prior may bring."""
    room = max(1 - best_nauc, 0.0)
    bonus = min(config.untried_bonus_nauc, config.untried_bonus_share * room)
    return min(max(spec.expected - best_nauc, 0.0) + bonus, room)
