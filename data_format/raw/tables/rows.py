"""Rows of delimited files as `Source`s: texts, or a table whose cells are converted at the first request.

The table of both sides is built at once: column kinds come from the training rows, test columns are found by name.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Problem, Source
from data_format.errors import DataError
from data_format.examples import Dense, Example, Table, Text
from data_format.raw.tables.column_store import ColumnStore
from data_format.raw.tables.column_types import Cells, Coded, Kind, learn, numbers, texts_of, words
from data_format.raw.tables.csv_file import counted

_COPIED_BYTES = 1 << 26


class Side(ABC):
    """Rows of train or test with their numbers in the file, and the position of each column."""

    def __init__(self, file: str, positions: Mapping[str, int], row_numbers: Sequence[int]) -> None:
        self.file, self.positions, self.row_numbers = file, dict(positions), row_numbers

    def __len__(self) -> int:
        return len(self.row_numbers)

    @property
    @abstractmethod
    def number_type(self) -> type[np.floating]:
        """The type that numbers are kept in."""

    @abstractmethod
    def columns(self, names: Sequence[str]) -> Sequence[Cells]:
        """Cells of the named columns; a column that the file lacks is empty."""

    @abstractmethod
    def each(self, names: Sequence[str]) -> Iterator[Cells]:
        """The same one by one; the last use of the columns."""

    @abstractmethod
    def pick(self, rows: NDArray[np.int64]) -> "Side":
        """The side with some of its rows."""

    def ids(self) -> Sequence[str]:
        """Row numbers as ids."""
        return list(map(str, self.row_numbers))

    def texts(self, names: Sequence[str]) -> list[Sequence[str]]:
        """Columns as sequences of texts."""
        return [texts_of(cells) for cells in self.columns(names)]


class RowSide(Side):
    """Rows as lists of cells, the way small files are held."""

    number_type = np.float64

    def __init__(
        self, file: str, positions: Mapping[str, int], rows: list[list[str]], row_numbers: Sequence[int]
    ) -> None:
        super().__init__(file, positions, row_numbers)
        self._rows = rows

    def columns(self, names: Sequence[str]) -> list[Cells]:
        """Cells as lists or tuples of str."""
        # Transposing all at once is twice as quick as picking column by column, if most columns are wanted.
        absent = [""] * len(self._rows)
        if len(names) * 2 > len(self.positions):
            every: list[Sequence[str]] = (
                list(zip(*self._rows, strict=True)) if self._rows else [()] * (1 + max(self.positions.values()))
            )
            return [every[self.positions[name]] if name in self.positions else absent for name in names]
        places = [self.positions.get(name) for name in names]
        return [absent if place is None else [row[place] for row in self._rows] for place in places]

    def each(self, names: Sequence[str]) -> Iterator[Cells]:
        """See `columns`."""
        return iter(self.columns(names))

    def pick(self, rows: NDArray[np.int64]) -> "RowSide":
        """Some rows; the lists of cells are shared."""
        chosen = rows.tolist()
        numbers_of = [self.row_numbers[i] for i in chosen]
        return RowSide(self.file, self.positions, [self._rows[i] for i in chosen], numbers_of)


class StoreSide(Side):
    """Rows of a big file, which a store holds by columns."""

    number_type = np.float32

    def __init__(self, store: ColumnStore, rows: NDArray[np.int64] | None = None) -> None:
        super().__init__(
            store.path.name,
            {name: i for i, name in enumerate(store.names)},
            range(len(store.rows)) if rows is None else Numbers(rows),
        )
        self._store, self._picked = store, rows

    def columns(self, names: Sequence[str]) -> list[Cells]:
        """Cells in the store's short form."""
        return [self._cells(name) for name in names]

    def each(self, names: Sequence[str]) -> Iterator[Cells]:
        """One column after the other, each given back by `forget`."""
        return map(self._cells, names)

    def ids(self) -> Sequence[str]:
        """Row numbers as ids, written when asked for."""
        return RowIds(self.row_numbers)

    def forget(self, name: str) -> None:
        """Let the store drop a column."""
        if name in self.positions:
            self._store.forget(self._store.names[self.positions[name]])

    def pick(self, rows: NDArray[np.int64]) -> "StoreSide":
        """Some rows of the same store."""
        picked = StoreSide(self._store, rows if self._picked is None else self._picked[rows])
        picked.positions = self.positions
        return picked

    def _cells(self, name: str) -> Cells:
        if name not in self.positions:
            # Two bytes a row, where a list of empty cells would take eight.
            return Coded([""], np.zeros(len(self), np.uint16))
        cells = self._store.cells(self._store.names[self.positions[name]])
        if self._picked is None:
            return cells
        return cells[self._picked] if isinstance(cells, np.ndarray) else cells.take(self._picked)


