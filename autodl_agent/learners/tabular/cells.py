"""Strings in table cells: factorising, dates, numbers written among text, and words.

Work is done once per distinct value, never once per row, so a million repeated strings cost a dictionary look-up each.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATE_PARTS = ("days since 1970", "month", "weekday", "hour")
# Formats that `datetime.fromisoformat` does not take; day before month wins where both read.
FORMATS = (
    "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S",
    "%d-%m-%Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%Y-%m", "%b %Y",
    "%m/%d/%y", "%m/%d/%y %H:%M", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S",
)  # fmt: skip
HAS_DATE = re.compile(r"\d\D+\d|\d{8}")
WORD = re.compile(r"[^\W\d_]+|\d+")
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")

Floats = NDArray[np.float64]


def factorise(column: NDArray[np.object_]) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct values in order of first sight, and (n,) the place of every row's value among them."""
    values = column.tolist()
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return list(places), np.fromiter(map(places.__getitem__, values), np.int64, len(values))


def numbers(levels: Sequence[str]) -> Floats:
    """(levels,) the values that read as numbers (thousands commas, %, currency signs allowed), NaN for the others."""
    return np.array([_number(level) for level in levels], np.float64)


def common_format(levels: Sequence[str]) -> str | None:
    """The date format ("iso" or for strptime) that reads most of at most 200 levels; None when none reads any."""
    some = [level for level in levels if HAS_DATE.search(level)][:200]
    if not some:
        return None
    counts = {form: sum(_moment(level, form) is not None for level in some) for form in ("iso", *FORMATS)}
    best = max(counts, key=lambda form: counts[form])
    return best if counts[best] else None


def dates(levels: Sequence[str], form: str) -> Floats:
    """(levels, 4) days since 1970 with their fraction, month, weekday, hour; NaN where the format does not read."""
    out = np.full((len(levels), len(DATE_PARTS)), np.nan)
    for row, level in enumerate(levels):
        moment = _moment(level, form)
        if moment is not None:
            days = (moment - EPOCH).total_seconds() / 86_400
            out[row] = days, moment.month, moment.weekday(), moment.hour
    return out


def words(text: str, limit: int) -> list[str]:
    """At most `limit` lower-case words and digit groups; scripts without spaces give characters and their pairs."""
    found: list[str] = []
    for word in WORD.findall(text.lower()[: 16 * limit]):
        if UNSPACED.search(word):
            found.extend(word)
            found.extend(word[i : i + 2] for i in range(len(word) - 1))
        else:
            found.append(word)
        if len(found) >= limit:
            break
    return found[:limit]


def frequent_words(levels: Iterable[str], weights: Sequence[int], most: int, limit: int) -> list[str]:
    """The `most` words found in most rows (level i stands for weights[i] rows), seen in three rows or more."""
    counts: Counter[str] = Counter()
    total = 0
    for level, weight in zip(levels, weights, strict=True):
        total += weight
        for word in set(words(level, limit)):
            counts[word] += weight
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [word for word, count in ranked if 3 <= count < total][:most]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(text.strip().strip("$€£%").replace(",", ""))
    except ValueError:
        return np.nan


def _moment(text: str, form: str) -> datetime | None:
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
