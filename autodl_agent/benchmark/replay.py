"""A policy on all data sets of a table of recorded slices, with results like those of whole runs."""

from collections.abc import Sequence
from pathlib import Path

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult
from autodl_agent.benchmark.simulator import SimulatedRun, simulate
from autodl_agent.benchmark.slice_table import read_slice_table
from autodl_agent.engine.policy.baselines import choose_by
from autodl_agent.system.errors import UsageError


def replay_table(
    path: Path, policy: str, budget_s: float, learners: Sequence[str] = ()
) -> tuple[list[BenchmarkResult], dict[str, tuple[str, ...]]]:
    """Results of a policy on every data set of a table that has such learners, as if each were a run; a dictionary.

    The latter: data set -> learners whose recorded slices were all played although they could have gone on.
    Raises DataError for a damaged table, UsageError where no data set has one of the learners.
    """
    table = read_slice_table(path)
    sets = [one for one in table if not learners or set(learners) & set(one.slices)]
    if not sets:
        known = ", ".join(sorted({name for one in table for name in one.slices}))
        raise UsageError(f"{path}: recorded learners are {known}; none of them is in {','.join(learners)}")
    results, exhausted = [], {}
    for one in sets:
        played = simulate(one, choose_by(policy), budget_s, learners)
        job = Job(str(path), one.name, budget_s, 0, tuple(learners), policy)
        results.append(_result(job, played))
        if played.not_recorded:
            exhausted[one.name] = played.not_recorded
    return results, exhausted


def _result(job: Job, played: SimulatedRun) -> BenchmarkResult:
    curve = played.curve
    return BenchmarkResult(
        job=job,
        wall=round(played.ended_s, 3),
        first=curve.times[0] if curve.times else None,
        predictions=len(curve.times),
        nauc=curve.get_final_score(),
        alc=curve.get_alc(),
        drop=0.0,
        ended_because="replayed",
        curve=tuple(zip(curve.times, curve.scores, strict=True)),
    )
