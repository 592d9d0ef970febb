"""What ImageNet does not carry: writing and four-channel pictures, from-scratch network against the other learners.

    python benchmarks/scratch_image.py [--seconds 25] [--save FOLDER]

Makes both sets in memory (scikit-learn's digits drawn at 28 pixels; shapes in four channels whose class also depends
on how the fourth channel goes with the first) and prints the test NAUC of every learner after each increment. With
--save it writes both sets instead, for `autodl benchmark FOLDER/*`, whose ensembles show what held-out rows chose.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.learners.base import Examples
from autodl_agent.learners.networks.device import device
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN, LearnerSpec
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Budget
from autodl_agent.system.resources import limit_blas_threads
from data_format.autodl.writer import write_dataset
from data_format.dataset import Dataset, Split
from data_format.examples import Dense
from data_format.memory_source import MemorySource


def writing(seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(1797, 28, 28, 1) digits of many hands, and what they are."""
    import cv2
    from sklearn.datasets import load_digits

    found = load_digits()
    rng = np.random.default_rng(seed)
    out = np.zeros((len(found.images), 28, 28, 1), np.float32)
    for row, image in enumerate(found.images):
        down, across = rng.integers(2, 7, 2)
        out[row, down : down + 20, across : across + 20, 0] = cv2.resize(image, (20, 20), interpolation=cv2.INTER_CUBIC)
    return out.clip(0, 16) * 16, found.target


def four_channels(seed: int, n: int = 2000, side: int = 32) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(n, side, side, 4) noisy pictures of 3 shapes × 2 ways in which the fourth channel follows the first."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 6, n)
    grid = np.arange(side)
    out = rng.normal(0, 0.35, (n, side, side, 4)).astype(np.float32)
    for row, kind in enumerate(kinds):
        shape, sign = kind % 3, 1 if kind < 3 else -1
        y, x = rng.uniform(9, side - 9, 2)
        size = rng.uniform(5, 8)
        down, across = np.abs(grid - y)[:, None], np.abs(grid - x)
        masks = (
            np.hypot(down, across) < size,
            np.maximum(down, across) < size * 0.89,
            (np.minimum(down, across) < size * 0.33) & (np.maximum(down, across) < size * 1.2),
        )
        strength = rng.normal(0, 1, 3) + np.array([1.0, 0, 0])
        out[row, ..., :3] += masks[shape][..., None] * strength * 0.6
        out[row, ..., 3] += masks[shape] * sign * strength[0] * 0.6
    return out, kinds


def in_memory(name: str, pictures: NDArray[np.float32], kinds: NDArray[np.int64], seed: int) -> Dataset:
    """A third of the rows for the test."""
    order = np.random.default_rng(seed).permutation(len(kinds))
    cut = len(order) // 3
    labels = np.eye(kinds.max() + 1, dtype=np.float32)[kinds]
    splits = []
    for rows in (order[cut:], order[:cut]):
        examples = [Dense(pictures[row][None]) for row in rows]
        splits.append(Split([str(row) for row in rows], labels[rows], MemorySource(examples)))
    truth = labels[order[:cut]]
    blank = Split(splits[1].ids, np.zeros_like(truth), splits[1].source)
    names = tuple(str(kind) for kind in range(labels.shape[1]))
    shape = (1, *pictures.shape[1:])
    return Dataset(name, Path(name), names, shape, splits[0], blank, ("image", "made in memory"), truth=lambda: truth)


def play(spec: LearnerSpec, dataset: Dataset, seconds: float, seed: int) -> None:
    """Increments of one learner until it is exhausted or the time is over."""
    task = make_task(dataset)
    if not spec.fits(task):
        print(f"  {spec.name:14} cannot serve {task.shape[3]} channels")
        return
    budget = Budget.from_now(seconds)
    store = TensorStore(dataset, task, Budget.from_now(600).deadline(600))
    train = Examples(store, "train", np.arange(task.n_train), dataset.train.labels)
    test = Examples(store, "test", np.arange(task.n_test), dataset.test.labels)
    learner, more, points = spec.create(task, seed), True, []
    assert dataset.truth is not None
    while more and budget.remaining() > 1:
        more = learner.fit(train, budget.deadline(seconds))
        points.append(f"{nauc(dataset.truth(), learner.predict(test)):.4f} at {budget.elapsed():.1f} s")
    print(f"  {spec.name:14} {', '.join(points)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path)
    given = parser.parse_args()
    limit_blas_threads()
    device()  # imports are not what is compared here
    for name, made in (("writing", writing(given.seed)), ("four_channels", four_channels(given.seed))):
        dataset = in_memory(name, *made, given.seed)
        if given.save:
            print(write_dataset(dataset, given.save, dataset.name))
            continue
        print(f"{name}: {len(dataset.train)} training and {len(dataset.test)} test rows")
        for spec in LEARNERS_BY_DOMAIN[Domain.IMAGE]:
            play(spec, dataset, given.seconds, given.seed)


if __name__ == "__main__":
    main()
