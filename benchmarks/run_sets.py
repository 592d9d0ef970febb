"""Whole runs from launch: first real prediction, last NAUC, ALC, overshoot, peak memory.

    python benchmarks/run_sets.py DATASET… [--budget 30] [--repeats 3] [--out results.jsonl]

Each run is a process of its own, `autodl run DATASET --budget B`; times are file times minus process launch. The
truth of the test rows is used where the data set has it. Medians over the repeats; quote them from a quiet machine.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from autodl_agent.scoring.alc import alc
from autodl_agent.scoring.auc import nauc
from data_format import open_dataset
from data_format.predictions import list_predictions, read_prediction

SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"


def run_once(dataset: Path, budget_s: float, seed: int) -> dict[str, object]:
    """One run and what it left; a failed run has `exit` other than 0 and no scores."""
    truth = open_dataset(dataset).truth()
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        command = [str(Path(sys.executable).with_name("autodl")), "run", str(dataset), "--budget", str(budget_s)]
        launch = time.time()
        done = subprocess.run(
            [*command, "--output", str(out), "--seed", str(seed), "--quiet"],
            capture_output=True,
            text=True,
            check=False,
        )
        wall = time.time() - launch
        row: dict[str, object] = {"set": dataset.name, "budget": budget_s, "exit": done.returncode, "wall": wall}
        files = list_predictions(out / "predictions") if done.returncode == 0 else []
        predictions = [(path.stat().st_mtime - launch, read_prediction(path)) for _, path in files]
        real = [t for t, p in predictions if not np.allclose(p, p[0])]
        row["first_real"] = real[0] if real else None
        row["predictions"] = len(files)
        if files:
            row["peak_mb"] = json.loads((out / "run.json").read_text())["peak_memory_bytes"] / 2**20
        if truth is not None and files:
            curve = [(t, nauc(truth, p)) for t, p in predictions]
            values = [v for _, v in curve]
            row |= {"nauc": values[-1], "alc": alc([t for t, _ in curve], values, budget_s)}
            row["drop"] = max([a - b for i, a in enumerate(values) for b in values[i:]], default=0.0)
            row["curve"] = [(round(t, 3), round(v, 4)) for t, v in curve]
        shutil.rmtree(out, ignore_errors=True)
    return row


def median(rows: list[dict[str, object]], key: str) -> float:
    values = [float(str(row[key])) for row in rows if row.get(key) is not None]
    return float(np.median(values)) if values else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", type=Path, default=sorted(p for p in SAMPLES.iterdir() if p.is_dir()))
    parser.add_argument("--budget", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    print(f"{'set':20} {'first':>6} {'NAUC':>7} {'ALC':>7} {'drop':>6} {'n':>3} {'over':>6} {'MB':>6}  (medians)")
    for dataset in options.datasets:
        rows = [run_once(dataset, options.budget, seed) for seed in range(options.repeats)]
        if options.out:
            with options.out.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        over = max(float(str(row["wall"])) for row in rows) - options.budget
        failed = sum(row["exit"] != 0 for row in rows)
        first, last, area, drop, count, megabytes = (
            median(rows, key) for key in ("first_real", "nauc", "alc", "drop", "predictions", "peak_mb")
        )
        line = f"{dataset.name:20} {first:6.2f} {last:7.4f} {area:7.4f} {drop:6.3f} {count:3.0f} {over:6.2f}"
        print(line + f" {megabytes:6.0f}" + (f"  {failed} FAILED" if failed else ""), flush=True)
        if dataset == options.datasets[-1]:
            children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"largest process of all: {children:.0f} MB")


if __name__ == "__main__":
    main()
