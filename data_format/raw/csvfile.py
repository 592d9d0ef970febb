"""Delimited text files (CSV, TSV …) as a `Grid` of strings: encoding, separator, header and ragged rows sorted out.

Rules, said once: the encoding is told by `encodings`. The separator is the one that cuts the first 64 KB into the most
even rows. A first row is a header when it does not look like data (see `looks_like_header`). Short rows are filled with
empty cells, long rows are cut, and both are counted.
"""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.columns import is_missing, is_number
from data_format.raw.encodings import decode_counted, encoding_notes

SEPARATORS = (",", ";", "\t", "|")
KNOWN_NAMES = frozenset(("text", "label", "labels", "y", "target", "class", "file", "filename"))
_SAMPLE_CHARACTERS = 1 << 16
_SAMPLE_ROWS = 200
_MAGIC = (
    (b"PK\x03\x04", "a zip or xlsx file"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"version https://git-lfs", "a git-lfs pointer (the data were not fetched)"),
)


@dataclass(frozen=True)
class Grid:
    """The cells of one file: `rows` all have `len(names)` cells; `header` says whether the names stood in the file."""

    path: Path
    names: tuple[str, ...]
    rows: list[list[str]]
    header: bool
    separator: str
    problems: list[Problem] = field(default_factory=list)

    def column(self, name: str) -> list[str]:
        """All cells of the column `name`, in row order."""
        position = self.names.index(name)
        return [row[position] for row in self.rows]


class Like(Protocol):
    """What a test file may know of its training file."""

    @property
    def separator(self) -> str:
        """Between cells."""
        ...

    @property
    def header(self) -> bool:
        """Whether the names stood in the file."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        ...


def read_grid(path: Path, like: Like | None = None) -> Grid:
    """Read a delimited file.

    like: the training file; its separator and names are tried first, so that a test file of one row or one column
    is still understood. Raises DataError where the file cannot be read or holds no row.
    """
    problems: list[Problem] = []
    return grid_of_text(_read_text(path, problems), path, problems, like)


def grid_of_text(text: str, path: Path, problems: list[Problem], like: Like | None = None) -> Grid:
    """The cells of a text already decoded; path is named in messages only. Raises DataError without a row."""
    if not text.strip("\r\n \t"):
        raise DataError(f"{path}: expected rows of a table, found an empty file")
    text, separator = _said_separator(text)
    if separator is None:
        separator = like.separator if like and _fits(text, like) else sniff_separator(text)
    rows = _parse(text, separator, path, problems)
    if like is None:
        header = looks_like_header(rows[: _SAMPLE_ROWS + 1])
    else:
        # A file that lost its header is told by names: none of the training names stands in its first row.
        header = like.header and _shares_names(rows[0], like.names)
    names = _unique_names(rows.pop(0)) if header else _made_names(rows)
    if header and rows and len(rows[0]) == len(names) + 1 and all(len(row) == len(names) + 1 for row in rows):
        # R writes the row names without a heading for them.
        names = ("row name", *names)
    _square(rows, len(names), path, problems)
    return Grid(path, names, rows, header, separator, problems)


def sniff_separator(text: str) -> str:
    """The separator of a delimited text: comma, semicolon, tab, bar, or a space for rows of mostly numbers."""
    cut = len(text) > _SAMPLE_CHARACTERS
    sample = text[:_SAMPLE_CHARACTERS]
    best: tuple[tuple[float, ...], str] = ((0.0,), "")
    for separator in SEPARATORS:
        rows = _rows_of(sample, separator)[: _SAMPLE_ROWS + 1]
        # The last row of a cut sample is torn.
        rows = rows[:-1] if cut and len(rows) > 1 else rows
        width, often = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
        if width >= 2 or (rows and len(rows[0]) >= 2):
            # Ranked by: nearly all rows even, the first row too, cells that are numbers, then evenness and width.
            even = often / len(rows) if width >= 2 else 0.0
            rank = (even > 0.9, len(rows[0]) == width, round(_number_share(rows[1:]), 1), even, width)
            best = max(best, (tuple(map(float, rank)), separator), key=lambda pair: pair[0])
    if best[1]:
        return best[1]
    rows = [line.split() for line in sample.split("\n")[:_SAMPLE_ROWS] if line.strip()]
    even_widths = len({len(row) for row in rows[: len(rows) - cut]}) == 1 and len(rows[0]) >= 2
    return " " if even_widths and _number_share(rows[1:] or rows) >= 0.5 else ","


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of `rows` holds names.

    Yes when it holds a name everybody uses (`label`, `text`, `y` …, `label:<name>`), when a word stands above a
    column of numbers, or when it counts 0, 1, 2, 3 … as pandas does. No when one of its cells is a number, or
    stands again in the same column below.
    """
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    counting = [cell for cell in first if is_number(cell)]
    if counting == [str(i) for i in range(len(counting))] and (not counting or len(first) >= 4):
        names = {p for p, cell in enumerate(first) if cell.lower() in KNOWN_NAMES or cell.lower().startswith("label:")}
        if len(counting) == len(first) or any(not _again(first, rest, position) for position in names):
            return True
    for position, cell in enumerate(first):
        below = [row[position] for row in rest if position < len(row) and not is_missing(row[position])]
        if cell and not is_missing(cell) and not is_number(cell) and below and all(map(is_number, below)):
            return True
    if any(is_number(cell) for cell in first) or len(set(first)) < len(first):
        return False
    return not any(_again(first, rest, position) for position in range(len(first)))


