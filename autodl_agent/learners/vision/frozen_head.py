"""What learners on frozen features share: features of a sample and of the test rows in time, the head, its state."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities, Rows
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import CHUNK, OutOfTimeError, Recipe, SplitName, TensorStore
from autodl_agent.learners.base import Examples
from autodl_agent.learners.cost import recipes_cost_s
from autodl_agent.learners.heads.config import GaussianConfig
from autodl_agent.learners.heads.cost import Speed
from autodl_agent.learners.heads.gaussian_kernel import GaussianHead, fit_gaussian
from autodl_agent.system.clock import Deadline
from autodl_agent.system.resources import cores

PREDICT_ROWS = 4096  # rows whose features are gathered at once
PIECE_BYTES = 32 << 20  # decoded pictures or clips between two looks at the clock
DISTRUST = 1.5  # a fit refused for its expected time is expected to be this much faster the next time it is asked for


@dataclass(frozen=True)
class FeatureView:
    """Features and what they count: recipe of shape (features,) or (blocks, features), one weight a block."""

    recipe: Recipe
    weights: tuple[float, ...]


class FrozenHead:
    """A Gaussian kernel head on the blocks of several looks; the last fitted one stays until a better one is made."""

    def __init__(self, task: Task, seed: int, config: GaussianConfig) -> None:
        self.seed, self.config = seed, config
        self._fit_s = self._fit_work = 0.0  # of the newest head; work: see `_work`
        self.head: GaussianHead | None = None
        self.shares = task.class_priors
        self._speed = Speed()

    def fit(self, data: Examples, rows: int, feature_views: Sequence[FeatureView], deadline: Deadline) -> None:
        """Fit on at most `rows` rows, and compute the test rows' features, so that what is promised is in time.

        Raises OutOfTimeError; features made until then stay in the store, and the old head stays.
        """
        store = data.store
        affordable = [store.affordable_rows(data.split, look.recipe) for look in feature_views]
        sample = data.sample(max(1, min(rows, *affordable)), self.seed)
        for look in feature_views:
            compute(store, data.split, look.recipe, sample.rows, deadline)
            compute(store, "test", look.recipe, np.arange(len(store.split("test"))), deadline)
        sample = sample.readable()
        if not len(sample):
            return
        weights = [weight for look in feature_views for weight in look.weights]
        features, began = _blocks(sample, feature_views, deadline), deadline.now()
        try:
            self.head = fit_gaussian(features, weights, sample.labels, self.config, self.seed, deadline, self._speed)
        except OutOfTimeError:
            self._speed.per_s *= DISTRUST
            raise
        self._fit_s, self._fit_work = deadline.now() - began, _work(len(sample), feature_views)
        self.shares = ((sample.labels.sum(0) + 0.5) / (len(sample) + 1)).astype(np.float32)

    def cost_s(self, data: Examples, rows: int, feature_views: Sequence[FeatureView]) -> float | None:
        """Seconds of a fit on so many rows, features of the rows to be predicted included; None where unknown."""
        cost_s = recipes_cost_s(data, data.sample(max(1, rows), self.seed), [look.recipe for look in feature_views])
        if cost_s is None:
            return None
        return cost_s + (self._fit_s * _work(rows, feature_views) / self._fit_work if self._fit_work else 0.0)

    def predict(self, data: Examples, feature_views: Sequence[FeatureView]) -> Probabilities:
        """(n, classes) probabilities; rows that cannot be read get the class shares. looks: those of the last fit."""
        out = np.tile(self.shares, (len(data), 1))
        if self.head is None:
            return out
        for start in range(0, len(data), PREDICT_ROWS):
            part = data.take(np.arange(start, min(len(data), start + PREDICT_ROWS)))
            found = self.head.probabilities(_blocks(part, feature_views, None))
            good = ~data.store.bad[data.split][part.rows]
            out[start : start + len(part)][good] = found[good]
        return out

    def arrays(self) -> dict[str, NDArray[np.floating]]:
        """For `save_state`."""
        head = {f"head_{k}": v for k, v in self.head.arrays().items()} if self.head else {}
        return {"shares": self.shares, **head}

    def restore(self, arrays: dict[str, NDArray[np.floating]]) -> None:
        """The inverse of `arrays`."""
        self.shares = np.asarray(arrays["shares"], np.float32)
        head = {k.removeprefix("head_"): v for k, v in arrays.items() if k.startswith("head_")}
        self.head = GaussianHead.from_arrays(head) if head else None


def _work(rows: int, feature_views: Sequence[FeatureView]) -> float:
    """What the seconds of a kernel head grow with: pairs of rows, features."""
    return float(rows**2 * sum(int(np.prod(look.recipe.shape)) for look in feature_views))


def compute(store: TensorStore, split: SplitName, recipe: Recipe, rows: Rows, deadline: Deadline) -> None:
    """Put features into the store, in pieces small enough that a deadline costs little of what was done.

    Raises OutOfTimeError.
    """
    one = recipe.source.row_bytes if recipe.source else recipe.row_bytes
    piece = int(np.clip(PIECE_BYTES // max(1, one), cores(), CHUNK * cores()))
    for start in range(0, len(rows), piece):
        store.rows(split, recipe, rows[start : start + piece], deadline)


def _blocks(
    data: Examples, feature_views: Sequence[FeatureView], deadline: Deadline | None
) -> list[NDArray[np.floating]]:
    """(n, features) of every block of every look."""
    out: list[NDArray[np.floating]] = []
    for look in feature_views:
        values = data.array(look.recipe, deadline).reshape(len(data), len(look.weights), -1)
        out += [values[:, block] for block in range(len(look.weights))]
    return out
