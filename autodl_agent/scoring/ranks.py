"""Mean ranks over data sets, as the challenge's final order takes them."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def average_ranks(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Mean rank of every submission over all data sets, best (smallest) first; equal ones in the order given.

    scores: submission -> data set -> score, higher is better. Rank 1 is the best; ties share the mean of their ranks.
    A score that is missing or not a number ranks last on that set, shared by all such.
    """
    names, _, table = score_table(scores)
    if not table.size:
        return dict.fromkeys(names, 0.0)
    means = np.mean([_ranks(column) for column in table.T], axis=0)
    return {names[i]: float(means[i]) for i in np.argsort(means, kind="stable")}


def score_table(scores: Mapping[str, Mapping[str, float]]) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Submissions, data sets in order of first appearance, and the scores (submissions, sets), NaN for missing."""
    names = list(scores)
    sets = list(dict.fromkeys(task for row in scores.values() for task in row))
    table = np.array([[float(scores[name].get(task, math.nan)) for task in sets] for name in names])
    return names, sets, table.reshape(len(names), len(sets))


def _ranks(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average ranks (n,), 1 for the highest; NaN ranks last."""
    # Every pair is compared: there are dozens of submissions, and ties need no care.
    values = np.where(np.isnan(column), -np.inf, column)
    higher = (values[None, :] > values[:, None]).sum(axis=1)
    equal = (values[None, :] == values[:, None]).sum(axis=1)
    ranks: NDArray[np.float64] = higher + (equal + 1) / 2
    return ranks
