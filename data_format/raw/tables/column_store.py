"""A delimited file too big to hold as strings: read once, line by line, and kept by columns in few bytes a cell.

A column stays as codes of its different cells (2 bytes a cell) up to a limit; beyond it becomes float32 when they are
numbers (4 bytes), else its cells go to a temporary file and are read from there one by one. What small files promise
holds here too, except that numbers of columns with more different values are kept in single precision.
"""

import os
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Problem
from data_format.raw.tables.column_types import Coded, all_floats, is_missing, parse_number, texts_of
from data_format.raw.tables.csv_file import Grid, counted
from data_format.raw.tables.large_csv import open_long

BIG_BYTES = 96 << 20  # strings of a smaller file fit in memory several times over
_CHUNK_CELLS = 1 << 17
_CODES = 65_535  # codes are 16 bits wide
_ALL_CODES = 1_000_000  # different cells of all columns together: about 100 MB


class _TextFile:
    """A temporary file without a name, closed with the last object that reads from it."""

    def __init__(self) -> None:
        self._fd, name = tempfile.mkstemp(prefix="autodl-texts-")
        Path(name).unlink()
        self._end = 0
        weakref.finalize(self, os.close, self._fd)

    def append(self, data: bytes) -> int:
        """Write at the end; gives where it starts. Raises OSError on a full disk."""
        start = self._end
        while data:
            written = os.pwrite(self._fd, data, self._end)
            self._end += written
            data = data[written:]
        return start

    def read(self, start: int, length: int) -> bytes:
        """What stands there; safe from several threads."""
        return os.pread(self._fd, length, start)


class Spilled(Sequence[str]):
    """Texts in a file, read when they are asked for; safe from several threads."""

    def __init__(self, file: _TextFile, starts: NDArray[np.int64], lengths: NDArray[np.int32]) -> None:
        self._file, self._starts, self._lengths = file, starts, lengths

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "Spilled": ...
    def __getitem__(self, index: int | slice) -> "str | Spilled":
        if isinstance(index, slice):
            return Spilled(self._file, self._starts[index], self._lengths[index])
        data = self._file.read(int(self._starts[index]), int(self._lengths[index]))
        return data.decode("utf-8", "surrogatepass")

    def take(self, rows: NDArray[np.int64]) -> "Spilled":
        """Some of the texts."""
        return Spilled(self._file, self._starts[rows], self._lengths[rows])


class _ColumnBuilder:
    """One column while the file is read."""

    def __init__(self, limit: int, spill: Callable[[], _TextFile]) -> None:
        self._limit, self._spill = limit, spill
        self._index: dict[str, int] | None = {}
        self._texts = False
        self._codes: list[NDArray[np.uint16]] = []
        self._numbers: list[NDArray[np.float32]] = []
        self._places: list[NDArray[np.int64]] = []
        self.odd = 0

    def add(self, cells: Sequence[str]) -> None:
        """Append the cells of the next rows."""
        if self._index is not None:
            index = self._index
            for cell in set(cells).difference(index):
                index[cell] = len(index)
            if len(index) <= self._limit:
                self._codes.append(np.fromiter(map(index.__getitem__, cells), np.uint16, len(cells)))
                return
            self._overflow(index)
        (self._add_texts if self._texts else self._add_numbers)(cells)

    def finish(self) -> "Coded | NDArray[np.float32] | Spilled":
        """The whole column."""
        if self._index is not None:
            return Coded(list(self._index), np.concatenate(self._codes or [np.zeros(0, np.uint16)]))
        if self._texts:
            starts, lengths = np.concatenate(self._places, axis=1)
            return Spilled(self._spill(), starts, lengths.astype(np.int32))
        numbers, self._numbers = self._numbers, []
        return np.concatenate(numbers)

    def _overflow(self, index: dict[str, int]) -> None:
        """Leave the codes: for numbers where nearly all the different cells are some, else for texts."""
        keys = list(index)
        values = np.array([parse_number(key) for key in keys])
        odd = [place for place, key in enumerate(keys) if values[place] != values[place] and not is_missing(key)]
        self._texts = len(odd) > 0.02 * len(keys)
        self._index = None
        codes, self._codes = self._codes, []
        with np.errstate(over="ignore"):
            table = values.astype(np.float32)
        for part in codes:
            if self._texts:
                self._add_texts([keys[code] for code in part.tolist()])
            else:
                self._numbers.append(table[part])
                self.odd += int(np.isin(part, odd).sum())

    def _add_numbers(self, cells: Sequence[str]) -> None:
        with np.errstate(over="ignore"):
            clean = all_floats(cells)
            if clean is not None:
                values = clean.astype(np.float32)
            else:
                values = np.array([parse_number(cell) for cell in cells]).astype(np.float32)
                empty = np.flatnonzero(np.isnan(values))
                self.odd += sum(not is_missing(cells[place]) for place in empty.tolist())
        self._numbers.append(values)

    def _add_texts(self, cells: Sequence[str]) -> None:
        encoded = [cell.encode("utf-8", "surrogatepass") for cell in cells]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        start = self._spill().append(b"".join(encoded))
        self._places.append(np.stack([start + np.cumsum(lengths) - lengths, lengths]))


