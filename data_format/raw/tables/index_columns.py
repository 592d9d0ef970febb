"""Columns that only number the rows of a table: pandas and R write them by default.

They say nothing about new rows, and in a table that was once sorted by class they reveal the label, even when the rows
were shuffled or sampled since: hence different numbers in any order count.
"""

import re
from collections.abc import Sequence

from data_format.dataset import Problem
from data_format.raw.labels import CellTable

_FIRST_NAMES = re.compile(r"Unnamed: 0(\.\d+)?|row name")
_NO_NAME = "column 1"
_INDEX_NAME = re.compile(r"__index_level_\d+__")


def row_numbers(table: CellTable) -> tuple[str, ...]:
    """The first columns without a name of their own that hold different whole numbers; all `__index_level_0__`."""
    if not table.header:
        return ()
    first = []
    for place, name in enumerate(table.names):
        unnamed = _FIRST_NAMES.fullmatch(name) or (place == 0 and name == _NO_NAME)
        if not unnamed or not _different_numbers(table.column(name)):
            break
        first.append(name)
    return (*first, *filter(is_index_name, table.names))


def is_index_name(name: str) -> bool:
    """Whether a column of this name is the index of a data frame, as pandas writes it to Parquet."""
    return _INDEX_NAME.fullmatch(name) is not None


def row_number_notes(file: str, names: Sequence[str], columns: Sequence[str]) -> list[Problem]:
    """Notes on the columns that `row_numbers` found among all names."""
    shown = ("first column" if name == names[0] else f"column {name!r}" for name in columns)
    return [Problem(file, f"{what} only counts the rows, not used") for what in shown]


def _different_numbers(cells: Sequence[str]) -> bool:
    return len(set(cells)) == len(cells) and all(cell.strip().removesuffix(".0").isdecimal() for cell in cells)