class Numbers(Sequence[int]):
    """Row numbers held as an array: millions of them cost 8 bytes each."""

    def __init__(self, rows: NDArray[np.int64]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> "Numbers": ...
    def __getitem__(self, index: int | slice) -> "int | Numbers":
        return Numbers(self._rows[index]) if isinstance(index, slice) else int(self._rows[index])


class RowIds(Sequence[str]):
    """Ids that are row numbers, written when asked for."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "RowIds": ...
    def __getitem__(self, index: int | slice) -> "str | RowIds":
        return RowIds(self._numbers[index]) if isinstance(index, slice) else str(self._numbers[index])


class Joined(Sequence[str]):
    """Several text columns as one, joined by line breaks when asked for."""

    def __init__(self, columns: Sequence[Sequence[str]]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns[0])

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "Joined": ...
    def __getitem__(self, index: int | slice) -> "str | Joined":
        if isinstance(index, slice):
            return Joined([column[index] for column in self._columns])
        return "\n".join(column[index] for column in self._columns)


class TextSource(Source):
    """Texts held in memory."""

    def __init__(self, texts: Sequence[str], file: str, columns: tuple[str, ...] = ()) -> None:
        self._texts = texts
        self._file = file
        self.columns = columns

    def __len__(self) -> int:
        return len(self._texts)

    def example(self, index: int) -> Example:
        """The text of row `index`, as it is in the file."""
        return Text(self._texts[index])

    def table(self) -> Table:
        """Always raises DataError: texts are not rows of a table."""
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
                self._tables = self._build()
                # The cells as strings are several times the size of the tables.
                self._sides = ()
            return self._tables[side]

    def _build(self) -> tuple[Table, ...]:
        """Both tables, one column of both at a time."""
        train, test = self._sides
        building = [_TableBuilder(side, len(self._features), self._problems) for side in self._sides]
        pairs = zip(self._features, train.each(self._features), test.each(self._features), strict=True)
        for name, mine, other in pairs:
            kind, values, odd = learn(mine, self._comma_decimals)
            building[0].add(name, kind, values, odd)
            building[1].add(name, kind, *((words(other), 0) if kind == "word" else numbers(other, kind)))
            for side in self._sides:
                # The cells of a finished column are freed before the next one is built.
                if isinstance(side, StoreSide):
                    side.forget(name)
        return tuple(table.finish() for table in building)


class _TableBuilder:
    """A table that grows column by column."""

    def __init__(self, side: Side, features: int, problems: list[Problem]) -> None:
        self._file, self._problems, self._n = side.file, problems, len(side)
        # Pages that are never written to take no memory, so room for all columns costs nothing.
        self._numbers = np.empty((self._n, features), side.number_type)
        self._words: list[NDArray[np.object_]] = []
        self._names: tuple[list[str], list[str]] = ([], [])
        self._kinds: list[tuple[str, str]] = []

    def add(self, name: str, kind: Kind, values: NDArray[Any], odd: int) -> None:
        """Append a column; odd cells, which are not of its kind, are reported."""
        self._kinds.append((name, kind))
        if kind == "word":
            self._words.append(values)
            self._names[1].append(name)
        else:
            with np.errstate(over="ignore"):  # beyond float32 a number is infinite
                self._numbers[:, len(self._names[0])] = values
            self._names[0].append(name)
        if odd:
            reason = f"{counted(odd, 'cell')} not a {kind.partition(',')[0]}, taken as missing"
            self._problems.append(Problem(f"{self._file}, column {name!r}", reason))

    def finish(self) -> Table:
        """The table."""
        width = len(self._names[0])
        numbers_of = self._numbers[:, :width]
        # A small table is packed; a large one stays as it is, since a copy would take its memory twice.
        if width < self._numbers.shape[1] and numbers_of.nbytes < _COPIED_BYTES:
            numbers_of = numbers_of.copy()
        strings = np.stack(self._words, axis=1) if self._words else np.empty((self._n, 0), dtype=object)
        return Table(numbers_of, tuple(self._names[0]), strings, tuple(self._names[1]), kinds=tuple(self._kinds))


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
        with np.errstate(over="ignore"):  # beyond float32 a number is infinite
            return Dense(table.numbers[index].astype(np.float32).reshape(1, 1, -1, 1))

    def table(self) -> Table:
        """All rows, numbers and words apart."""
        return self._tables.get(self._side)
