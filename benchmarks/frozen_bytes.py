"""Frozen picture features in bytes against single precision: milliseconds, and what a head makes of them.

    python benchmarks/frozen_bytes.py [SET…]

SET: data sets of pictures; without any, only the times are measured, on noise. Needs the extra `weights`.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from autodl_agent.data.domain import make_task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.learners.base import Examples
from autodl_agent.learners.heads.cost import Speed
from autodl_agent.learners.heads.gaussian_kernel import fit_gaussian
from autodl_agent.learners.image.config import FrozenImageConfig
from autodl_agent.learners.vision.config import ViewConfig
from autodl_agent.learners.vision.frozen_features import normalised, pixel_recipe, usual_aspect
from autodl_agent.pretrained.models.efficientnet import convert
from autodl_agent.pretrained.networks import can_train, tensors_of
from autodl_agent.pretrained.runtime.image_network import LiteNetwork
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Budget
from autodl_agent.system.resources import limit_blas_threads
from data_format import open_dataset

NETWORK = "efficientnet-lite0"
ROUNDS, PICTURES, MOST_ROWS, HOURS_S = 3, 256, 5000, 3600.0


def networks(folder: Path) -> dict[str, LiteNetwork]:
    """The same network in both precisions; the files must stay as long as it runs."""
    tensors, made = tensors_of(NETWORK), {}
    for name in ("float32", "bytes"):
        path = folder / f"{name}.tflite"
        path.write_bytes(convert("lite0", tensors, in_bytes=name == "bytes"))
        made[name] = LiteNetwork(path)
    return made


def times(made: dict[str, LiteNetwork]) -> None:
    """Print milliseconds a picture, on the clock and of CPU, medians of rounds that take turns."""
    rng = np.random.default_rng(0)
    for side in (64, 96, 160, 224):
        pictures = rng.integers(0, 256, (PICTURES, side, side, 3), np.uint8)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in made}
        for turn in range(1 + ROUNDS):
            for name, network in made.items():
                wall, cpu = time.perf_counter(), time.process_time()
                network.run(pictures, normalised)
                if turn:  # the first one allocates
                    found[name].append((time.perf_counter() - wall, time.process_time() - cpu))
        for name, rounds in found.items():
            wall_ms, cpu_ms = (1000 * median(one[k] for one in rounds) / PICTURES for k in (0, 1))
            print(f"{side:4} px  {name:8} {wall_ms:6.2f} ms  ({cpu_ms:.2f} ms of CPU)", flush=True)


def scores(made: dict[str, LiteNetwork], path: Path) -> None:
    """Print the test NAUC of the kernel head on both, on at most MOST_ROWS training rows."""
    dataset = open_dataset(path)
    task = make_task(dataset, 0)
    store = TensorStore(dataset, task, Budget.from_now(HOURS_S).deadline(HOURS_S))
    labels = dataset.train.labels
    train = Examples(store, "train", np.arange(len(labels)), labels).sample(MOST_ROWS, 0)
    for side in (96, 160):
        recipe = pixel_recipe(task, ViewConfig(NETWORK, side), usual_aspect(store))
        pictures = train.array(recipe)
        tests = store.rows("test", recipe, np.arange(len(dataset.test)))
        for name, network in made.items():
            x = [network.run(pictures, normalised)]
            head = fit_gaussian(x, [1.0], train.labels, FrozenImageConfig().head, 0, store.end, Speed())
            score = nauc(dataset.truth(), head.probabilities([network.run(tests, normalised)]))
            print(f"{path.name:15} {side:4} px  {name:8} NAUC {score:.4f}", flush=True)


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", type=Path, metavar="SET")
    given = parser.parse_args()
    if not can_train(NETWORK):
        print("the extra `weights` is not installed: nothing to measure")
        return
    limit_blas_threads()
    with tempfile.TemporaryDirectory() as folder:
        made = networks(Path(folder))
        times(made)
        for path in given.sets:
            scores(made, path)


if __name__ == "__main__":
    main()
