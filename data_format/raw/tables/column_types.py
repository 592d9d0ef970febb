"""Columns of a table: which hold numbers, dates or words, decided from training cells, and their conversion.

A column holds numbers when every cell that is not missing is one. Odd cells are taken as missing
when they are at most 2 % of the cells, or at most 20 % and only one or two different words (a code such as `n.d.`);
both only beside more than 10 different numbers. A column of dates (80 % of its cells) becomes days since 1970.
Everything else is words. Test cells follow the kind that the training cells gave.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

MISSING = frozenset(("", "?", "NA", "N/A", "n/a", "#N/A", "nan", "NaN", "NAN", "null", "NULL", "None"))
_NAN = float("nan")
_EPOCH = date(1970, 1, 1).toordinal()
_DATE = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(?:Z|[+-]\d\d:?\d\d)?)?"
)

Kind = Literal["number", "decimal comma", "date", "date, day first", "word"]


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value."""
    return cell in MISSING or cell.strip() in MISSING


def parse_number(cell: str) -> float:
    """The number that a cell is written as, NaN where it is none."""
    return _number(cell)


def is_number(cell: str) -> bool:
    """Whether a cell is written as a number (`1e3`, `-inf`, ` 7 `; not `1_000` and not a missing value)."""
    value = _number(cell)
    return value == value


class Coded(Sequence[str]):
    """A column as codes of its different cells; reads like the list of cells."""

    def __init__(self, keys: Sequence[str], codes: NDArray[np.unsignedinteger]) -> None:
        self.keys, self.codes = keys, codes

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "Coded": ...
    def __getitem__(self, index: int | slice) -> "str | Coded":
        return Coded(self.keys, self.codes[index]) if isinstance(index, slice) else self.keys[int(self.codes[index])]

    def __iter__(self) -> Iterator[str]:
        return map(self.keys.__getitem__, self.codes.tolist())

    def take(self, rows: NDArray[np.int64]) -> "Coded":
        """Some of the cells."""
        return Coded(self.keys, self.codes[rows])

    def counts(self) -> dict[str, int]:
        """How often each cell occurs."""
        often = np.bincount(self.codes, minlength=len(self.keys)).tolist()
        return {key: n for key, n in zip(self.keys, often, strict=True) if n}


Cells: TypeAlias = Sequence[str] | Coded | NDArray[np.floating]


def column_kind(cells: Cells, comma_decimals: bool) -> Kind:
    """The kind of a column by its training cells; `comma_decimals` allows `3,5` where the comma separates nothing."""
    if isinstance(cells, np.ndarray):
        return "number"
    if isinstance(cells, Coded):
        return _kind_of(cells.counts(), comma_decimals)
    return "number" if all_floats(cells) is not None else _kind_of(Counter(cells), comma_decimals)


def learn(cells: Cells, comma_decimals: bool) -> tuple[Kind, NDArray[Any], int]:
    """Kind of a training column, its (n,) values (float64, or str objects for words), and its odd cells, together."""
    if isinstance(cells, np.ndarray):
        return "number", cells, 0
    fast = None if isinstance(cells, Coded) else all_floats(cells)
    if fast is not None:
        return "number", fast, 0
    kind = column_kind(cells, comma_decimals) if isinstance(cells, Coded) else _kind_of(Counter(cells), comma_decimals)
    if kind == "word":
        return kind, words(cells), 0
    return kind, *numbers(cells, kind)


def numbers(cells: Cells, kind: Kind) -> tuple[NDArray[np.floating], int]:
    """Cells -> (n,) float64 with NaN for missing ones, and how many cells were neither missing nor of the kind."""
    if isinstance(cells, np.ndarray):
        return cells, 0
    if isinstance(cells, Coded):
        table, _ = numbers(cells.keys, kind)
        odd = [i for i, key in enumerate(cells.keys) if table[i] != table[i] and not is_missing(key)]
        return table[cells.codes], int(np.isin(cells.codes, odd).sum())
    if kind == "number" and (fast := all_floats(cells)) is not None:
        return fast, 0
    # Cells repeat in most columns, so each different one is parsed once.
    parse = _PARSERS[kind]
    values = {cell: parse(cell) for cell in set(cells)}
    array = np.fromiter(map(values.__getitem__, cells), dtype=np.float64, count=len(cells))
    bad = {cell for cell, value in values.items() if _is_nan(value) and not is_missing(cell)}
    return array, sum(1 for cell in cells if cell in bad) if bad else 0


