"""Runs with learners that break: every run must end in time, in good order, and with a good prediction.

    python benchmarks/chaos.py [DATASET…] [--runs 500] [--seed 0] [--budget 5] [--out chaos.csv]

Each run is `autodl run` with faults added to its ladder from outside (see hooks/sitecustomize.py): every fault alone
and every pair of them, in the worker and, where it can survive them, in the coordinator; then triples. Checked are:
end before budget + 2 s, exit code 0, a last prediction that is finite, in [0, 1] and nearly as good as that of the
quickest learner alone after as many slices as it had in this run, no process and no temporary file left. Exit code 1
when a run fails; each such run is printed with the command that repeats it, and with --out its folder is kept beside
that file.
"""

import argparse
import csv
import itertools
import json
import os
import random
import shlex
import shutil
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.runner import ProcessOutcome, command_of, truth_of, watch
from autodl_agent.commands.benchmark import POLICIES
from autodl_agent.data.domain import make_task
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.learners.testing.faults import FAULTS, HERE
from autodl_agent.scoring.auc import nauc
from data_format import open_dataset
from data_format.errors import DataError
from data_format.predictions import list_predictions, read_prediction

HERE_FOLDER = Path(__file__).resolve().parent
SAMPLES = HERE_FOLDER.parent / "sample_data"
HANGS_S = 15.0


@dataclass(frozen=True)
class Case:
    """Faults, a data set and a seed (its parity says in which slice the faults come)."""

    number: int
    faults: tuple[str, ...]
    dataset: Path
    seed: int


@dataclass(frozen=True)
class Outcome:
    """played: those faults that got a slice. problems: what must not be; empty for a good run."""

    case: Case
    wall_s: float
    nauc: float
    played: tuple[str, ...]
    problems: tuple[str, ...]


def cases(datasets: list[Path], runs: int, seed: int, only: list[str]) -> list[Case]:
    """So many cases: singles and pairs in random order, then triples; data sets in turn."""
    rng = random.Random(seed)
    names = [f.name for f in FAULTS] + [HERE + f.name for f in FAULTS if f.survivable]
    names = [name for name in names if not only or name.removeprefix(HERE) in only]
    few = [(name,) for name in names]
    pairs = list(itertools.combinations(names, 2))
    rng.shuffle(few)
    rng.shuffle(pairs)
    chosen: list[tuple[str, ...]] = [*few, *pairs][:runs]
    while len(chosen) < runs and names:
        chosen.append(tuple(rng.sample(names, min(3, len(names)))))
    return [Case(k, faults, datasets[k % len(datasets)], rng.randrange(2)) for k, faults in enumerate(chosen)]


def run_case(case: Case, options: argparse.Namespace) -> Outcome:
    """Run it and look at everything that it left."""
    environment = {
        "AUTODL_FAULTS": ",".join(case.faults),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE_FOLDER / "hooks"), os.environ.get("PYTHONPATH")])),
    }
    if options.heavy:
        environment["AUTODL_FAULTS_HEAVY"] = "1"
    with tempfile.TemporaryDirectory(prefix="autodl-chaos-", ignore_cleanup_errors=True) as scratch:
        out = Path(scratch) / "out"
        job = job_of(case, options)
        ended = watch(command_of(job, out), options.budget + HANGS_S, Path(scratch), threading.Event(), environment)
        assert ended is not None  # nobody sets the event
        values, complaint = naucs(out, case.dataset)
        value = values[-1] if values else -1.0
        facts = facts_of(out)
        problems = [text for text in (complaint, *problems_of(ended, value, facts, case, options)) if text]
        if problems and options.out:
            kept = options.out.with_name(f"{options.out.stem}-{case.number}")
            kept.mkdir(exist_ok=True)
            if out.is_dir():
                shutil.copytree(out, kept, dirs_exist_ok=True, ignore_dangling_symlinks=True)
            (kept / "stderr.txt").write_text(ended.stderr)
        return Outcome(case, ended.wall_s, value, played_in(facts), tuple(problems))


def problems_of(
    ended: ProcessOutcome, value: float, facts: dict[str, Any], case: Case, options: argparse.Namespace
) -> list[str]:
    found = []
    if ended.hung:
        found.append("hung")
    elif ended.wall_s > options.budget + options.slack:
        found.append(f"ended {ended.wall_s - options.budget:.2f} s after the budget")
    if ended.code:
        words = ended.stderr.strip().splitlines()
        found.append(f"exit code {ended.code}: {words[-1][:200] if words else ''}")
    if (reason := str(facts.get("ended_because", ""))).startswith("error"):
        found.append(f"a learner ended the run early ({reason})")
    alone = quick_naucs(case.dataset, case.seed, options.budget)
    # Faults, and runs side by side, take time from the quick learner: it is compared with itself slice by slice.
    # A fault that hangs in the coordinator ends all progress: what was there before must stay.
    hangs = any(name.startswith(HERE) for name in case.faults)
    slices = 1 if hangs else min(max(len(rounds_of(facts, first_learner(case.dataset))), 1), len(alone))
    least = alone[slices - 1] - options.tolerance
    if value < least:
        found.append(f"NAUC {value:.3f}, at least {least:.3f} expected")
    if ended.left[0]:
        found.append(f"{ended.left[0]} processes left")
    if ended.left[1]:
        found.append(f"{ended.left[1]} temporary files left")
    return found


