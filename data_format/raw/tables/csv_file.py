"""Delimited text files (CSV, TSV …) as a `Grid` of strings: encoding, separator, header and ragged rows detected.

The encoding is that of `text_encoding`; the separator is the one that cuts the first 64 KB into the most even rows;
`csv_quotes` decides what quotes enclose; and a first row is a header when it does not look like data (`header`).
Columns at the end without a name and without any cell are dropped. Short rows are filled with empty cells, long rows
are cut, and both are counted.
"""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.tables.column_types import is_number
from data_format.raw.tables.csv_quotes import SAMPLE_CHARACTERS, Dialect, read_records, sniff_dialect, stream_records
from data_format.raw.tables.header import filled_width, looks_like_header, unique_names
from data_format.raw.text_encoding import decode_counted, encoding_notes

SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 200
_MAGIC = (
    (b"PK\x03\x04", "a zip or xlsx file"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"version https://git-lfs", "a git-lfs pointer (the data were not fetched)"),
)


@dataclass(frozen=True)
class Grid:
    """The cells of one file: `rows` all have `len(names)` cells; `header` says whether the names stood in the file.

    blanks: those behind a separator mean nothing.
    """

    path: Path
    names: tuple[str, ...]
    rows: list[list[str]]
    header: bool
    separator: str
    problems: list[Problem] = field(default_factory=list)
    blanks: bool = False

    def column(self, name: str) -> list[str]:
        """All cells of the column `name`, in row order."""
        position = self.names.index(name)
        return [row[position] for row in self.rows]