def words(cells: Cells) -> NDArray[np.object_]:
    """Cells -> (n,) object array of stripped strings, "" where missing."""
    if isinstance(cells, Coded):
        array: NDArray[np.object_] = words(cells.keys)[cells.codes]
        return array
    if isinstance(cells, np.ndarray):
        return words(texts_of(cells))
    clean = {cell: "" if is_missing(cell) else cell.strip() for cell in set(cells)}
    array = np.empty(len(cells), dtype=object)
    array[:] = list(map(clean.__getitem__, cells))
    return array


def texts_of(cells: Cells) -> Sequence[str]:
    """A column as texts; whole numbers without a point, as files write them."""
    if not isinstance(cells, np.ndarray):
        return cells
    return ["" if v != v else str(int(v)) if v.is_integer() else repr(v) for v in cells.tolist()]


def _kind_of(counts: Mapping[str, int], comma_decimals: bool) -> Kind:
    # An empty column can still be filled in the test file, most likely with numbers.
    present = {cell: often for cell, often in counts.items() if not is_missing(cell)}
    if not present or _holds(present, _number):
        return "number"
    if comma_decimals and _holds(present, _decimal_comma):
        return "decimal comma"
    order: Kind = "date, day first" if _day_first(present) else "date"
    return order if _dated(present, _PARSERS[order]) else "word"


def all_floats(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """The floats of a clean column, None for any other; `1_000`, which Python reads, counts as a word."""
    try:
        array = np.array(list(map(float, cells)), dtype=np.float64)
    except ValueError:
        return None
    return None if "_" in "".join(cells) else array


def _is_nan(value: float) -> bool:
    return value != value


def _number(cell: str) -> float:
    try:
        return _NAN if "_" in cell else float(cell)
    except ValueError:
        return _NAN


def _decimal_comma(cell: str) -> float:
    return _number(cell.replace(",", ".", 1)) if "." not in cell else _NAN


def _holds(present: Mapping[str, int], parse: Callable[[str], float]) -> bool:
    """The rule of the module: all cells, or nearly all beside many different numbers."""
    odd = {cell: often for cell, often in present.items() if _is_nan(parse(cell))}
    if not odd:
        return True
    # Few different numbers with a word among them are levels (0, 1, 2, x), which words keep apart.
    share = sum(odd.values()) / sum(present.values())
    return len(present) - len(odd) > 10 and (share <= 0.02 or (share <= 0.2 and len(odd) <= 2))


def _dated(present: Mapping[str, int], parse: Callable[[str], float]) -> bool:
    total = sum(present.values())
    # Most columns of words are recognised by their first cells, long before every cell was matched.
    if not any(_DATE.fullmatch(cell.strip()) for cell, _ in zip(present, range(200), strict=False)):
        return False
    return sum(often for cell, often in present.items() if not _is_nan(parse(cell))) >= 0.8 * total


def _day_first(present: Mapping[str, int]) -> bool:
    """Whether `3/4/2020` is 3 April: with points always, with other separators when some first number exceeds 12."""
    matches = [match for match in map(_DATE.fullmatch, map(str.strip, present)) if match]
    return any(match[2] == "." or (len(match[1]) < 3 and int(match[1]) > 12) for match in matches)


def _date(cell: str, day_first: bool = False) -> float:
    match = _DATE.fullmatch(cell.strip())
    if not match:
        return _NAN
    first, _, second, third, hours, minutes, seconds = match.groups()
    if len(first) == 4:
        year, month, day = first, second, third
    else:
        year, month, day = (third, second, first) if day_first else (third, first, second)
    # Two-digit years and version numbers (1.2.3) are ambiguous: words.
    if len(year) != 4 or len(day) > 2:
        return _NAN
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        return _NAN
    return days + (int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)) / 86400


_PARSERS: dict[Kind, Callable[[str], float]] = {
    "number": _number,
    "decimal comma": _decimal_comma,
    "date": _date,
    "date, day first": lambda cell: _date(cell, day_first=True),
}