class ColumnStore:
    """The cells of one big file; names, header and separator as in a `Grid`, `rows` a range of their numbers."""

    def __init__(self, head: Grid, problems: list[Problem]) -> None:
        self.path, self.names, self.header = head.path, head.names, head.header
        self.separator, self.blanks, self.problems = head.separator, head.blanks, problems
        self.rows: Sequence[Any] = range(0)
        self._columns: dict[str, Coded | NDArray[np.float32] | Spilled] = {}
        self._file: _TextFile | None = None

    def cells(self, name: str) -> "Coded | NDArray[np.float32] | Spilled":
        """A column in its short form."""
        return self._columns[name]

    def column(self, name: str) -> list[str]:
        """All cells of a column as texts (numbers as Python writes them where their spelling is not kept)."""
        return list(texts_of(self._columns[name]))

    def forget(self, name: str) -> None:
        """Give the memory of a column back."""
        self._columns.pop(name, None)

    def fill(self, columns: "dict[str, Coded | NDArray[np.float32]]", rows: int) -> None:
        """Take over columns that stand in their short form already."""
        self._columns |= columns
        self.rows = range(rows)

    def read(self, records: Iterator[list[str]]) -> None:
        """Take in all rows."""
        width = len(self.names)
        limit = min(_CODES, max(1024, _ALL_CODES // width))
        growing = [_ColumnBuilder(limit, self._spill) for _ in self.names]
        step = max(64, min(1 << 16, _CHUNK_CELLS // width))
        n, short, long = 0, 0, 0
        chunk: list[list[str]] = []
        for row in records:
            if len(row) != width:
                short += len(row) < width
                long += bool("".join(row[width:]).strip())
                row = (row + [""] * width)[:width]
            chunk.append(row)
            if len(chunk) == step:
                n += _flush(chunk, growing)
        n += _flush(chunk, growing)
        self.rows = range(n)
        for name, column in zip(self.names, growing, strict=True):
            self._columns[name] = column.finish()
            if column.odd:
                reason = f"{counted(column.odd, 'cell')} not a number, taken as missing"
                self.problems.append(Problem(f"{self.path.name}, column {name!r}", reason))
        for count, what in ((short, "too few cells, filled up"), (long, "too many cells, cut")):
            if count:
                self.problems.append(Problem(self.path.name, f"{counted(count, 'row')} with {what}"))

    def _spill(self) -> _TextFile:
        self._file = self._file or _TextFile()
        return self._file


def read_store(path: Path, like: "Grid | ColumnStore | None" = None) -> ColumnStore:
    """Read a big delimited file; `like` is the training file as in `read_grid`. Raises DataError as that does."""
    long = open_long(path, like)
    store = ColumnStore(long.head, [])
    store.read(long.rows(store.problems))
    return store


def _flush(chunk: list[list[str]], growing: Sequence[_ColumnBuilder]) -> int:
    """Hand the rows of a chunk to the columns, and empty it."""
    n = len(chunk)
    for column, cells in zip(growing, zip(*chunk, strict=True) if chunk else (), strict=bool(chunk)):
        column.add(cells)
    chunk.clear()
    return n