def _again(first: Sequence[str], rest: Sequence[Sequence[str]], position: int) -> bool:
    """Whether the cell of the first row stands again below it."""
    cell = first[position]
    return bool(cell) and any(position < len(row) and row[position].strip() == cell for row in rest)


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


def _said_separator(text: str) -> tuple[str, str | None]:
    """Excel may announce its separator in a first line `sep=;`."""
    line, _, rest = text.partition("\n")
    said = line.rstrip("\r")
    if said.startswith("sep=") and len(said) == 5 and rest:
        return rest, said[4]
    return text, None


def _fits(text: str, like: Like) -> bool:
    if not like.header:
        return True
    rows = _rows_of(text[:_SAMPLE_CHARACTERS], like.separator)
    return bool(rows) and _shares_names(rows[0], like.names)


def _shares_names(row: Sequence[str], names: Sequence[str]) -> bool:
    found = {cell.strip() for cell in row}
    return len(found & set(names)) >= 0.5 * min(len(found), len(names))


def _rows_of(text: str, separator: str) -> list[list[str]]:
    if separator == " ":
        return [line.split() for line in text.splitlines() if line.strip()]
    # The limit belongs to the whole process: raised, never lowered.
    csv.field_size_limit(max(csv.field_size_limit(), 1 << 30))
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]


def _parse(text: str, separator: str, path: Path, problems: list[Problem]) -> list[list[str]]:
    """Rows of the whole text; an opening quote that is never closed costs its own line only, not all that follows."""
    if separator == " " or text.count('"') % 2 == 0:
        return _rows_of(text, separator)
    lines = list(io.StringIO(text, newline=""))
    rows: list[list[str]] = []
    start = repaired = 0
    while start < len(lines):
        reader = csv.reader(lines[start:], delimiter=separator)
        last_start = end = 0
        part: list[list[str]] = []
        for row in reader:
            last_start, end = end, reader.line_num
            part.append(row)
        # Only the last record can be open; re-reading starts behind its first line.
        if not part or not _is_open("".join(lines[start + last_start :]), separator) or repaired >= 1000:
            rows += part
            break
        bad = lines[start + last_start]
        rows += [*part[:-1], *csv.reader([bad], delimiter=separator, quoting=csv.QUOTE_NONE)]
        start += last_start + 1
        repaired += 1
    if repaired:
        problems.append(
            Problem(path.name, f"{counted(repaired, 'row')} with a quote that is never closed, read without it")
        )
    return [row for row in rows if row]


def _is_open(record: str, separator: str) -> bool:
    """Whether the text ends inside a quoted cell."""
    try:
        list(csv.reader(io.StringIO(record, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _number_share(rows: Sequence[Sequence[str]]) -> float:
    cells = [cell for row in rows[:50] for cell in row[:50]]
    numbers = sum(1 for cell in cells if is_number(cell) or is_number(cell.replace(",", ".", 1)))
    return numbers / len(cells) if cells else 0.0


def _unique_names(row: Sequence[str]) -> tuple[str, ...]:
    """Header cells, stripped; an empty one becomes `column 3`, a repeated one `name.2`."""
    seen: Counter[str] = Counter()
    names = []
    for position, cell in enumerate(row, 1):
        name = cell.strip() or f"column {position}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return tuple(names)


def _made_names(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    width = Counter(map(len, rows)).most_common(1)[0][0]
    return tuple(f"column {position}" for position in range(1, width + 1))


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
            if any(row[width:]):
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
