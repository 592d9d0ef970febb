"""Arrays, lists of rows and data frames from a program as one `ColumnTable`, typed like the cells of a CSV file.

Columns of numbers, truth values and dates keep their type; any other column is typed by its cells, as in
`column_types`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.examples import Csr, Table
from data_format.raw.arrays.labels import is_missing_value
from data_format.raw.labels import names_text
from data_format.raw.tables.column_types import Kind, learn, numbers, texts_of, words
from data_format.raw.tables.csv_file import counted
from data_format.raw.tables.header import unique_names

Column = NDArray[np.float64] | list[str]


@dataclass(frozen=True)
class ColumnTable:
    """Columns by name, each a (n,) float64 array (NaN = missing) or a list of n cells ("" = missing)."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: int


def read_frame(x: Any) -> ColumnTable:
    """A data frame, a 2-D array or a list of rows as columns. Raises DataError for another number of dimensions."""
    if hasattr(x, "columns"):
        # By place where there is one: two columns may have the same name.
        picked = [x.iloc[:, i] if hasattr(x, "iloc") else x[name] for i, name in enumerate(x.columns)]
        columns = tuple(_column(np.asarray(series.to_numpy())) for series in picked)
        return ColumnTable(unique_names(x.columns), columns, len(x))
    array = x if isinstance(x, np.ndarray) else _rows_array(x)
    if array.ndim != 2:
        raise DataError(f"x: expected rows and columns, found the shape {array.shape}")
    made = tuple(f"column {i}" for i in range(1, array.shape[1] + 1))
    if array.dtype.kind in "biuf":
        return ColumnTable(made, tuple(array.astype(np.float64, copy=False).T), len(array))
    return ColumnTable(made, tuple(_column(array[:, i]) for i in range(array.shape[1])), len(array))


def sparse_table(x: Any) -> Table:
    """A SciPy sparse matrix (anything with `tocsr`) as a sparse table."""
    csr = x.tocsr()
    n, columns = csr.shape
    sparse = Csr(csr.indptr.astype(np.int64), csr.indices.astype(np.int64), csr.data.astype(np.float32), columns)
    return Table(np.empty((n, 0)), (), np.empty((n, 0), dtype=object), (), sparse)


def kinds_of(frame: ColumnTable) -> list[Kind]:
    """The kind of every column; cells decide as in a CSV file."""
    return ["number" if isinstance(cells, np.ndarray) else learn(cells, False)[0] for cells in frame.columns]


def sample_of(frame: ColumnTable, most: int = 1000) -> list[Sequence[str]]:
    """Cells of evenly spaced rows as texts, one list a column; columns of numbers are empty."""
    step = max(1, frame.rows // most)
    return [[] if isinstance(cells, np.ndarray) else cells[::step] for cells in frame.columns]


def make_tables(
    train: ColumnTable, kinds: Sequence[Kind], test: ColumnTable | None, problems: list[Problem]
) -> tuple[Table, Table]:
    """Both sides as tables; `kinds` are those of the training columns, test columns are found by name.

    Raises DataError when the test side has none of the columns.
    """
    there = dict(zip(test.names, test.columns, strict=True)) if test else {}
    if test and not set(train.names) & set(there):
        raise DataError(f"x_test: expected the columns {names_text(train.names)}, found {names_text(test.names)}")
    if test and (missing := [name for name in train.names if name not in there]):
        problems.append(Problem("x_test", f"columns missing, taken as empty: {names_text(missing)}"))
    if test and (extra := [name for name in test.names if name not in set(train.names)]):
        problems.append(Problem("x_test", f"columns that x lacks, not used: {names_text(extra)}"))
    n_test = test.rows if test else 0
    absent = [""] * n_test
    sides = []
    for where, columns, n in (
        ("x", train.columns, train.rows),
        ("x_test", tuple(there.get(name, absent) for name in train.names), n_test),
    ):
        sides.append(_table(where, train.names, kinds, columns, n, problems))
    return sides[0], sides[1]


def _table(
    where: str,
    names: Sequence[str],
    kinds: Sequence[Kind],
    columns: Sequence[Column],
    n: int,
    problems: list[Problem],
) -> Table:
    number_names = tuple(name for name, kind in zip(names, kinds, strict=True) if kind != "word")
    word_names = tuple(name for name, kind in zip(names, kinds, strict=True) if kind == "word")
    number_array = np.empty((n, len(number_names)))
    word_array = np.empty((n, len(word_names)), dtype=object)
    places = {False: iter(range(len(number_names))), True: iter(range(len(word_names)))}
    for name, kind, cells in zip(names, kinds, columns, strict=True):
        place = next(places[kind == "word"])
        if kind == "word":
            word_array[:, place] = words(texts_of(cells))
        elif isinstance(cells, np.ndarray):
            number_array[:, place] = cells
        else:
            number_array[:, place], odd = numbers(cells, kind)
            if odd:
                reason = f"{counted(odd, 'cell')} not a {kind.partition(',')[0]}, taken as missing"
                problems.append(Problem(f"{where}, column {name!r}", reason))
    all_kinds = tuple(zip(names, kinds, strict=True))
    return Table(number_array, number_names, word_array, word_names, kinds=all_kinds)


def _column(values: NDArray[Any]) -> Column:
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if values.dtype.kind == "M":
        # Days since 1970, as dates in files become numbers.
        days = (values - np.datetime64(0, "D")) / np.timedelta64(1, "D")
        return np.asarray(days, np.float64)
    if values.dtype.kind == "m":
        return np.asarray(values / np.timedelta64(1, "D"), np.float64)
    cells = values.tolist()
    missing = [is_missing_value(cell) for cell in cells]
    if all(gone or isinstance(cell, int | float) for cell, gone in zip(cells, missing, strict=True)):
        return np.array([np.nan if gone else cell for cell, gone in zip(cells, missing, strict=True)], np.float64)
    return ["" if gone else str(cell) for cell, gone in zip(cells, missing, strict=True)]


def _rows_array(rows: Any) -> NDArray[Any]:
    try:
        array = np.asarray(rows)
    except ValueError as error:
        raise DataError(f"x: expected rows of one length, found {error}") from None
    # Numbers beside texts would all become texts; objects keep them apart.
    return np.array(rows, dtype=object) if array.dtype.kind in "US" else array
