"""Columns that only number the rows of a table: pandas and R write them unasked.

They tell nothing about new rows, and in a table that was once sorted by class they give the label away, also when the
rows were shuffled or drawn since: then the numbers are different ones in any order.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from data_format.dataset import Problem

_FIRST_NAMES = re.compile(r"Unnamed: 0(\.\d+)?|row name")
_NO_NAME = "column 1"
_INDEX_NAME = re.compile(r"__index_level_\d+__")


class Named(Protocol):
    """What is asked of a table."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        ...

    @property
    def header(self) -> bool:
        """Whether the names stood in the file."""
        ...

    def column(self, name: str) -> list[str]:
        """All cells of a column."""
        ...


def row_numbers(table: Named) -> tuple[str, ...]:
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
    """What is to be said of the columns that `row_numbers` found among all names."""
    shown = ("first column" if name == names[0] else f"column {name!r}" for name in columns)
    return [Problem(file, f"{what} only counts the rows, not used") for what in shown]


def _different_numbers(cells: Sequence[str]) -> bool:
    return len(set(cells)) == len(cells) and all(cell.strip().removesuffix(".0").isdecimal() for cell in cells)
