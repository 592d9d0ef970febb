"""Records of delimited text, with quotes that enclose a cell distinguished from quotes that are part of it.

A quote in front of a cell encloses it when the next quote that is not doubled stands before a separator or a line end
(blanks between are allowed); otherwise it is an ordinary character and affects no other line. In files separated by
tabs or bars, lines that each have all their cells are rows even where quotes would make one cell of them. Two dialects
are detected in a sample: blanks behind the separators, and quotes within quotes written `\\"`.

The csv module does the reading. What it refuses is repaired here, cell by cell, and handed to it again.
"""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

SAMPLE_CHARACTERS = 1 << 16
# An open quote shows after so many lines, not at the end of a file of gigabytes.
_MAX_RECORD_LINES = 20_000
# So many separators within quotes, each line with those of a row, are no accident even where prose has such characters.
_TOO_MANY_INSIDE = 12
_NEARLY_ALL = 0.9
_ESCAPE = re.compile(r'\\(["\\])')


@dataclass(frozen=True)
class Dialect:
    """How cells stand beside each other.

    blanks: those behind a separator mean nothing. escapes: a quote within quotes is written as backslash and quote.
    width: cells of a row where nearly every line of the sample is one, whatever its quotes; else 0.
    """

    separator: str
    blanks: bool = False
    escapes: bool = False
    width: int = 0


def sniff_dialect(text: str, separator: str, blanks: bool = False) -> Dialect:
    """The dialect of the beginning of a text with a given separator; blanks: those behind separators mean nothing."""
    sample = text[:SAMPLE_CHARACTERS]
    best = Dialect(separator, blanks)
    if separator == " ":
        return best
    look = _read_sample(sample, best) if '"' in sample else None
    if look and not blanks and f'{separator} "' in sample:
        tried = _read_sample(sample, replace(best, blanks=True))
        # Within an enclosed cell the same characters mean nothing.
        shown = any(cell.startswith(' "') for row in look.rows for cell in row)
        best = replace(best, blanks=shown and tried.even >= look.even)
    # The first such quote may stand anywhere, so the sample is taken where it is.
    if (at := text.find('\\"')) >= 0:
        start = text.rfind("\n", 0, at) + 1
        there, escaped = text[start : start + SAMPLE_CHARACTERS], replace(best, escapes=True)
        plain = _read_sample(there, best)
        if plain.even < len(plain.rows) and _read_sample(there, escaped).even > plain.even:
            best = escaped
    return replace(best, width=_line_width(sample, separator, look))


def read_records(text: str, dialect: Dialect, repaired: list[int]) -> list[list[str]]:
    """All rows of a text but empty ones; `repaired` gets the numbers of rows with a quote that encloses nothing."""
    if dialect.separator == " ":
        return list(stream_records(io.StringIO(text, newline=""), dialect, repaired))
    if dialect.escapes:
        text, dialect = _unescaped(text), replace(dialect, escapes=False)
    _lift_limit()
    reader = csv.reader(io.StringIO(text, newline=""), **_format(dialect))
    try:
        rows = list(reader)
    except csv.Error:
        rows = []
    # The usual case is decided without a Python loop over the lines.
    lines = reader.line_num > len(rows) and dialect.width > 1
    if not rows or (lines and any(_may_be_rows(row, dialect) for row in rows)):
        return list(stream_records(io.StringIO(text, newline=""), dialect, repaired))
    return rows if all(rows) else [row for row in rows if row]


def stream_records(
    lines: Iterable[str], dialect: Dialect, repaired: list[int], cut: bool = False
) -> Iterator[list[str]]:
    """The same line by line. cut: the lines end anywhere, so that a cell which is open at the end is left out."""
    if dialect.separator == " ":
        yield from (line.split() for line in lines if line.strip())
        return
    _lift_limit()
    feed = _Feed(map(_unescaped, lines) if dialect.escapes else iter(lines))
    number = 0
    while True:
        try:
            for row in csv.reader(feed, **_format(dialect)):
                if len(feed.held) > 1 and _are_rows(feed.held, dialect):
                    raise _NoCell
                feed.held.clear()
                if row:
                    yield row
                    number += 1
            return
        except (csv.Error, _NoCell) as error:
            rows = _are_rows(feed.held, dialect)
            if cut and feed.ended and not rows:
                return
            held, literal = _repair(feed.held, dialect, within_line=rows)
            if not held:
                raise error
            if literal and repaired[-1:] != [number]:
                repaired.append(number)
            feed.take_back(held)


class _NoCell(Exception):
    """Lines that quotes would join into one cell by mistake."""


