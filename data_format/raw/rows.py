"""Rows of delimited files as `Source`s: texts, or a table whose cells are converted at the first request.

The table of both sides is built at once: column kinds come from the training rows, test columns are found by name.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Problem, Source
from data_format.errors import DataError
from data_format.examples import Dense, Example, Table, Text
from data_format.raw.columns import Kind, learn, numbers, words
from data_format.raw.csvfile import counted


@dataclass
class Side:
    """Rows of train or test with their numbers in the file, and where each column stands."""

    file: str
    positions: dict[str, int]
    rows: list[list[str]]
    row_numbers: Sequence[int]

    def columns(self, names: Sequence[str]) -> list[Sequence[str]]:
        """Cells of the named columns; a column that the file lacks is empty."""
        # Transposing all at once is twice as quick as picking column by column, if most columns are wanted.
        absent = [""] * len(self.rows)
        if len(names) * 2 > len(self.positions):
            every: list[Sequence[str]] = list(zip(*self.rows, strict=True)) if self.rows else [()] * len(self.positions)
            return [every[self.positions[name]] if name in self.positions else absent for name in names]
        places = [self.positions.get(name) for name in names]
        return [absent if place is None else [row[place] for row in self.rows] for place in places]


class TextSource(Source):
    """Texts held in memory."""

    def __init__(self, texts: Sequence[str], file: str, columns: tuple[str, ...] = ()) -> None:
        self._texts = texts
        self._file = file
        self.columns = columns

    def __len__(self) -> int:
        return len(self._texts)

    def example(self, index: int) -> Example:
        """The text of row `index`, as it stands in the file."""
        return Text(self._texts[index])

    def table(self) -> Table:
        """Never: raises DataError."""
        raise DataError(f"{self._file}: expected rows of a table, found {len(self._texts)} texts")


class Tables:
    """Both sides as tables, built together at the first request; safe to ask from several threads."""

    def __init__(
        self, train: Side, test: Side, features: tuple[str, ...], comma: bool, problems: list[Problem]
    ) -> None:
        self._sides: tuple[Side, ...] = (train, test)
        self._features = features
        self._comma_decimals = comma
        self._problems = problems
        self._lock = threading.Lock()
        self._tables: tuple[Table, ...] = ()

    def get(self, side: int) -> Table:
        """The table of side 0 (train) or 1 (test)."""
        with self._lock:
            if not self._tables:
                train, test = self._sides
                learnt = [learn(cells, self._comma_decimals) for cells in train.columns(self._features)]
                kinds = [kind for kind, _, _ in learnt]
                read = [
                    (words(cells), 0) if kind == "word" else numbers(cells, kind)
                    for kind, cells in zip(kinds, test.columns(self._features), strict=True)
                ]
                self._tables = (
                    self._build(train, kinds, [(values, odd) for _, values, odd in learnt]),
                    self._build(test, kinds, read),
                )
                # The cells as strings are several times the size of the tables.
                self._sides = ()
            return self._tables[side]

    def _build(self, side: Side, kinds: Sequence[Kind], read: Sequence[tuple[NDArray[Any], int]]) -> Table:
        """Columns side by side; `read` holds the values and the number of odd cells of each."""
        names: dict[bool, list[str]] = {True: [], False: []}
        parts: dict[bool, list[NDArray[Any]]] = {True: [], False: []}
        for name, kind, (values, odd) in zip(self._features, kinds, read, strict=True):
            names[kind == "word"].append(name)
            parts[kind == "word"].append(values)
            if odd:
                reason = f"{counted(odd, 'cell')} not a {kind.partition(',')[0]}, taken as missing"
                self._problems.append(Problem(f"{side.file}, column {name!r}", reason))
        n = len(side.rows)
        number_array = np.stack(parts[False], axis=1) if parts[False] else np.empty((n, 0))
        word_array = np.stack(parts[True], axis=1) if parts[True] else np.empty((n, 0), dtype=object)
        all_kinds = tuple(zip(self._features, kinds, strict=True))
        return Table(number_array, tuple(names[False]), word_array, tuple(names[True]), kinds=all_kinds)


class TableSource(Source):
    """Rows of a table; `example` gives a row of numbers where the table holds nothing else."""

    def __init__(self, tables: Tables, side: int, length: int) -> None:
        self._tables = tables
        self._side = side
        self._length = length

    def __len__(self) -> int:
        return self._length

    def example(self, index: int) -> Example:
        """Row `index` as a (1, 1, features, 1) array. Raises DataError where the table has columns of words."""
        table = self.table()
        if table.string_names:
            raise DataError(
                f"column {table.string_names[0]!r}: expected numbers, found words; read the rows by table()"
            )
        return Dense(table.numbers[index].astype(np.float32).reshape(1, 1, -1, 1))

    def table(self) -> Table:
        """All rows, numbers and words apart."""
        return self._tables.get(self._side)
