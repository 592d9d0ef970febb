"""Rows of a table file a chunk at a time, however long it is; formats other than delimited text are read whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.csvfile import Grid, counted, rows_text
from data_format.raw.longfile import LongFile, open_long
from data_format.raw.tablefiles import read_table

_MAGIC_BYTES = 8
_WHOLE_BYTES = 4 << 20  # up to this size every format is read at once
_SHOWN = 5  # row numbers that are named; all are counted


@dataclass(frozen=True)
class Known:
    """What a model knows of the table that it was trained on; `read_grid` takes it for its `like`."""

    names: tuple[str, ...]
    separator: str = ","
    header: bool = True


@dataclass(frozen=True)
class Rows:
    """The names of the columns and the rows, chunk by chunk, each row as long as the names."""

    path: Path
    names: tuple[str, ...]
    header: bool
    chunks: Iterator[list[list[str]]]


def stream_rows(path: Path, known: Known, size: int, problems: list[Problem]) -> Rows:
    """Open a table file; `problems` grows while the chunks are taken. Raises DataError as `read_table` does."""
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_MAGIC_BYTES)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if total <= _WHOLE_BYTES or not _delimited(path, head):
        grid = read_table(path, _as_grid(path, known))
        problems += grid.problems
        return Rows(path, grid.names, grid.header, _pieces(grid, size))
    long = open_long(path, _as_grid(path, known))
    return Rows(path, long.head.names, long.head.header, _streamed(long, size, problems))


def _as_grid(path: Path, known: Known) -> Grid:
    return Grid(path, known.names, [], known.header, known.separator)


def _delimited(path: Path, head: bytes) -> bool:
    """Whether the file is delimited text by its name, or by having no mark of another format."""
    if path.suffix.lower() in (".csv", ".tsv"):
        return not head.startswith((b"PK\x03\x04", b"PAR1", b"\x1f\x8b"))
    return path.suffix.lower() == ".txt"


def _pieces(grid: Grid, size: int) -> Iterator[list[list[str]]]:
    rows = list(grid.rows)
    yield from (rows[at : at + size] for at in range(0, len(rows), size))


def _streamed(long: LongFile, size: int, problems: list[Problem]) -> Iterator[list[list[str]]]:
    width, number, file = len(long.head.names), 0, long.head.path.name
    odd: dict[str, list[int]] = {"too few cells, filled up": [], "too many cells, cut": []}
    counts = dict.fromkeys(odd, 0)
    records = long.rows(problems)
    while chunk := list(islice(records, size)):
        for place, row in enumerate(chunk):
            if len(row) == width:
                continue
            what = "too few cells, filled up" if len(row) < width else "too many cells, cut"
            if len(row) < width or "".join(row[width:]).strip():
                counts[what] += 1
                odd[what] += [number + place] if len(odd[what]) < _SHOWN else []
            chunk[place] = (row + [""] * width)[:width]
        yield chunk
        number += len(chunk)
    for what, rows in odd.items():
        if rows:
            problems.append(Problem(rows_text(file, rows), f"{counted(counts[what], 'row')} with {what}"))
