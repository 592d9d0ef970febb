"""Whether a table's rows follow one another in time, so that held-out rows should be the latest and not any.

Dates alone do not decide: where test rows lie among the training rows in time, a random split resembles them. Only
where they come after the training rows does a model have to look ahead, and held-out rows must then ask the same.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.tabular.cells import common_format, dates, factorise
from data_format.examples import Table

Doubles = NDArray[np.float64]
LOOK = 300  # rows that show whether a column is one of dates
READ_SHARE = 0.9  # of the filled cells
SPREAD = 20  # different moments at least: a column of a few years orders nothing
LATER_SHARE = 0.8  # this share of the test rows comes after this share of the training rows
TIME_NAME = re.compile(r"(^|[^a-z])(date|time|datetime|timestamp|ts|day|created|updated|period)([^a-z]|$)|_at$", re.I)
SECONDS = (5e8, 4e9)  # since 1970: the years 1985 to 2096
LEAST_ROWS = 50


@dataclass(frozen=True)
class TimeOrder:
    """keys: (n_train,) days since 1970, NaN where a row has no date. note: one line for people."""

    keys: Doubles
    note: str


def time_order(train: Table, test: Table) -> TimeOrder | None:
    """The order in time of the training rows, where the test rows come later; None everywhere else."""
    if len(train) < LEAST_ROWS or not len(test):
        return None
    for name, moments, ahead in _columns_of_time(train, test):
        if _comes_later(moments, ahead):
            note = f"test rows come later than training rows in {name!r}: the latest training rows are held out"
            return TimeOrder(moments, note)
    return None


def _columns_of_time(train: Table, test: Table) -> list[tuple[str, Doubles, Doubles]]:
    """Columns of moments with their values in training and test rows."""
    found = []
    for place, name in enumerate(train.string_names):
        form = _date_format(train.strings[:, place])
        if form is not None:
            found.append((name, _days(train.strings[:, place], form), _days(test.strings[:, place], form)))
    kinds = dict(train.kinds)
    for place, name in enumerate(train.number_names):
        if kinds.get(name, "").startswith("date"):  # the reader has made days of it
            found.append((name, _doubles(train, place), _doubles(test, place)))
        elif TIME_NAME.search(name):
            factor = _seconds_factor(train.numbers[:LOOK, place])
            found.append((name, _doubles(train, place) * factor, _doubles(test, place) * factor))
    return found


def _doubles(table: Table, place: int) -> Doubles:
    return np.asarray(table.numbers[:, place], np.float64)


def _date_format(column: NDArray[np.object_]) -> str | None:
    cells = [cell for cell in column[:: max(1, len(column) // LOOK)].tolist() if cell]
    if len(cells) < LOOK // 10:
        return None
    form = common_format(cells)
    return form if form and np.isfinite(dates(cells, form)[:, 0]).mean() >= READ_SHARE else None


def _days(column: NDArray[np.object_], form: str) -> Doubles:
    levels, places = factorise(column)
    return np.asarray(dates(levels, form)[places, 0], np.float64)


def _seconds_factor(some: NDArray[np.floating]) -> float:
    """To days from seconds, or milliseconds, since 1970; other numbers stay as they are."""
    middle = float(np.median(some[np.isfinite(some)])) if np.isfinite(some).any() else 0.0
    for unit in (1.0, 1e3, 1e6, 1e9):
        if SECONDS[0] * unit <= middle <= SECONDS[1] * unit:
            return 1 / (86_400 * unit)
    return 1.0


def _comes_later(moments: Doubles, ahead: Doubles) -> bool:
    known, later = moments[np.isfinite(moments)], ahead[np.isfinite(ahead)]
    if len(known) < READ_SHARE * len(moments) or len(later) < READ_SHARE * len(ahead):
        return False
    if len(np.unique(known)) < SPREAD:
        return False
    return float((later >= np.quantile(known, LATER_SHARE)).mean()) >= LATER_SHARE
