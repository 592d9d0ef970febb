"""Cost model: seconds that the next slice of a learner takes.

Untried: start_s + fold_s × folds + example_ms × rows by the LearnerSpec, times what benchmarks found (`Prior.cost`),
times the pace of this run: how the first slices of other learners compared with their guesses, short ones counting
less, halved in logarithm. Tried: what the learner itself reports (`Learner.next_s`), else the seconds of its last
slice × growth, the geometric mean of the growth seen and `growth_weight` times the prior's; out of time before its
first result: what is left of the guess, since what it computed is kept.
"""

import math
from collections.abc import Sequence

from autodl_agent.data.task import Task
from autodl_agent.engine.policy.config import DEFAULT, PolicyConfig
from autodl_agent.engine.policy.priors import Prior, Priors
from autodl_agent.engine.policy.slices import SliceRecord, has_result
from autodl_agent.learners.registry import LearnerSpec


def expected_cost_s(
    spec: LearnerSpec,
    past: Sequence[SliceRecord],
    task: Task,
    folds: int,
    prior: Prior | None = None,
    pace: float = 1.0,
    config: PolicyConfig = DEFAULT,
) -> float:
    """Seconds of the next slice: measured growth where there is a past, the guess for the first one otherwise."""
    if past and past[-1].next_s is not None:
        return past[-1].next_s
    if has_result(past):
        return past[-1].seconds * _growth(past, prior, config)
    guessed = guess_s(spec, task, folds, config) * (prior.cost if prior else 1.0) * pace
    if not past:
        return guessed
    return max(guessed - sum(record.seconds for record in past), config.min_left_share * past[-1].seconds)


def guess_s(spec: LearnerSpec, task: Task, folds: int, config: PolicyConfig = DEFAULT) -> float:
    """Seconds of the first slice by the LearnerSpec: imports, a price per fold, one per training and test row."""
    rows = min(task.n_train, config.max_first_rows) + task.n_test
    every_fold = 1 + config.extra_fold_cost * (folds - 1)
    return spec.start_s + spec.fold_s * folds + spec.example_ms / 1000 * rows * every_fold


def pace_of(
    history: Sequence[SliceRecord],
    candidates: Sequence[LearnerSpec],
    task: Task,
    folds: int,
    priors: Priors,
    config: PolicyConfig = DEFAULT,
) -> float:
    """How slow this machine and these examples are: measured over guessed seconds of first slices."""
    total = weights = 0.0
    for spec in candidates:
        first = next((record for record in history if record.learner == spec.name), None)
        if first is not None and not (first.failed or first.timed_out):
            guess = expected_cost_s(spec, [], task, folds, priors.get((str(task.domain), spec.name)), config=config)
            weight = min(1.0, first.seconds / config.full_weight_s)
            total, weights = total + weight * math.log(max(first.seconds, 1e-3) / max(guess, 1e-3)), weights + weight
    low, high = config.pace_limits
    return math.exp(min(max(config.pace_exponent * total / (weights + 1), math.log(low)), math.log(high)))


def _growth(past: Sequence[SliceRecord], prior: Prior | None, config: PolicyConfig) -> float:
    expected = math.log(prior.growth if prior else config.growth)
    seconds = [max(record.seconds, 1e-3) for record in past if not record.timed_out]
    low, high = config.growth_limits
    seen = [math.log(min(max(b / a, low), high)) for a, b in zip(seconds, seconds[1:], strict=False)]
    return max(1.0, math.exp((config.growth_weight * expected + sum(seen)) / (config.growth_weight + len(seen))))
