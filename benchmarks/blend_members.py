"""Choosing the weights of the ensemble: milliseconds of one call, single thread.

    python benchmarks/blend_members.py [--members 20] [--rows 2000] [--classes 100] [--repeats 9]

Members are noisy views of the same truth that share a part of their noise, as learners of one task do.
"""

import argparse
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from autodl_agent.data.arrays import Labels
from autodl_agent.engine.ensemble.selection import Blend, select


def make(members: int, rows: int, classes: int, seed: int) -> tuple[list[Labels], Labels]:
    """Logits (rows, classes) of each member, and the truth with one label a row."""
    rng = np.random.default_rng(seed)
    truth = np.eye(classes, dtype=np.float32)[rng.integers(0, classes, rows)]
    shared = 0.7 * rng.normal(size=truth.shape)
    noise = rng.uniform(0.5, 2.0, members)
    logits = [np.asarray(1.5 * truth + shared + s * rng.normal(size=truth.shape) - 3, dtype=np.float32) for s in noise]
    return logits, truth


def clocked(logits: list[Labels], truth: Labels, may_couple: bool, repeats: int) -> tuple[float, Blend]:
    """Median seconds of CPU, and the blend."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        blend = select(logits, truth, may_couple)
        taken.append(time.process_time() - start)
    return float(np.median(taken)), blend


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=20)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    sizes = [(options.members, options.rows, options.classes), (3, 300, 10), (5, 1500, 10), (5, 4000, 2)]
    print(f"{'members':>7} {'rows':>6} {'classes':>7} {'softmax':>8} {'ms':>7} {'NAUC':>7} {'used':>5}")
    for members, rows, classes in sizes:
        logits, truth = make(members, rows, classes, 0)
        for may_couple in (False, True):
            seconds, blend = clocked(logits, truth, may_couple, options.repeats)
            used = sum(weight > 0 for weight in blend.weights)
            row = f"{members:7} {rows:6} {classes:7} {may_couple!s:>8} {seconds * 1000:7.1f}"
            print(f"{row} {blend.nauc:7.4f} {used:5}")


if __name__ == "__main__":
    main()
