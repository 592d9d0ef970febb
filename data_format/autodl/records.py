"""The records of one subset of an AutoDL data set, in row order, decoded on demand."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.autodl.batch_decoder import Batch, decode_batches
from data_format.autodl.metadata import Metadata
from data_format.autodl.sequence_example import Context, context_in, decode_context, decode_example
from data_format.autodl.tfrecord import RecordFile, scan
from data_format.dataset import Problem, Source
from data_format.errors import DataError, Unreadable
from data_format.examples import Csr, Dense, Example, Sparse, Table

PREFIX = "sample"
SLOTS = 3
# Bytes of a subset up to which checksums are compared when it is opened, beyond it when a record is first read.
_VERIFY_BYTES = 1 << 30
_MAX_OPEN_FILES = 128
_HEAD_BYTES = 4096
_LONG_RECORD_BYTES = 1 << 15
# Sparse tables up to this many cells (float32) become dense ones: most learners are faster on them.
_MAX_DENSE_CELLS = 1 << 26


class Records(Source):
    """The examples of one subset. `example` and `table` may be called from several threads at once."""

    def __init__(
        self, metadata: Metadata, files: Sequence[RecordFile], rows: NDArray[np.int64], problems: list[Problem]
    ) -> None:
        """rows: (n, 2) int64, file and record within it of every example. problems: where `table` reports losses."""
        self.metadata = metadata
        self._files = files
        self._rows = rows
        self._problems = problems

    def __len__(self) -> int:
        return len(self._rows)

    def example(self, index: int) -> Example:
        """Read and decode example `index`. Raises Unreadable when it is damaged."""
        file, record = self._rows[index].tolist()
        return decode_example(self._files[file].read(record), self.metadata)

    def context(self, index: int) -> Context:
        """Labels and id of example `index`. Raises Unreadable, or DataError for label lists that do not fit."""
        file, record = self._rows[index].tolist()
        records = self._files[file]
        if records.lengths[record] > _LONG_RECORD_BYTES:
            # Labels come first in a record: a video need not be read to know its class.
            head = context_in(records.read_head(record, _HEAD_BYTES))
            if head is not None:
                return decode_context(head)
        return decode_context(records.read(record))

    def alike(self) -> Iterator[Batch]:
        """Examples that can be decoded many at a time (`rows`: their indices here): one time step, known width."""
        width = self._width()
        if self.metadata.format != "DENSE" or self.metadata.shape[0] != 1 or width <= 0:
            return
        for number, file in enumerate(self._files):
            here = np.flatnonzero(self._rows[:, 0] == number)
            for batch in decode_batches(file, self._rows[here, 1], width):
                yield batch._replace(rows=here[batch.rows])

    def where(self, index: int) -> str:
        """File and record of an example, for messages."""
        file, record = self._rows[index].tolist()
        return f"{self._files[file].path}, record {self._files[file].numbers[record]}"

    def keep(self, rows: NDArray[np.bool_]) -> "Records":
        """The same source without the rows that are not wanted."""
        return Records(self.metadata, self._files, self._rows[rows], self._problems)

    def table(self) -> Table:
        """All rows as numbers; a row that cannot be read is all missing (NaN) and named in the problems.

        Raises DataError where the records are images or sequences.
        """
        time, rows, columns, channels = self.metadata.shape
        if self.metadata.format == "COMPRESSED" or time != 1 or (rows != 1 and columns != 1):
            raise DataError(
                f"expected records of one row of numbers, found {self.metadata.format} records of shape "
                f"{self.metadata.shape} (time, rows, columns, channels)"
            )
        width = self._width() or self._widest()
        sparse = None
        if self.metadata.format == "DENSE":
            numbers = self._dense_rows(width)
        elif len(self) * width <= _MAX_DENSE_CELLS:
            numbers = self._sparse_rows(width)
        else:
            numbers, sparse = np.zeros((len(self), 0), np.float32), self._csr(width)
        names = self._column_names(width)
        strings = np.empty((len(self), 0), object)
        return Table(numbers, names if sparse is None else (), strings, (), sparse)

    def _dense_rows(self, width: int) -> NDArray[np.float32]:
        numbers = np.full((len(self), width), np.nan, np.float32)
        waiting = np.ones(len(self), bool)
        for batch in self.alike():
            numbers[batch.rows], waiting[batch.rows] = batch.numbers, False
        for index in np.flatnonzero(waiting).tolist():
            example = self._readable(index)
            if isinstance(example, Dense) and example.array.size == width:
                numbers[index] = example.array.reshape(width)
            elif example is not None:
                self._problems.append(Problem(self.where(index), f"expected {width} numbers in a row"))
        return numbers

    def _width(self) -> int:
        """Numbers in a time step; 0 where the description leaves it open."""
        _, rows, columns, channels = self.metadata.shape
        return rows * columns * channels if rows > 0 and columns > 0 else 0

    def _sparse_rows(self, width: int) -> NDArray[np.float32]:
        readable, rows, cells, values = self._cells()
        numbers = np.zeros((len(self), width), np.float32)
        numbers[rows, cells] = values
        numbers[~readable] = np.nan
        return numbers

    def _csr(self, width: int) -> Csr:
        """The rows without their zeros."""
        _, rows, cells, values = self._cells()
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(self)))]).astype(np.int64)
        return Csr(indptr, cells, values, width)

    def _cells(self) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """(n,) which rows can be read; of all their cells, ordered, the row, the number within it and the value.

        Cells are numbered row-major over (rows, columns, channels) of the matrix.
        """
        _, _, columns, channels = self.metadata.shape
        readable = np.zeros(len(self), bool)
        lengths = np.zeros(len(self), np.int64)
        parts: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = [(np.zeros(0, np.int64), np.zeros(0, np.float32))]
        for index in range(len(self)):
            example = self._readable(index)
            if isinstance(example, Sparse):
                cell = (example.rows * max(columns, 1) + example.columns) * channels + example.channels
                parts.append((cell, example.values))
                readable[index], lengths[index] = True, len(cell)
        cells, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        rows = np.repeat(np.arange(len(self)), lengths)
        if not ((rows[1:] > rows[:-1]) | (cells[1:] > cells[:-1])).all():  # most writers leave them in order
            order = np.lexsort((cells, rows))  # stable
            rows, cells, values = rows[order], cells[order], values[order]
            # Of a repeated cell the last value counts, as in the examples' dense form.
            last = np.r_[(rows[1:] > rows[:-1]) | (cells[1:] > cells[:-1]), True]
            rows, cells, values = rows[last], cells[last], values[last]
        return readable, rows, cells, values

    def _widest(self) -> int:
        """Number of columns where the description leaves it open: that of the widest readable row."""
        width = 1
        channels = self.metadata.shape[3]
        for index in range(len(self)):
            try:
                example = self.example(index)
            except Unreadable:
                continue
            if isinstance(example, Dense):
                width = max(width, example.array.size)
            elif isinstance(example, Sparse) and len(example.columns):
                width = max(width, (int(max(example.columns.max(), example.rows.max())) + 1) * channels)
        return width

    def _readable(self, index: int) -> Example | None:
        try:
            return self.example(index)
        except Unreadable as error:
            self._problems.append(Problem(self.where(index), str(error)))
            return None

    def _column_names(self, width: int) -> tuple[str, ...]:
        names = [f"f{column}" for column in range(width)]
        for name, column in self.metadata.feature_to_index_map.items():
            if 0 <= column < width:
                names[column] = name
        return tuple(names)


def open_records(folder: Path, metadata: Metadata, interleaved: bool, problems: list[Problem]) -> Records:
    """Find the records of a subset folder: files whose names start with "sample", sorted by name.

    interleaved: the order in which the challenge reads test rows, round-robin over up to three files; else one file
    after the other. Damage goes to `problems`. Raises DataError when there is no file or no readable record.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.startswith(PREFIX) and path.is_file())
        verify = sum(path.stat().st_size for path in paths) <= _VERIFY_BYTES
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from None
    if not paths:
        raise DataError(f"{folder}: expected record files whose names start with {PREFIX!r}, found none")
    files = [scan(path, verify) for path in paths]
    for records in files[:_MAX_OPEN_FILES]:
        records.keep_open()
    for records in files:
        problems += records.problems
    counts = [len(records) for records in files]
    # An empty subset is legal when its description says 0; the caller compares every other count.
    if not sum(counts) and metadata.sample_count:
        reasons = "; ".join(f"{item.where}: {item.reason}" for item in problems[-3:])
        raise DataError(f"{folder}: expected {metadata.sample_count} records, found 0 ({reasons or 'empty files'})")
    return Records(metadata, files, interleave(counts, SLOTS if interleaved else 1), problems)


def interleave(counts: Sequence[int], slots: int = SLOTS) -> NDArray[np.int64]:
    """(n, 2) file and record numbers in the order of TensorFlow's deterministic `interleave` with block length 1.

    counts: records of each file. One record from each of `slots` open files in turn; a file found at its end leaves
    its slot empty for that turn, and the next file of the list opens there when the turn comes round again.
    """
    if slots == 1 or len(counts) == 1:
        files = np.repeat(np.arange(len(counts)), counts)
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        return np.stack([files, np.arange(len(files)) - starts], axis=1).astype(np.int64)
    order: list[tuple[int, int]] = []
    waiting = iter(range(len(counts)))
    open_files: list[tuple[int, int] | None] = [None] * slots  # file and its next record
    total, turn = sum(counts), 0
    while len(order) < total:
        slot = turn % slots
        turn += 1
        current = open_files[slot]
        # An empty slot opens the next file; with none left it stays empty while the other slots run dry.
        if current is None:
            file = next(waiting, None)
            if file is None:
                continue
            current = (file, 0)
        file, record = current
        if record < counts[file]:
            order.append((file, record))
            open_files[slot] = (file, record + 1)
        else:
            open_files[slot] = None
    return np.array(order, np.int64).reshape(-1, 2)
