"""Two or more sets of results against each other: average ranks over data sets, and paired differences.

A difference is taken between runs of the same data set, budget and seed, averaged over the seeds and then over the
data sets. Its interval is a percentile bootstrap (Efron 1979) in two steps: data sets are drawn with replacement, and
within each drawn one its seeds, so that both kinds of chance show. It is seeded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.benchmark.results import BenchmarkResult
from autodl_agent.scoring.ranks import average_ranks

RESAMPLES = 10_000
LEVEL = 0.95
SCORES = ("alc", "nauc")
Entries = Mapping[str, Sequence[BenchmarkResult]]


@dataclass(frozen=True)
class Difference:
    """How much higher `other` scores than `base`: the mean, and the interval that holds it with 95 %.

    wins, losses: data sets on which other is higher, lower. sets, pairs: data sets and runs compared.
    """

    score: str
    base: str
    other: str
    mean: float
    low: float
    high: float
    wins: int
    losses: int
    sets: int
    pairs: int


@dataclass(frozen=True)
class Comparison:
    """means: entry -> score -> mean over data sets. ranks: score -> entry -> average rank, best first.

    sets: the data sets that all entries have, with their budgets. left_out: those that some entry lacks.
    """

    means: dict[str, dict[str, float]]
    ranks: dict[str, dict[str, float]]
    differences: list[Difference]
    sets: list[tuple[str, float]]
    left_out: list[tuple[str, float]]


def by_variant(files: Sequence[tuple[str, Sequence[BenchmarkResult]]]) -> dict[str, list[BenchmarkResult]]:
    """Entries to compare: one for each file, or for each variant where a file holds several."""
    entries: dict[str, list[BenchmarkResult]] = {}
    for name, records in files:
        variants = list(dict.fromkeys(record.job.variant_name for record in records))
        for variant in variants:
            label = f"{name} ({variant or 'usual'})" if len(variants) > 1 else name
            unique, k = label, 2
            while unique in entries:
                unique, k = f"{label} #{k}", k + 1
            entries[unique] = [record for record in records if record.job.variant_name == variant]
    return entries


def compare(entries: Entries, resamples: int = RESAMPLES, seed: int = 0) -> Comparison:
    """Compare at least two entries on the data sets that all of them have scores for; the first is the base."""
    tables = {name: _scores(records) for name, records in entries.items()}
    every = list(dict.fromkeys(key for table in tables.values() for key in table))
    common = [key for key in every if all(key in table for table in tables.values())]
    means: dict[str, dict[str, float]] = {name: {} for name in tables}
    ranks = {}
    for at, score in enumerate(SCORES):
        per_set = {
            name: {f"{key}": float(np.mean([run[at] for run in table[key].values()])) for key in common}
            for name, table in tables.items()
        }
        ranks[score] = average_ranks(per_set)
        for name, values in per_set.items():
            means[name][score] = float(np.mean(list(values.values()))) if values else float("nan")
    base, *others = tables
    differences = [
        _difference(score, at, (base, tables[base]), (other, tables[other]), resamples, seed)
        for other in others
        for at, score in enumerate(SCORES)
    ]
    return Comparison(means, ranks, differences, common, [key for key in every if key not in common])


def bootstrap(per_set: Sequence[NDArray[np.float64]], resamples: int, seed: int) -> tuple[float, float]:
    """Ends of the interval of the mean over sets of the mean over seeds; per_set: one vector of values a set."""
    rng = np.random.default_rng(seed)
    total = np.zeros(resamples)
    drawn = rng.integers(len(per_set), size=(resamples, len(per_set)))
    for k, values in enumerate(per_set):
        times = (drawn == k).sum(axis=1)
        for again in range(int(times.max(initial=0))):
            # Every time that a set is drawn, its seeds are drawn anew.
            means = values[rng.integers(len(values), size=(resamples, len(values)))].mean(axis=1)
            total += np.where(times > again, means, 0.0)
    low, high = np.quantile(total / len(per_set), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


_Table = dict[tuple[str, float], dict[int, tuple[float, float]]]


def _scores(records: Sequence[BenchmarkResult]) -> _Table:
    """(set, budget) -> seed -> scores in the order of SCORES; runs without truth are left out."""
    table: _Table = {}
    for record in records:
        if record.alc is not None and record.nauc is not None:
            key = (record.job.name, record.job.budget)
            table.setdefault(key, {})[record.job.seed] = (record.alc, record.nauc)
    return table


def _difference(
    score: str, at: int, base: tuple[str, _Table], other: tuple[str, _Table], resamples: int, seed: int
) -> Difference:
    per_set = []
    for key, runs in other[1].items():
        seeds = [s for s in runs if s in base[1].get(key, {})]
        if seeds:
            per_set.append(np.array([runs[s][at] - base[1][key][s][at] for s in seeds], np.float64))
    if not per_set:
        nothing = float("nan")
        return Difference(score, base[0], other[0], nothing, nothing, nothing, 0, 0, 0, 0)
    means = np.array([values.mean() for values in per_set])
    low, high = bootstrap(per_set, resamples, seed)
    wins, losses = int((means > 0).sum()), int((means < 0).sum())
    pairs = sum(map(len, per_set))
    return Difference(score, base[0], other[0], float(means.mean()), low, high, wins, losses, len(means), pairs)
