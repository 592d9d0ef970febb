"""Settings of the policy, described field by field; the defaults are what `autodl run` uses.

They were tuned on recorded slices of open data sets (decision 0010). "Room" is 1 − NAUC of the ensemble: what is left
to gain.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PolicyConfig:
    """What the cost model, the gain model and the plan assume.

    Cost model, seconds of the next slice:

    growth: seconds of a slice over those of the one before, where no benchmark tells.
    growth_weight: how many observed ratios the expected growth counts as.
    growth_limits: observed ratios are clipped to these.
    max_first_rows: training rows that a first slice looks at, at most.
    extra_fold_cost: cost of the rows in every fold after the first, as a share of that in the first.
    full_weight_s: seconds of a first slice from which it counts fully for the pace of the run; in a shorter one,
        imports and caches are much of it.
    pace_exponent: measured over guessed cost enters the pace to this power, since learners of one task are slow
        together, though not in step.
    pace_limits: the pace stays within these.
    min_left_share: a learner whose slice ended without a result needs at least this share of that slice's seconds.

    Gain model, NAUC that the next slice adds to the ensemble:

    learning_rate: exponent b of a learning curve 1 − NAUC ∝ seconds^−b of which nothing is known.
    rate_weight: doublings of the seconds that the prior's rate counts as.
    promise_horizon: a learner reaches its expected NAUC at this multiple of the seconds of its first slice.
    error_exponent: q of the parallel errors; the larger, the less a member behind the ensemble counts.
    prior_weight: weight of the benchmark's share of the room in the gain of a tried learner.
    prior_weight_single_point: the same while the learner's own curve has a single point.
    min_gain_share: share of the room that a learner with more to do is always expected to gain.
    unjudged_gain_share: share of the room that a learner without held-out rows or a prior is expected to gain.
    untried_bonus_nauc: NAUC added for an untried learner without a prior: ensembles gain from difference.
    untried_bonus_share: share of the room that this bonus never exceeds.
    known_bonus_share: share of the room added for an untried learner with a prior.

    Plan:

    patience: multiple of its expected cost after which a slice must have returned.
    min_slice_s: seconds that every slice may take at least.
    min_cost_ratio_guessed: a guessed cost may be too high by so much that this share of it is enough.
    min_cost_ratio_measured: the same of a cost that follows from slices before.
    reserve_s, reserve_share: kept free at the end: these seconds, or this share of the time left where that is less.
    final_score_weight: what the last prediction counts besides the area under the learning curve.
    max_planned_slices: slices of which every order is tried: six make 2,000 orders, a few milliseconds.
    """

    growth: float = 1.6
    growth_weight: float = 4.0
    growth_limits: tuple[float, float] = (0.25, 6.0)
    max_first_rows: int = 20_000
    extra_fold_cost: float = 0.3
    full_weight_s: float = 3.0
    pace_exponent: float = 0.5
    pace_limits: tuple[float, float] = (0.25, 4.0)
    min_left_share: float = 0.4

    learning_rate: float = 0.15
    rate_weight: float = 5.0
    promise_horizon: float = 8.0
    error_exponent: float = 2.0
    prior_weight: float = 0.4
    prior_weight_single_point: float = 0.7
    min_gain_share: float = 0.002
    unjudged_gain_share: float = 0.1
    untried_bonus_nauc: float = 0.02
    untried_bonus_share: float = 0.1
    known_bonus_share: float = 0.01

    patience: float = 3.0
    min_slice_s: float = 3.0
    min_cost_ratio_guessed: float = 0.25
    min_cost_ratio_measured: float = 0.5
    reserve_s: float = 0.4
    reserve_share: float = 0.1
    final_score_weight: float = 0.1
    max_planned_slices: int = 6


DEFAULT = PolicyConfig()