class _Feed:
    """Lines for a csv reader, kept until their record is complete."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self.held: list[str] = []
        self.ended = False

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if len(self.held) >= _MAX_RECORD_LINES:
            raise _NoCell
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.held.append(line)
        return line

    def take_back(self, lines: Sequence[str]) -> None:
        """These lines come next, in the place of those that are held."""
        self._again.extendleft(reversed(lines))
        self.held.clear()
        self.ended = False


def _lift_limit() -> None:
    # The limit belongs to the whole process: raised, never lowered.
    csv.field_size_limit(max(csv.field_size_limit(), 1 << 30))


def _format(dialect: Dialect) -> dict[str, Any]:
    return {"delimiter": dialect.separator, "skipinitialspace": dialect.blanks, "strict": True}


def _unescaped(text: str) -> str:
    """Backslashes before quotes and backslashes, as doubled quotes; any other backslash stays."""
    return _ESCAPE.sub(lambda match: '""' if match[1] == '"' else "\\", text) if "\\" in text else text


class _Sample(NamedTuple):
    """Rows of a sample, the width of most, and how many are that wide, less those that had to be repaired."""

    rows: list[list[str]]
    width: int
    even: int


def _read_sample(sample: str, dialect: Dialect) -> _Sample:
    repaired: list[int] = []
    rows = list(stream_records(io.StringIO(sample, newline=""), dialect, repaired, cut=True))
    width, often = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    return _Sample(rows, width, often - len(repaired))


def _line_width(sample: str, separator: str, look: _Sample | None) -> int:
    """The width of nearly all lines when quotes mean nothing, if it is that of the rows; else 0."""
    lines = [line.count(separator) + 1 for line in sample.splitlines() if line]
    width, often = Counter(lines).most_common(1)[0] if lines else (0, 0)
    return width if often >= _NEARLY_ALL * len(lines) and (not look or look.width == width) else 0


def _are_rows(lines: Sequence[str], dialect: Dialect) -> bool:
    """Whether each of several lines has all the cells of a row, and hardly by chance."""
    if not _too_many((len(lines) - 1) * (dialect.width - 1), dialect.separator):
        return False
    return all(line.count(dialect.separator) == dialect.width - 1 for line in lines)


def _may_be_rows(row: Sequence[str], dialect: Dialect) -> bool:
    """Whether the lines that a row stood on may be rows themselves; right far more often than not, and quick."""
    whole = "".join(row)
    breaks = whole.count("\n") + whole.count("\r") - whole.count("\r\n")
    if not _too_many(breaks * (dialect.width - 1), dialect.separator):
        return False
    return whole.count(dialect.separator) + len(row) - 1 == (breaks + 1) * (dialect.width - 1)


def _too_many(inside: int, separator: str) -> bool:
    # Prose has commas and semicolons, but hardly ever tabs and bars.
    return inside >= (1 if separator in "\t|" else _TOO_MANY_INSIDE)


def _repair(held: Sequence[str], dialect: Dialect, within_line: bool) -> tuple[list[str], bool]:
    """The lines with the first badly quoted cell enclosed properly, and whether its quotes were ordinary characters.

    within_line: quotes enclose nothing beyond the first line. No lines where there is no such cell.
    """
    text = held[0] if within_line else "".join(held)
    closed, opened, loose, plain = _patterns(dialect.separator, dialect.blanks)
    at = 0
    while at < len(text) and text[at] not in "\r\n":
        if match := closed.match(text, at):
            at = match.end() + 1
        elif match := opened.match(text, at):
            quote = match.end() - 1
            if match := loose.match(text, at):
                cell, end = match[1] + match[2], match.end()
            else:
                end = _end(plain, text, quote)
                cell = text[quote:end].replace('"', '""')
            repaired = f'{text[:at]}"{cell}"{text[end:]}'
            return [*io.StringIO(repaired, newline=""), *(held[1:] if within_line else ())], match is None
        else:
            at = _end(plain, text, at) + 1
    return [], False


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


@cache
def _patterns(separator: str, blanks: bool) -> tuple[re.Pattern[str], ...]:
    """A cell enclosed in quotes; the beginning of one; one with blanks behind the quotes; a cell without quotes."""
    mark, front = re.escape(separator), " *" if blanks else ""
    quoted = r'[^"]*+(?:""[^"]*+)*+'
    end = rf"(?={mark}|[\r\n]|\Z)"
    return (
        re.compile(f'{front}"{quoted}"{end}'),
        re.compile(f'{front}"'),
        re.compile(f'{front}"({quoted})"( +){end}'),
        re.compile(rf"[^{mark}\r\n]*+"),
    )
