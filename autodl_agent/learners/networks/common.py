"""What trained networks do around their training: samples, first weights, time for predictions, unreadable rows."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Probabilities
from autodl_agent.data.splits import held_out_mask
from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples
from autodl_agent.learners.heads.ridge import fit_ridge
from autodl_agent.learners.networks.batches import Positions
from autodl_agent.system.clock import Deadline

MOST_RESERVED = 0.4  # share of the time left that predictions may claim
FEWEST_TO_JUDGE, MOST_JUDGES, JUDGES = 300, 2_000, 0.1
DECODED_ROWS = 2_048  # rows decoded at once: unreadable ones are known afterwards


class SampleConfig(Protocol):
    """How samples grow from one increment to the next."""

    @property
    def first_rows(self) -> int:
        """Rows of the first increment."""

    @property
    def classes_rows(self) -> int:
        """Rows per class on top."""

    @property
    def most_rows(self) -> int:
        """Rows at the most."""


class HeadConfig(Protocol):
    """What a first head is made of."""

    @property
    def head_rows(self) -> int:
        """Rows at the most."""

    @property
    def least_head_rows(self) -> int:
        """Fewer rows than these say nothing."""


def growing_sample(
    data: Examples, recipe: Recipe, config: SampleConfig, first: bool, seed: int, deadline: Deadline
) -> Examples:
    """The readable rows of a balanced sample at first, of all that the store can keep of this recipe afterwards.

    They are all computed. Raises OutOfTimeError; what was computed is kept.
    """
    most = min(config.most_rows, data.store.affordable_rows(data.split, recipe))
    if first:
        most = min(most, config.first_rows + config.classes_rows * data.task.n_classes)
    return decoded(data.sample(most, seed), recipe, deadline)


def ridge_head(
    sample: Examples, config: HeadConfig, seed: int, features: Callable[[Examples], NDArray[np.floating]]
) -> dict[str, NDArray[np.float32]]:
    """First weights of the last layer: ridge regression on the features (n, width) of the untouched network."""
    if len(sample) < config.least_head_rows:
        return {}
    some = sample.sample(config.head_rows, seed)
    return fit_ridge(features(some), some.labels).last_layer()


def reserve_prediction_time(data: Examples, deadline: Deadline, row_s: float, held_out: bool = False) -> Deadline:
    """The deadline, or an earlier one that leaves time to predict all rows that a run asks for before its end.

    held_out: leave time before the deadline itself for the rows held out, which are asked for within it: where a row
    takes milliseconds, they do not come for nothing.
    """
    others = len(data.store.split("train")) - len(data)
    asked = len(data.store.split("test")) + others
    if held_out:
        deadline = Deadline(deadline.at - row_s * others, deadline.now)
    left = data.store.end.remaining()
    reserve = min(row_s * max(asked, 0), MOST_RESERVED * max(left, 0.0))
    return Deadline(min(deadline.at, deadline.now() + left - reserve), deadline.now)


def decoded(data: Examples, recipe: Recipe, deadline: Deadline) -> Examples:
    """The readable rows of `data`, all computed. Raises OutOfTimeError; what was computed is kept."""
    for start in range(0, len(data), DECODED_ROWS):
        data.take(np.arange(start, min(len(data), start + DECODED_ROWS))).array(recipe, deadline)
    return data.readable()


def set_apart(labels: Labels, seed: int) -> NDArray[np.bool_]:
    """(n,) True for the rows that only judge: a tenth, at most 2,000; none of fewer than 300."""
    n = len(labels)
    if n < FEWEST_TO_JUDGE:
        return np.zeros(n, bool)
    return held_out_mask(labels, min(JUDGES, MOST_JUDGES / n), seed)


def completed(data: Examples, shares: Probabilities, good: Positions, found: Probabilities) -> Probabilities:
    """(n, classes): `found` at the positions `good`, the class shares at the others."""
    out = np.tile(shares.astype(np.float32), (len(data), 1))
    out[good] = found
    return out


def good_rows(data: Examples) -> NDArray[np.int64]:
    """Positions of the rows that are readable as far as is known."""
    return np.flatnonzero(~data.store.bad[data.split][data.rows])
