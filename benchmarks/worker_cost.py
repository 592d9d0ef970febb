"""What the worker process costs the predictions that come before its first one.

    python benchmarks/worker_cost.py [DATASET…] [--pairs 5] [--budget 60]

Runs of `autodl run` in pairs, with the worker and without (AUTODL_WORKER=off), in turn and in changing order; each is
ended after its third real prediction or SECONDS_MOST. For the first, second and third real prediction the table has
the median seconds from launch of both, and the median of the pairs' ratios. Then the heavy learner of the ladder runs
with the quick one alone (--learners): seconds from launch to its first result, and what of that its libraries took.
"""

import argparse
import json
import os
import tempfile
import threading
from pathlib import Path
from statistics import median

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.runner import command_of, watch
from autodl_agent.data.domain import make_task
from autodl_agent.learners.registry import learners_for
from data_format import open_dataset
from data_format.predictions import list_predictions, read_prediction

SAMPLE = Path(__file__).resolve().parents[1] / "sample_data" / "digits"
LOOKED_AT = 3
SECONDS_MOST = 12.0  # of a paired run; the first three predictions come long before
NEVER_S = 600.0


def first_times(dataset: Path, budget: float, worker: bool) -> list[float]:
    """Seconds from launch to the first real predictions of one run."""
    with tempfile.TemporaryDirectory(prefix="autodl-worker-cost-") as scratch:
        out = Path(scratch) / "out"
        command = command_of(Job(str(dataset), dataset.name, budget, 0), out)
        environment = {} if worker else {"AUTODL_WORKER": "off"}
        ended = watch(command, SECONDS_MOST, Path(scratch), threading.Event(), environment)
        assert ended is not None  # nobody sets the event
        files = list_predictions(out / "predictions")
        real = [path for _, path in files if not _constant(path)]
        return [path.stat().st_mtime - ended.launched for path in real[:LOOKED_AT]]


def _constant(path: Path) -> bool:
    prediction = read_prediction(path)
    return bool((prediction == prediction[:1]).all())


def first_of_worker(dataset: Path, budget: float) -> tuple[str, float, float]:
    """Name of the heavy learner, seconds from launch to the end of its first slice, and to the start of that slice."""
    candidates = learners_for(make_task(open_dataset(dataset)).domain)
    heavy = next(spec.name for spec in reversed(candidates) if spec.worker)
    with tempfile.TemporaryDirectory(prefix="autodl-worker-cost-") as scratch:
        out = Path(scratch) / "out"
        job = Job(str(dataset), dataset.name, budget, 0, (candidates[0].name, heavy))
        watch(command_of(job, out), budget + 15, Path(scratch), threading.Event())
        rounds = json.loads((out / "run.json").read_text("utf-8"))["rounds"]
    slices = [one for one in rounds if one["learner"] == heavy and one["member_nauc"] is not None]
    if not slices:
        return heavy, NEVER_S, NEVER_S
    return heavy, slices[0]["ended_s"], slices[0]["started_s"]


def compare(dataset: Path, pairs: int, budget: float) -> None:
    """Print the table of one data set."""
    found: dict[bool, list[list[float]]] = {True: [], False: []}
    for pair in range(pairs):
        for worker in (True, False) if pair % 2 else (False, True):
            found[worker].append(first_times(dataset, budget, worker))
    print(f"{dataset.name}: {pairs} pairs, load {os.getloadavg()[0]:.1f}")
    for k in range(LOOKED_AT):
        pairs_of = [(a[k], b[k]) for a, b in zip(found[True], found[False], strict=True) if len(a) > k and len(b) > k]
        if pairs_of:
            with_s, without_s = median(a for a, _ in pairs_of), median(b for _, b in pairs_of)
            ratio = median(a / b for a, b in pairs_of)
            print(f"  prediction {k + 1}: {with_s:6.2f} s with, {without_s:6.2f} s without, ratio {ratio:.3f}")
    heavy, ended_s, started_s = first_of_worker(dataset, budget)
    print(f"  {heavy}: first result at {ended_s:.2f} s, its slice began at {started_s:.2f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", type=Path, default=[SAMPLE])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--budget", type=float, default=60.0, help="long enough for a worker to be started")
    options = parser.parse_args()
    for dataset in options.datasets:
        compare(dataset, options.pairs, options.budget)


if __name__ == "__main__":
    main()
