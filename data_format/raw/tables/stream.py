"""Rows of a table file a chunk at a time, however long it is; formats other than delimited text are read whole."""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.tables.csv_file import SEPARATORS, Grid, counted, grid_of_text, rows_text
from data_format.raw.tables.csv_quotes import sniff_dialect, stream_records
from data_format.raw.tables.formats import read_table
from data_format.raw.tables.header import looks_like_header
from data_format.raw.tables.large_csv import LongFile, open_long
from data_format.raw.tables.new_header import Heading
from data_format.raw.text_encoding import decode

_NAMED = (".json", ".jsonl", ".ndjson", ".arff", ".parquet", ".pq", ".xlsx")  # formats that name their columns
_NOWHERE = "\x1f"  # a separator that no text holds
_SNIFFED_BYTES = 1 << 16
_LOOKED_AT = 200  # rows below a header
_EVEN = 0.9  # of the rows have one length where they hold columns
_WHOLE_BYTES = 4 << 20  # up to this size every format is read at once
_SHOWN = 5  # row numbers that are named; all are counted


@dataclass(frozen=True)
class ExpectedTable:
    """What a model knows of its training table, by which a new one is read.

    header: whether the names were in the file. heading: decides whether the first row of the new file is a header.
    With it, or without a header in training, the separator is detected in the new file, too. texts: whether cells are
    texts, which hold commas themselves.
    """

    names: tuple[str, ...]
    separator: str = ","
    header: bool = True
    heading: Heading | None = None
    texts: bool = False


@dataclass(frozen=True)
class TableStream:
    """The names of the columns and the rows, chunk by chunk, each row as long as the names."""

    path: Path
    names: tuple[str, ...]
    header: bool
    chunks: Iterator[list[list[str]]]


def stream_rows(path: Path, known: ExpectedTable, size: int, problems: list[Problem]) -> TableStream:
    """Open a table file; `problems` grows while the chunks are taken. Raises DataError as `read_table` does."""
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    like = _as_grid(path, known, head)
    if total <= _WHOLE_BYTES or not _delimited(path, head):
        grid = read_table(path, like)
        problems += grid.problems
        return TableStream(path, grid.names, grid.header, _pieces(grid, size))
    long = open_long(path, like)
    return TableStream(path, long.head.names, long.head.header, _streamed(long, size, problems))


def _as_grid(path: Path, known: ExpectedTable, data: bytes) -> Grid:
    """The training table in the form that readers take; data: the beginning of the new file."""
    like = Grid(path, known.names, [], known.header, known.separator)
    if (known.header and known.heading is None) or path.suffix.lower() in _NAMED:
        return like
    text = decode(data[: data.rfind(b"\n") + 1] or data)[0]  # a row cut in the middle would seem to lack cells
    try:
        like = replace(like, header=False, separator=_separator(text, path, len(known.names)))
        if known.texts and known.heading and not _holds_columns(text, like, known.heading):
            like = replace(like, separator="\t" if all("\t" in line for line in text.strip().split("\n")) else _NOWHERE)
        rows = grid_of_text(text, path, [], like).rows[: _LOOKED_AT + 1]
    except DataError:  # the reader of the whole file reports it
        return like
    if known.heading is None or not known.heading(rows[0], rows[1:], looks_like_header(rows)):
        return like
    return replace(like, names=tuple(cell.strip() for cell in rows[0]), header=True)


def _holds_columns(text: str, like: Grid, heading: Heading) -> bool:
    """Whether a separator stands between columns rather than within texts, of which there is one a line."""
    records = stream_records(io.StringIO(text, newline=""), sniff_dialect(text, like.separator), [])
    raw = list(islice(records, _LOOKED_AT))
    # One column in the first line means whole lines.
    if len(raw[0]) == 1 and not text.startswith("sep="):
        return False
    rows = grid_of_text(text, like.path, [], like).rows[: _LOOKED_AT + 1]
    if text.startswith("sep=") or heading(rows[0], rows[1:], looks_like_header(rows)):
        return True
    # Rows of one length, and not because of a comma with a blank behind it in each.
    often = Counter(map(len, raw)).most_common(1)[0][1]
    return often >= _EVEN * len(raw) and not all(cell.startswith(" ") for row in raw for cell in row[1:])


def _separator(text: str, path: Path, width: int) -> str:
    """The separator detected in a text; where it gives too few columns, the one that gives as many as in training."""
    guess = grid_of_text(text, path, [])
    if len(guess.names) >= width:
        return guess.separator
    for separator in (*SEPARATORS, " "):
        if len(grid_of_text(text, path, [], replace(guess, header=False, separator=separator)).names) == width:
            return separator
    return guess.separator


def _delimited(path: Path, head: bytes) -> bool:
    """Whether the file is delimited text by its name and without the magic number of another format."""
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
