"""Sources over arrays that a program handed over: one array an example, or some rows of another source."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import DomainName, Source
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Example, Table


class ArraySource(Source):
    """Numeric arrays, one an example, each brought to (time, rows, columns, channels) float32 when it is asked for."""

    def __init__(self, arrays: Sequence[Any] | NDArray[Any], domain: DomainName) -> None:
        self._arrays, self._domain = arrays, domain

    def __len__(self) -> int:
        return len(self._arrays)

    def example(self, index: int) -> Example:
        """The array of row `index`. Raises Unreadable when it has another number of dimensions than its domain."""
        try:
            with np.errstate(over="ignore"):  # beyond float32 a number is infinite
                array = np.asarray(self._arrays[index], np.float32)
        except (TypeError, ValueError):
            raise Unreadable("array not of numbers") from None
        if self._domain == "speech":
            # Several channels are mixed to one, as with files.
            array = array.mean(axis=int(array.shape[0] > array.shape[1])) if array.ndim == 2 else array
            shaped = array.reshape(-1, 1, 1, 1) if array.ndim == 1 else None
        elif self._domain == "image":
            shaped = {2: array[None, ..., None], 3: array[None]}.get(array.ndim)
        else:
            shaped = {3: array[..., None], 4: array}.get(array.ndim)
        if shaped is None:
            raise Unreadable(f"array of {array.ndim} dimensions, not of a {self._domain}")
        return Dense(shaped)

    def table(self) -> Table:
        """Always raises DataError: arrays are not rows of a table."""
        raise DataError(f"x: expected rows of a table, found {len(self._arrays)} arrays ({self._domain})")


class PickedSource(Source):
    """Some rows of another source."""

    def __init__(self, source: Source, rows: NDArray[np.int64]) -> None:
        self._source, self._rows, self.columns = source, rows, source.columns

    def __len__(self) -> int:
        return len(self._rows)

    def example(self, index: int) -> Example:
        """Example `index` of the picked rows; raises what the source raises."""
        return self._source.example(int(self._rows[index]))

    def table(self) -> Table:
        """The picked rows as a table. Raises DataError where the source is none."""
        table = self._source.table()
        if table.sparse is not None:
            raise DataError(f"x: expected a label for every row of a sparse matrix, found {len(self._rows)}")
        return replace(table, numbers=table.numbers[self._rows], strings=table.strings[self._rows])
