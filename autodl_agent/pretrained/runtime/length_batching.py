"""Sequences of pieces of text in groups of like length, filled up to the longest: what graphs of fixed rows take."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = Sequence[int]
STEPS = 8  # a group's longest text is filled up to a multiple: another shape is another allocation


def in_groups(texts: Sequence[Numbers], size: int, compute: Callable[[list[Numbers]], Floats]) -> Floats:
    """(n, …) of n texts, one at least, in their order. compute: of `size` texts at the most, (texts, …)."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    parts = [compute([texts[place] for place in order[at : at + size]]) for at in range(0, len(order), size)]
    found = np.concatenate(parts)
    out = np.empty_like(found)
    out[order] = found
    return out


def filled_up(texts: Sequence[Numbers], size: int, begin: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(size, steps) numbers with `begin` before and `end` after each text and behind it, and which of them are text.

    Rows beyond the texts count as one step.
    """
    lengths = np.ones(size, np.int64)
    lengths[: len(texts)] = [len(text) + 2 for text in texts]
    steps = np.arange(-(-lengths.max() // STEPS) * STEPS)
    numbers = np.full((size, len(steps)), end, np.int64)
    for row, text in enumerate(texts):
        numbers[row, : len(text) + 1] = [begin, *text]
    return numbers, steps < lengths[:, None]
