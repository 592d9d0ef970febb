"""Does the choice of learners carry over to sets that nobody has seen? Priors learned without a set, and a run on it.

    python benchmarks/leave_one_out.py [SUITE…] [--budget 20] [--seeds 3] [--runs FOLDER…] [--folder runs/leave-one-out]

SUITE are data sets or folders of such; by default the sample sets. First every set is run (or, with --runs, run
folders of `autodl run` are taken) and the policy's table is made from these runs by `make_priors.py`: `all` from those
of every set, and for each set one `without` the runs on it, whatever folder they lie in (told by name). Then each set
is run once a seed with both tables and with `none` at all. What `all` is better than `without` is what the table knows
of the very sets; what `without` is better than `none` carries over. Tables and results stay in the folder: a command
that was stopped goes on where it was, and another folder begins anew.
"""

import argparse
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autodl_agent.benchmark.compare import compare
from autodl_agent.benchmark.executor import run_all
from autodl_agent.benchmark.jobs import Job, plan
from autodl_agent.benchmark.results import BenchmarkResult, read_results
from autodl_agent.benchmark.runner import HANGS_S, command_of, watch
from autodl_agent.benchmark.summary import MeanStd
from autodl_agent.commands.benchmark_view import comparison_tables
from autodl_agent.engine.policy.priors import VERSION
from autodl_agent.system.errors import AutoDLError
from benchmarks.make_priors import make, runs_below
from data_format.errors import DataError

ROOT = Path(__file__).resolve().parents[1]
SAMPLES, HOOK = ROOT / "sample_data", ROOT / "benchmarks" / "hooks"
TABLES = ("without", "all", "none")  # the first is what the others are compared with


def base_name(name: str) -> str:
    """Of a data set, wherever it lies and in whichever format: two copies of a set are the same set."""
    return Path(name).name.removesuffix(".data")


def learn(job: Job, folder: Path) -> None:
    """Run a job and keep its folder. Raises AutoDLError when the run fails."""
    out = folder / f"{job.name.replace('/', '-')}-{job.budget:g}s-{job.seed}"
    if (out / "run.json").exists():
        return
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    ended = watch(command_of(job, scratch / "out"), job.budget + HANGS_S, scratch, threading.Event())
    if ended is None or ended.code or not (scratch / "out" / "run.json").exists():
        words = ended.stderr.strip().splitlines()[-1:] if ended else []
        raise AutoDLError(f"{job.path}, seed {job.seed}: a finished run expected, found {' '.join(words) or 'none'}")
    (scratch / "out").replace(out)
    shutil.rmtree(scratch, ignore_errors=True)


def write_tables(folder: Path, runs: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
    """`all.json`, `none.json` and `without-NAME.json` for each set; those that are there stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {"all": list(runs), "none": []}
    chosen |= {f"without-{name}": [run for run in runs if base_name(run["name"]) != name] for name in names}
    for name, some in chosen.items():
        path = folder / f"{name}.json"
        if not path.exists():
            content = {"version": VERSION, "runs": len(some), "domains": make(some)}
            path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def table_path(folder: Path, table: str, job: Job) -> Path:
    """The file of a table for a job."""
    return folder / (f"without-{base_name(job.name)}.json" if table == "without" else f"{table}.json")


@contextmanager
def priors(path: Path) -> Iterator[None]:
    """Processes started meanwhile take their priors from this file."""
    before = dict(os.environ)
    os.environ["AUTODL_PRIORS"] = str(path.resolve())
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HOOK), before.get("PYTHONPATH")]))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def play(jobs: Sequence[Job], folder: Path) -> dict[str, list[BenchmarkResult]]:
    """Run every job with every table, in turns, and read the results."""
    files = {table: folder / f"{table}.jsonl" for table in TABLES}
    for number, job in enumerate(jobs):
        turn = number % len(TABLES)  # the first to run would find the files of a set cold
        for table in (*TABLES[turn:], *TABLES[:turn]):
            with priors(table_path(folder / "tables", table, job)):
                run_all([job], files[table], progress=partial(_tell, table))
    keys = {job.key for job in jobs}
    return {table: [r for r in read_results(path) if r.key in keys] for table, path in files.items()}


def _tell(table: str, line: str) -> None:
    print(f"{table:8} {line}", flush=True)


def known(path: Path, domain: str) -> int:
    """Learners of a domain that a table knows."""
    return len(json.loads(path.read_text(encoding="utf-8"))["domains"].get(domain, {}))


def show(found: dict[str, list[BenchmarkResult]], domains: dict[str, str], folder: Path) -> None:
    """For each set the scores with each table; then differences over all sets with their intervals."""
    console = Console()
    if not console.is_terminal:
        console.width = 160
    table = Table("set", "learners known without it", title="NAUC / ALC, mean ± spread of the ALC over seeds")
    for name in TABLES:
        table.add_column(name, justify="right")
    for name in dict.fromkeys(record.job.name for record in found["all"]):
        own = {key: [r for r in records if r.job.name == name] for key, records in found.items()}
        path = table_path(folder / "tables", "without", own["all"][0].job)
        domain = domains.get(base_name(name), "")
        table.add_row(
            escape(name), f"{known(path, domain)} ({domain or 'unknown'})", *(_scores(own[t]) for t in TABLES)
        )
    console.print(table)
    for other in comparison_tables(compare(found)):
        console.print(other)
    for key, records in found.items():
        for record in records:
            if record.failure:
                words = f"failed: {record.job.name} seed {record.job.seed} ({key}): {record.failure}"
                console.print(words, markup=False, highlight=False, soft_wrap=True)


def _scores(records: Sequence[BenchmarkResult]) -> str:
    last, area = MeanStd.of([record.nauc for record in records]), MeanStd.of([record.alc for record in records])
    spread = "" if np.isnan(area.spread) else f" ± {area.spread:.4f}"
    return f"{last.mean:.4f} / {area.mean:.4f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", nargs="*", type=Path, default=[SAMPLES])
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--runs", nargs="+", type=Path, default=[], help="run folders to learn from, instead of new ones"
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/leave-one-out"))
    options = parser.parse_args()
    try:
        jobs = plan(options.suite, options.budget, range(options.seeds))
        for number, job in enumerate(() if options.runs else jobs, 1):
            print(f"to learn from: [{number}/{len(jobs)}] {job.name} seed {job.seed}", flush=True)
            learn(job, options.folder / "runs")
        sources = options.runs or [options.folder / "runs"]
        runs = [run for source in sources for run in runs_below(source)]
        names = sorted({base_name(job.name) for job in jobs})
        write_tables(options.folder / "tables", runs, names)
        found = play(jobs, options.folder)
    except (AutoDLError, DataError, OSError) as error:
        raise SystemExit(f"leave_one_out: {error}") from None
    show(found, {base_name(run["name"]): run["domain"] for run in runs}, options.folder)
    raise SystemExit(1 if any(record.failure for records in found.values() for record in records) else 0)


if __name__ == "__main__":
    main()
