"""Strings in table cells: factorising, dates, numbers written among text, and words.

Work is done once per distinct value, never once per row, so a million repeated strings cost a dictionary look-up each.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.combining_marks import JOINERS, is_mark

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
MARKED_WORD = re.compile(r"[^\W\d_][^\W\d]*|\d+")  # with "_" for a mark
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
OLD_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")  # see `words`
# Blocks with marks or joiners in them: most scripts have none, and looking them up is slow.
MARKED_BLOCKS = re.compile(
    r"[\u0300-\u036f\u0483-\u0489\u0591-\u1cff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff\u2cef-\u2cf1\u2d7f\u2de0-\u2dff"
    r"\u302a-\u302f\u3099\u309a\ua66f-\ua6f1\ua802-\uabff\ufb1e\ufe00-\ufe2f\U000101fd-\U0001e94a\U000e0100-\U000e01ef]"
)

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


def words(text: str, limit: int, marks: bool = True) -> list[str]:
    """At most `limit` lower-case words and digit groups; scripts without spaces give characters and their pairs.

    marks: whether marks go with the letter before them; False for rules that were learned when they did not.
    """
    found: list[str] = []
    text = text.lower()[: 16 * limit]
    present = _marks(text) if marks else set()
    unspaced = UNSPACED if marks else OLD_UNSPACED
    for word in _marked_words(text, present) if present else WORD.findall(text):
        if unspaced.search(word):
            signs = _signs(word) if present else word
            found.extend(signs)
            found.extend([first + second for first, second in pairwise(signs)])
        else:
            found.append(word)
        if len(found) >= limit:
            break
    return found[:limit]


def _marks(text: str) -> set[str]:
    """The different marks and joiners of a text."""
    if text.isascii():
        return set()
    return {sign for sign in set(MARKED_BLOCKS.findall(text)) if is_mark(sign) or sign in JOINERS}


def _marked_words(text: str, marks: set[str]) -> list[str]:
    """The words of a text with these marks and joiners."""
    shape = text.replace("_", " ").translate(dict.fromkeys(map(ord, marks), "_"))
    found = [text[match.start() : match.end()] for match in MARKED_WORD.finditer(shape)]
    return [word.rstrip(JOINERS) for word in found]


def _signs(word: str) -> Sequence[str]:
    """Letters, each with its marks."""
    signs: list[str] = []
    for character in word:
        if signs and is_mark(character):
            signs[-1] += character
        else:
            signs.append(character)
    return signs


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
