"""What each learner adds: whole runs with all learners of a domain, and with one of them left out at a time.

    python benchmarks/ablation.py [SUITE…] [--budget 20] [--seeds 3] [--output FILE] [--alone] [--workers 1]

SUITE are data sets or folders of such; by default the sample sets. Runs are those of `autodl benchmark --learners`,
and the file of results is one of its files: a command that was stopped goes on where it was. For every data set the
table says by how much the last NAUC and the ALC fall when a learner is missing (runs of the same seed are compared):
the mean over the seeds and their standard deviation. --alone: runs with each learner alone, too.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autodl_agent.benchmark.executor import run_all
from autodl_agent.benchmark.jobs import Job, plan
from autodl_agent.benchmark.results import BenchmarkResult, read_results
from autodl_agent.benchmark.summary import MeanStd
from autodl_agent.data.domain import make_task
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.system.errors import AutoDLError
from data_format import open_dataset
from data_format.errors import DataError

SAMPLES = Path(__file__).resolve().parents[1] / "sample_data"
MEASURES = ("nauc", "alc")


@dataclass(frozen=True)
class Part:
    """One learner on one data set. added: measure -> all learners less all but this one, over the seeds.

    alone: measure -> this one alone; empty where that was not run. seeds: pairs that were compared.
    """

    learner: str
    added: dict[str, MeanStd]
    alone: dict[str, MeanStd]
    seeds: int


def learners_of(path: str) -> tuple[str, ...]:
    """The learners that can serve a data set, in the order of the ladder."""
    task = make_task(open_dataset(path))
    return tuple(spec.name for spec in LEARNERS_BY_DOMAIN[task.domain] if spec.fits(task))


def variants(names: Sequence[str], alone: bool) -> list[tuple[str, ...]]:
    """Sets of learners to run: all of them (empty, as the command line has it), all but one each, one alone each."""
    if len(names) < 2:
        return [()]
    without = [tuple(name for name in names if name != left_out) for left_out in names]
    single = [(name,) for name in names] if alone else []
    return list(dict.fromkeys([(), *without, *single]))


def jobs_of(usual: Sequence[Job], candidates: dict[str, tuple[str, ...]], alone: bool) -> list[Job]:
    """Every variant of every job; seed by seed, and all variants of a set next to each other, where times compare."""
    return [replace(job, learners=chosen) for job in usual for chosen in variants(candidates[job.name], alone)]


def parts_of(records: Sequence[BenchmarkResult], names: Sequence[str], alone: bool) -> list[Part]:
    """What the records of one data set say of each learner."""
    by_variant: dict[tuple[str, ...], dict[int, BenchmarkResult]] = {}
    for record in records:
        by_variant.setdefault(record.job.learners, {})[record.job.seed] = record
    whole = by_variant.get((), {})
    out = []
    for name in names:
        rest = by_variant.get(tuple(other for other in names if other != name), {}) if len(names) > 1 else {}
        seeds = [seed for seed in whole if seed in rest and _scored(whole[seed]) and _scored(rest[seed])]
        added = {m: MeanStd.of([_less(whole[s], rest[s], m) for s in seeds]) for m in MEASURES}
        single = by_variant.get((name,), {}) if alone else {}
        means = {m: MeanStd.of([getattr(record, m) for record in single.values()]) for m in MEASURES} if single else {}
        out.append(Part(name, added, means, len(seeds)))
    return out


def _scored(record: BenchmarkResult) -> bool:
    return all(getattr(record, measure) is not None for measure in MEASURES)


def _less(whole: BenchmarkResult, rest: BenchmarkResult, measure: str) -> float:
    return float(getattr(whole, measure)) - float(getattr(rest, measure))


def table_of(name: str, records: Sequence[BenchmarkResult], parts: Sequence[Part]) -> Table:
    """For the terminal: the runs with all learners in the title, one line a learner."""
    whole = [record for record in records if not record.job.learners]
    cells = {measure: MeanStd.of([getattr(record, measure) for record in whole]) for measure in MEASURES}
    title = f"{escape(name)}: all learners NAUC {_shown(cells['nauc'])}, ALC {_shown(cells['alc'])}"
    table = Table("learner", title=title, title_justify="left")
    for head in (
        "NAUC added",
        "ALC added",
        "seeds",
        *(("NAUC alone", "ALC alone") if any(p.alone for p in parts) else ()),
    ):
        table.add_column(head, justify="right")
    for part in parts:
        added = [_shown(part.added[measure], "+") for measure in MEASURES]
        alone = [_shown(part.alone[measure]) for measure in MEASURES if part.alone]
        table.add_row(part.learner, *added, str(part.seeds), *alone)
    return table


def _shown(cell: MeanStd, sign: str = "") -> str:
    if np.isnan(cell.mean):
        return "–"
    return f"{cell.mean:{sign}.4f}" + ("" if np.isnan(cell.spread) else f" ± {cell.spread:.4f}")


def show(
    records: Sequence[BenchmarkResult], jobs: Sequence[Job], candidates: dict[str, tuple[str, ...]], alone: bool
) -> int:
    """Print a table for every data set; returns the number of runs that failed."""
    console = Console()
    if not console.is_terminal:
        console.width = 160
    keys = {job.key for job in jobs}
    wanted = [record for record in records if record.key in keys]
    for name in dict.fromkeys(job.name for job in jobs):
        own = [record for record in wanted if record.job.name == name]
        console.print(table_of(name, own, parts_of(own, candidates[name], alone)))
    failed = [record for record in wanted if record.failure]
    for record in failed:
        words = f"failed: {record.job.name} seed {record.job.seed} {record.job.variant_name}: {record.failure}"
        console.print(words, markup=False, highlight=False, soft_wrap=True)
    return len(failed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", nargs="*", type=Path, default=[SAMPLES])
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", "-o", type=Path, default=Path("runs/ablation.jsonl"))
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--workers", type=int, default=1, help="runs side by side; times only compare for one value")
    options = parser.parse_args()
    try:
        usual = plan(options.suite, options.budget, range(options.seeds))
        candidates = {job.name: learners_of(job.path) for job in usual if job.seed == 0}
        jobs = jobs_of(usual, candidates, options.alone)
        run_all(jobs, options.output, options.workers, progress=print)
        records = read_results(options.output)
    except (AutoDLError, DataError, OSError) as error:
        raise SystemExit(f"ablation: {error}") from None
    raise SystemExit(1 if show(records, jobs, candidates, options.alone) else 0)


if __name__ == "__main__":
    main()
