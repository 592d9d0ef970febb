"""What an ensemble is worth whose members' NAUCs are known, learned from recorded ensembles of one data set.

Members are taken for estimates with independent errors e = 1 − NAUC, which add up like resistors in parallel:

    log E = intercept − ln(Σ e^−q) / q

q and the intercept are those that fit the recorded ensembles of the data set best; the policy's own exponent has no
part in it. What that rule gets wrong near recorded ensembles is corrected by their residuals, weighted by a Gaussian
of the distance in log errors: an ensemble that was recorded gets the value recorded, one far from all gets the rule's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.benchmark.slice_table import EnsembleState

EXPONENTS = tuple(0.25 * k for k in range(2, 33))
DEFAULT_EXPONENT = 2.0  # where nothing was recorded
MIN_ERROR = 1e-4
BANDWIDTH = 0.1  # distance in natural logarithms of the errors at which a residual counts 1/e
RULE_WEIGHT = 0.05  # of a residual of 0, against the residuals of recorded ensembles


@dataclass(frozen=True)
class EnsembleModel:
    """The rule and its corrections. points: (k, learners) log errors of recorded ensembles; residuals: (k,)."""

    learners: tuple[str, ...]
    exponent: float
    intercept: float
    points: NDArray[np.float64]
    residuals: NDArray[np.float64]

    @classmethod
    def fit(cls, states: Sequence[EnsembleState]) -> "EnsembleModel":
        """Least squares in the logarithm of the error."""
        learners = tuple(sorted({name for state in states for name in state.members}))
        if not states:
            return cls(learners, DEFAULT_EXPONENT, 0.0, np.zeros((0, 0)), np.zeros(0))
        points = np.array([_log_errors(state.members, learners) for state in states])
        seen = np.array([_log_error(state.nauc) for state in states])

        def left(exponent: float) -> NDArray[np.float64]:
            expected = np.array([_rule(state.members, exponent) for state in states])
            return np.asarray(seen - expected)

        best = min(EXPONENTS, key=lambda exponent: float(left(exponent).var()))
        intercept = float(left(best).mean())
        return cls(learners, best, intercept, points, left(best) - intercept)

    def nauc(self, members: Mapping[str, float]) -> float:
        """NAUC of the ensemble of at least one member; members: learner -> NAUC."""
        error = _rule(members, self.exponent) + self.intercept
        if len(self.residuals):
            squares = ((self.points - _log_errors(members, self.learners)) ** 2).sum(axis=1)
            weights = np.exp(-squares / BANDWIDTH**2)
            error += float(weights @ self.residuals / (weights.sum() + RULE_WEIGHT))
        return 1 - math.exp(error)


def _rule(members: Mapping[str, float], exponent: float) -> float:
    """Logarithm of the error of errors in parallel; taken relative to the least one, so that nothing overflows."""
    errors = [_log_error(nauc) for nauc in members.values()]
    least = min(errors)
    return least - math.log(sum(math.exp(exponent * (least - error)) for error in errors)) / exponent


def _log_errors(members: Mapping[str, float], learners: Sequence[str]) -> list[float]:
    """Of a learner that is not a member, that of chance: 0."""
    return [_log_error(members.get(learner, 0.0)) for learner in learners]


def _log_error(nauc: float) -> float:
    return math.log(max(1 - nauc, MIN_ERROR))
