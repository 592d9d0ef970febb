"""Array types of the heads and what all of them do to arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def float32(values: NDArray[Any]) -> Floats:
    """The values in single precision, without a copy where they are."""
    return np.asarray(values, np.float32)


def inverse_spread(spread: NDArray[np.floating], least: float = 1e-6) -> Floats:
    """(columns,) factors that give columns of these standard deviations unit spread; 0 for constant ones."""
    return float32(np.where(spread > least, 1 / np.maximum(spread, least), 0))


def row_slices(n: int, step: int) -> list[slice]:
    """The rows 0 to n - 1 in runs of at most `step`."""
    return [slice(start, min(n, start + step)) for start in range(0, n, step)]