class TableFormat(Protocol):
    """What the reader of a test file takes from its training file."""

    @property
    def separator(self) -> str:
        """Between cells."""
        ...

    @property
    def blanks(self) -> bool:
        """Whether blanks behind the separator mean nothing."""
        ...

    @property
    def header(self) -> bool:
        """Whether the names stood in the file."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        ...


def read_grid(path: Path, like: TableFormat | None = None) -> Grid:
    """Read a delimited file.

    like: the training file; its separator and names are tried first, so that a test file of one row or one column
    is still understood. Raises DataError where the file cannot be read or holds no row.
    """
    problems: list[Problem] = []
    return grid_of_text(_read_text(path, problems), path, problems, like)


def grid_of_text(text: str, path: Path, problems: list[Problem], like: TableFormat | None = None) -> Grid:
    """The cells of a text already decoded; path is named in messages only. Raises DataError without a row."""
    if not text.strip("\r\n \t"):
        raise DataError(f"{path}: expected rows of a table, found an empty file")
    text, separator = _declared_separator(text)
    if separator is None:
        separator = like.separator if like and _fits(text, like) else sniff_separator(text)
    dialect = sniff_dialect(text, separator, like is not None and like.blanks)
    repaired: list[int] = []
    rows = read_records(text, dialect, repaired)
    if like is None:
        header = looks_like_header(rows[: _SAMPLE_ROWS + 1])
    else:
        # A file without its header shows none of the training names in its first row.
        header = like.header and _shares_names(rows[0], like.names)
    first = rows.pop(0) if header else []
    problems += quote_notes(path.name, repaired, header)
    names = _names(first, rows)
    _square(rows, len(names), path, problems)
    return Grid(path, names, rows, header, separator, problems, dialect.blanks)


def quote_notes(file: str, repaired: Sequence[int], skipped: int) -> list[Problem]:
    """Notes on rows that `csv_quotes` had to repair; `skipped` of the rows counted come before the data."""
    if not repaired:
        return []
    what = f"{counted(len(repaired), 'row')} with a quote that is never closed, read without it"
    return [Problem(rows_text(file, [max(0, number - skipped) for number in repaired]), what)]


def sniff_separator(text: str) -> str:
    """The separator of a delimited text: comma, semicolon, tab, bar, or a space for rows of mostly numbers."""
    cut = len(text) > SAMPLE_CHARACTERS
    sample = text[:SAMPLE_CHARACTERS]
    best: tuple[tuple[float, ...], str] = ((0.0,), "")
    for separator in filter(sample.__contains__, SEPARATORS):
        repaired: list[int] = []
        records = stream_records(io.StringIO(sample, newline=""), sniff_dialect(sample, separator), repaired, cut)
        rows = list(islice(records, _SAMPLE_ROWS + 1))
        # The last row of a cut sample is torn.
        rows = rows[:-1] if cut and len(rows) > 1 else rows
        width, often = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
        if width >= 2 or (rows and len(rows[0]) >= 2):
            # Ranked by: nearly all rows even, the first row too, cells that are numbers, then evenness and width.
            # Quoted cells stand between separators; rows that had to be repaired speak against this one.
            even = max(0, often - len(repaired)) / len(rows) if width >= 2 else 0.0
            rank = (even > 0.9, len(rows[0]) == width, round(_number_share(rows[1:]), 1), even, width)
            best = max(best, (tuple(map(float, rank)), separator), key=lambda pair: pair[0])
    if best[1]:
        return best[1]
    rows = [line.split() for line in sample.split("\n")[:_SAMPLE_ROWS] if line.strip()]
    even_widths = len({len(row) for row in rows[: len(rows) - cut]}) == 1 and len(rows[0]) >= 2
    return " " if even_widths and _number_share(rows[1:] or rows) >= 0.5 else ","


def _read_text(path: Path, problems: list[Problem]) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise DataError(f"{path}: expected delimited text, found {what}")
    text, encoding, bad = decode_counted(data)
    problems += encoding_notes(path.name, encoding, bad)
    if "\0" in text:
        problems.append(Problem(path.name, f"{counted(text.count(chr(0)), 'NUL character')} removed"))
        text = text.replace("\0", "")
    return text


def _declared_separator(text: str) -> tuple[str, str | None]:
    """Excel may announce its separator in a first line `sep=;`."""
    line, _, rest = text.partition("\n")
    said = line.rstrip("\r")
    if said.startswith("sep=") and len(said) == 5 and rest:
        return rest, said[4]
    return text, None


def _fits(text: str, like: TableFormat) -> bool:
    if not like.header:
        return True
    lines = io.StringIO(text[:SAMPLE_CHARACTERS], newline="")
    first = next(stream_records(lines, Dialect(like.separator, like.blanks), []), None)
    return first is not None and _shares_names(first, like.names)


def _shares_names(row: Sequence[str], names: Sequence[str]) -> bool:
    found = {cell.strip() for cell in row}
    return len(found & set(names)) >= 0.5 * min(len(found), len(names))


def _number_share(rows: Sequence[Sequence[str]]) -> float:
    cells = [cell for row in rows[:50] for cell in row[:50]]
    numbers = sum(1 for cell in cells if is_number(cell) or is_number(cell.replace(",", ".", 1)))
    return numbers / len(cells) if cells else 0.0


def _names(first: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Names of the columns; `first` is the header, empty where there is none."""
    if not first:
        width = filled_width(Counter(map(len, rows)).most_common(1)[0][0], first, rows)
        return tuple(f"column {position}" for position in range(1, width + 1))
    names = unique_names(first)[: filled_width(len(first), first, rows)]
    # R writes the row names without a heading for them.
    if rows and all(len(row) == len(first) + 1 for row in rows) and any(row[-1].strip() for row in rows):
        return unique_names(("row name", *names))
    return names


def _square(rows: list[list[str]], width: int, path: Path, problems: list[Problem]) -> None:
    """Make every row `width` cells long, in place."""
    # The usual case, decided without a Python loop over the rows.
    if set(map(len, rows)) <= {width}:
        return
    short: list[int] = []
    long: list[int] = []
    for number, row in enumerate(rows):
        if len(row) < width:
            short.append(number)
            row.extend([""] * (width - len(row)))
        elif len(row) > width:
            # Empty cells at the end come from a trailing separator and cost nothing.
            if "".join(row[width:]).strip():
                long.append(number)
            del row[width:]
    for numbers, what in ((short, "too few cells, filled up"), (long, "too many cells, cut")):
        if numbers:
            problems.append(Problem(rows_text(path.name, numbers), f"{counted(len(numbers), 'row')} with {what}"))


def counted(number: int, noun: str) -> str:
    """`1 row`, `3 rows`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def rows_text(file: str, numbers: Sequence[int]) -> str:
    """`train.csv, rows 3, 8 and 12 more`: where something was found, with the first five row numbers."""
    shown = ", ".join(map(str, numbers[:5]))
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"{file}, row{'s' if len(numbers) > 1 else ''} {shown}{more}"
