"""The challenge's final order: per data set the participants are ranked by score, and the mean rank decides."""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.atomic import write_atomic

AVERAGE, NAME = "ave_score", "submission"


def average_ranks(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Mean rank of every submission over all data sets, best (smallest) first; equal ones in the order given.

    scores: submission -> data set -> score, higher is better. Rank 1 is the best; ties share the mean of their ranks.
    A score that is missing or not a number ranks last on that set, shared by all such.
    """
    names, _, table = _table(scores)
    if not table.size:
        return dict.fromkeys(names, 0.0)
    means = np.mean([_ranks(column) for column in table.T], axis=0)
    return {names[i]: float(means[i]) for i in np.argsort(means, kind="stable")}


def write_leaderboard(path: Path, scores: Mapping[str, Mapping[str, float]]) -> None:
    """Write the leaderboard as CSV, best first: submission, mean rank, the score on every data set (empty if missing).

    Raises OSError as the file system gives it.
    """
    ranks = average_ranks(scores)
    sets = _table(scores)[1]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([NAME, AVERAGE, *sets])
    for name, rank in ranks.items():
        values = [scores[name].get(task, math.nan) for task in sets]
        writer.writerow([name, repr(rank), *("" if math.isnan(value) else repr(float(value)) for value in values)])
    write_atomic(path, text.getvalue().encode("utf-8", "surrogateescape"))


def _table(scores: Mapping[str, Mapping[str, float]]) -> tuple[list[str], list[str], NDArray[np.float64]]:
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
