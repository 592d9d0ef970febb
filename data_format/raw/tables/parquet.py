"""Parquet files by columns: never as one string a cell, so that a million rows open in a second or two.

Numbers stay numbers in single precision; everything else stays as codes of its different cells. Small files go through
`formats.read_table` like every other format, which keeps double precision.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.tables.column_store import ColumnStore
from data_format.raw.tables.column_types import Coded
from data_format.raw.tables.csv_file import Grid
from data_format.raw.tables.header import unique_names
from data_format.raw.tables.index_columns import is_index_name, row_number_notes

BIG_CELLS = 2_000_000
MAX_CELLS = 1 << 29
_MAGIC = b"PAR1"


def is_parquet(path: Path) -> bool:
    """Whether a file is a Parquet file by its first bytes. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def parquet_library(path: Path) -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet. Raises DataError, naming the extra, where they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise DataError(
            f"{path}: a Parquet file needs the package pyarrow, found none (pip install 'autodl-agent[parquet]')"
        ) from None
    return pyarrow, parquet


def is_big(path: Path) -> bool:
    """Whether a Parquet file has BIG_CELLS cells, by its metadata. Raises DataError."""
    pyarrow, parquet = parquet_library(path)
    try:
        facts = parquet.read_metadata(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: expected a Parquet file, found {error}") from None
    return bool(facts.num_rows * facts.num_columns >= BIG_CELLS)


def read_whole(path: Path) -> Any:
    """A Parquet file as a table of pyarrow. Raises DataError where it cannot be read.

    `parquet.read_table` goes by way of pyarrow's data sets, which takes a third longer where columns are many.
    """
    pyarrow, parquet = parquet_library(path)
    try:
        with parquet.ParquetFile(path) as file:
            return file.read()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: expected a Parquet file, found {error}") from None


def read_columns(path: Path) -> ColumnStore:
    """All columns of a Parquet file. Raises DataError where it cannot be read or is larger than MAX_CELLS."""
    pyarrow, _ = parquet_library(path)
    table = read_whole(path)
    if table.num_rows * table.num_columns > MAX_CELLS:
        raise DataError(f"{path}: expected at most {MAX_CELLS} cells, found {table.num_rows * table.num_columns}")
    table, problems = without_index(table, path)
    names = unique_names(table.column_names)
    store = ColumnStore(Grid(path, names, [], True, ","), problems)
    store.fill({name: _short(pyarrow, table.column(place)) for place, name in enumerate(names)}, table.num_rows)
    return store


def without_index(table: Any, path: Path) -> tuple[Any, list[Problem]]:
    """A pyarrow table without the index of a data frame, which pandas writes as its last column, and notes on it."""
    names = [name for name in table.column_names if is_index_name(name)]
    if not names or len(names) == table.num_columns:
        return table, []
    return table.drop(names), row_number_notes(path.name, table.column_names, names)


def _short(pyarrow: Any, column: Any) -> Coded | NDArray[np.float32]:
    """A column as numbers, or as codes of its different cells, the empty cell for null."""
    from data_format.raw.cell_text import cell_text

    kinds = pyarrow.types
    if kinds.is_integer(column.type) or kinds.is_floating(column.type) or kinds.is_decimal(column.type):
        numbers = column.cast(pyarrow.float64(), safe=False) if kinds.is_decimal(column.type) else column
        values = numbers.to_numpy(zero_copy_only=False)  # NaN for null
        with np.errstate(over="ignore"):
            return np.asarray(values, np.float32)
    if kinds.is_nested(column.type):
        column = pyarrow.chunked_array([pyarrow.array([cell_text(value) for value in column.to_pylist()])])
    coded = column.unify_dictionaries() if kinds.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.combine_chunks()
    coded = coded.chunk(0) if isinstance(coded, pyarrow.ChunkedArray) else coded
    keys = [cell_text(value) for value in coded.dictionary.to_pylist()]
    codes = coded.indices.fill_null(len(keys)).to_numpy(zero_copy_only=False)
    return Coded([*keys, ""], codes.astype(np.uint16 if len(keys) < 1 << 16 else np.uint32))