def naucs(out: Path, dataset: Path) -> tuple[list[float], str]:
    """NAUC of every prediction that is not the same for all rows, and what is wrong with one of them."""
    truth, _ = truth_of(str(dataset))
    files = list_predictions(out / "predictions") if (out / "predictions").is_dir() else []
    values = []
    for _, path in files:
        try:
            prediction = read_prediction(path)
        except DataError as error:
            return [], str(error)
        if truth is not None and prediction.shape != truth.shape:
            return [], f"{path.name}: shape {truth.shape} expected, found {prediction.shape}"
        if not np.isfinite(prediction).all() or prediction.min() < 0 or prediction.max() > 1:
            return [], f"{path.name}: values beyond [0, 1]"
        if not (prediction == prediction[:1]).all():
            values.append(0.0 if truth is None else nauc(truth, prediction))
    return values, "" if values else "no prediction"


def facts_of(out: Path) -> dict[str, Any]:
    """What run.json says; empty where there is none."""
    try:
        facts: dict[str, Any] = json.loads((out / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return facts


def played_in(facts: dict[str, Any]) -> tuple[str, ...]:
    """Names of the faults that had a slice; one that never ended is not known of."""
    names = [r["learner"] for r in facts.get("rounds", ())]
    plain = {name.removeprefix("fault-").partition("~")[0] for name in names if name.startswith("fault-")}
    return tuple(sorted(name.replace("here-", HERE, 1) if name.startswith("here-") else name for name in plain))


def rounds_of(facts: dict[str, Any], learner: str) -> list[dict[str, Any]]:
    """The slices of a learner that came to a result."""
    return [r for r in facts.get("rounds", ()) if r["learner"] == learner and not r["error"]]


@cache
def first_learner(dataset: Path) -> str:
    """Name of the learner that every run on this set begins with."""
    return LEARNERS_BY_DOMAIN[make_task(open_dataset(dataset)).domain][0].name


@cache
def quick_naucs(dataset: Path, seed: int, budget: float) -> list[float]:
    """What the first learner of the ladder reaches alone, after each of its slices."""
    first = first_learner(dataset)
    with tempfile.TemporaryDirectory(prefix="autodl-chaos-") as scratch:
        out = Path(scratch) / "out"
        job = Job(str(dataset), dataset.name, budget, seed, (first,))
        watch(command_of(job, out), budget + HANGS_S, Path(scratch), threading.Event())
        values, complaint = naucs(out, dataset)
        if not values:
            raise SystemExit(f"{first} alone fails on {dataset}: {complaint}")
        written = np.cumsum([r["predicted"] for r in rounds_of(facts_of(out), first)])
        return [values[min(max(count, 1), len(values)) - 1] for count in written]


def job_of(case: Case, options: argparse.Namespace) -> Job:
    return Job(str(case.dataset), case.dataset.name, options.budget, case.seed, policy=options.policy)


def repeat(case: Case, options: argparse.Namespace) -> str:
    """The command of a case, for a shell."""
    command = shlex.join(command_of(job_of(case, options), Path("OUT")))
    heavy = "AUTODL_FAULTS_HEAVY=1 " if options.heavy else ""
    return f"{heavy}AUTODL_FAULTS={','.join(case.faults)} PYTHONPATH={HERE_FOLDER / 'hooks'} {command}"


def show(outcomes: list[Outcome], options: argparse.Namespace) -> None:
    """A line for each fault, then the failures."""
    print(f"{'fault':26} {'runs':>5} {'played':>6} {'failed':>6}")
    for name in sorted({name for outcome in outcomes for name in outcome.case.faults}):
        mine = [outcome for outcome in outcomes if name in outcome.case.faults]
        played, failed = sum(name in o.played for o in mine), sum(bool(o.problems) for o in mine)
        print(f"{name:26} {len(mine):5} {played:6} {failed:6}")
    for outcome in outcomes:
        if outcome.problems:
            case = outcome.case
            print(f"FAILED {case.number}: {'; '.join(outcome.problems)}\n  {repeat(case, options)}")
    latest = max((o.wall_s for o in outcomes), default=0.0) - options.budget
    bad = sum(bool(o.problems) for o in outcomes)
    print(f"{len(outcomes)} runs, {bad} failed; the latest ended {latest:+.2f} s from its budget", flush=True)


def write_csv(path: Path, outcomes: list[Outcome]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "faults", "set", "seed", "wall_s", "nauc", "played", "problems"])
        for o in outcomes:
            row = [o.case.number, "+".join(o.case.faults), o.case.dataset.name, o.case.seed, f"{o.wall_s:.3f}"]
            writer.writerow([*row, f"{o.nauc:.4f}", "+".join(o.played), "; ".join(o.problems)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", type=Path, default=sorted(p for p in SAMPLES.iterdir() if p.is_dir()))
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, default=5.0)
    parser.add_argument("--slack", type=float, default=2.0, help="seconds that a run may end after its budget")
    parser.add_argument("--tolerance", type=float, default=0.02, help="NAUC below that of the quick learner alone")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--only", default="", help="names of faults, with commas")
    parser.add_argument("--policy", choices=POLICIES, default=POLICIES[0], help="round-robin tries every fault early")
    parser.add_argument("--heavy", action="store_true", help="keep the real learners of the worker; takes --budget 30")
    parser.add_argument("--out", type=Path, help="CSV file, a line a run")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    todo = cases([path.resolve() for path in options.datasets], options.runs, options.seed, only)
    for case in todo:
        quick_naucs(case.dataset, case.seed, options.budget)  # before the others, since a cache does not wait
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = []
        for outcome in pool.map(lambda case: run_case(case, options), todo):
            outcomes.append(outcome)
            words = "; ".join(outcome.problems) or "ok"
            print(f"{outcome.case.number:4} {'+'.join(outcome.case.faults)} {words}", file=sys.stderr, flush=True)
            if options.out:
                write_csv(options.out, outcomes)
    show(outcomes, options)
    return int(any(outcome.problems for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
