"""Columns of a table: which hold numbers, dates or words, decided from training cells, and their conversion.

A column holds numbers when every cell that is not missing is one. Odd cells are taken as missing
when they are at most 2 % of the cells, or at most 20 % and only one or two different words (a code such as `n.d.`);
both only beside more than 10 different numbers. A column of dates (80 % of its cells) becomes days since 1970.
Everything else is words. Test cells follow the kind that the training cells gave.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

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
    """Whether a cell says that there is no value."""
    return cell in MISSING or cell.strip() in MISSING


def is_number(cell: str) -> bool:
    """Whether a cell is written as a number (`1e3`, `-inf`, ` 7 `; not `1_000` and not a missing value)."""
    value = _number(cell)
    return value == value


def column_kind(cells: Sequence[str], comma_decimals: bool) -> Kind:
    """The kind of a column by its training cells; `comma_decimals` allows `3,5` where the comma separates nothing."""
    return "number" if _all_floats(cells) is not None else _kind_of(Counter(cells), comma_decimals)


def learn(cells: Sequence[str], comma_decimals: bool) -> tuple[Kind, NDArray[Any], int]:
    """Kind of a training column, its (n,) values (float64, or str objects for words), and its odd cells, in one go."""
    fast = _all_floats(cells)
    if fast is not None:
        return "number", fast, 0
    kind = _kind_of(Counter(cells), comma_decimals)
    if kind == "word":
        return kind, words(cells), 0
    return kind, *numbers(cells, kind)


def numbers(cells: Sequence[str], kind: Kind) -> tuple[NDArray[np.float64], int]:
    """Cells -> (n,) float64 with NaN for missing ones, and how many cells were neither missing nor of the kind."""
    if kind == "number" and (fast := _all_floats(cells)) is not None:
        return fast, 0
    # Cells repeat in most columns, so each different one is parsed once.
    parse = _PARSERS[kind]
    values = {cell: parse(cell) for cell in set(cells)}
    array = np.fromiter(map(values.__getitem__, cells), dtype=np.float64, count=len(cells))
    bad = {cell for cell, value in values.items() if _is_nan(value) and not is_missing(cell)}
    return array, sum(1 for cell in cells if cell in bad) if bad else 0


def words(cells: Sequence[str]) -> NDArray[np.object_]:
    """Cells -> (n,) object array of stripped strings, "" where missing."""
    clean = {cell: "" if is_missing(cell) else cell.strip() for cell in set(cells)}
    array = np.empty(len(cells), dtype=object)
    array[:] = list(map(clean.__getitem__, cells))
    return array


def _kind_of(counts: Mapping[str, int], comma_decimals: bool) -> Kind:
    # An empty column can still be filled in the test file, most likely with numbers.
    present = {cell: often for cell, often in counts.items() if not is_missing(cell)}
    if not present or _holds(present, _number):
        return "number"
    if comma_decimals and _holds(present, _decimal_comma):
        return "decimal comma"
    order: Kind = "date, day first" if _day_first(present) else "date"
    return order if _dated(present, _PARSERS[order]) else "word"


def _all_floats(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """The quick way for a clean column; Python would also read `1_000`, which people mean as a word."""
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
    # Most columns of words are told by their first cells, long before every text was matched.
    if not any(_DATE.fullmatch(cell.strip()) for cell, _ in zip(present, range(200), strict=False)):
        return False
    return sum(often for cell, often in present.items() if not _is_nan(parse(cell))) >= 0.8 * total


def _day_first(present: Mapping[str, int]) -> bool:
    """Whether `3/4/2020` is 3 April: with points always, with other signs when some first number exceeds 12."""
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
