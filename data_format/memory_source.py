"""Examples held in memory, given by a program instead of files."""

from collections.abc import Sequence

import numpy as np

from data_format.dataset import Source
from data_format.errors import DataError
from data_format.examples import Dense, Example, Table


class MemorySource(Source):
    """A list of examples, or the rows of a table."""

    def __init__(
        self, examples: Sequence[Example] = (), table: Table | None = None, columns: tuple[str, ...] = ()
    ) -> None:
        self.examples, self._table, self.columns = examples, table, columns

    def __len__(self) -> int:
        return len(self._table) if self._table is not None else len(self.examples)

    def example(self, index: int) -> Example:
        """One example; a row of a table is a dense (1, 1, columns, 1) array of its numbers."""
        if self._table is not None:
            with np.errstate(over="ignore"):  # beyond float32 a number is infinite
                return Dense(self._table.numbers[index].astype(np.float32)[None, None, :, None])
        return self.examples[index]

    def table(self) -> Table:
        """The table. Raises DataError where the examples are not rows of one."""
        if self._table is None:
            raise DataError(f"expected rows of a table, found {len(self.examples)} examples of another kind")
        return self._table
