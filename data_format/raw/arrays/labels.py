"""Labels handed over by a program: a column of classes, a matrix of 0/1, or a list of label sets.

Class order is that of sorted values (numbers by value, texts by code point), as scikit-learn has it; names are the
values as `str` writes them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_format.errors import DataError
from data_format.raw.labels import names_text


def is_missing_value(value: Any) -> bool:
    """Whether a cell handed over as an object holds no value: None, NaN, or the NA and NaT of data frames."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    # A datetime64 or float NaN is the only value that differs from itself.
    return isinstance(value, float | np.floating | np.datetime64) and bool(value != value)


def read_labels(
    y: Any, n: int, class_names: Sequence[str] | None = None
) -> tuple[NDArray[np.float32], tuple[str, ...], NDArray[np.int64]]:
    """Labels of n rows -> ((n, classes) float32 in [0, 1], class names, numbers of the rows that carry a label).

    y: (n,) or (n, 1) class values; (n, classes) numbers in [0, 1] (a data frame names its columns); or n collections of
    class names. class_names: fixes names and order; every class in y must be among them. Raises DataError where y does
    not fit.
    """
    columns = tuple(map(str, y.columns)) if hasattr(y, "columns") else ()
    values = y if isinstance(y, list | tuple) else _plain(y)
    if len(values) != n:
        raise DataError(f"y: expected {n} labels, one an example, found {len(values)}")
    if isinstance(values, list | tuple) and n and all(map(_is_collection, values)) and not _is_matrix(values):
        return _from_sets([list(map(str, row)) for row in values], class_names)
    array = values if isinstance(values, np.ndarray) else _as_array(values)
    if array.ndim == 2 and array.shape[1] != 1:
        return _from_matrix(array, class_names or columns)
    if array.ndim > 2:
        raise DataError(f"y: expected (n,) classes or an (n, classes) matrix, found the shape {array.shape}")
    return _from_classes(array.reshape(-1), class_names)


def _plain(y: Any) -> NDArray[Any]:
    """Labels of a data frame, a column of one, a sparse matrix or anything like an array, as an array."""
    if hasattr(y, "to_numpy"):
        return np.asarray(y.to_numpy())
    array = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
    if array.ndim == 0:
        raise DataError(f"y: expected one label an example, found {type(y).__name__}")
    return array


def _as_array(values: Sequence[Any]) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"y: expected one class or one list of classes an example, found {error}") from None
    # NumPy would write 1 and "a" both as texts; an object array keeps what they are.
    mixed = array.dtype.kind == "U" and not all(isinstance(value, str) for value in values)
    return np.array(values, dtype=object) if mixed else array


def _is_collection(row: Any) -> bool:
    return isinstance(row, list | tuple | set | frozenset) or (isinstance(row, np.ndarray) and row.ndim == 1)


def _is_matrix(rows: Sequence[Any]) -> bool:
    """Whether collections are the rows of a matrix: as many numbers in each; sets and rows of one never are."""
    widths = {len(row) for row in rows}
    if len(widths) != 1 or widths <= {0, 1} or any(isinstance(row, set | frozenset) for row in rows):
        return False
    return all(isinstance(cell, int | float | np.number) for row in rows for cell in row)


def _from_classes(
    values: NDArray[Any], class_names: Sequence[str] | None
) -> tuple[NDArray[np.float32], tuple[str, ...], NDArray[np.int64]]:
    kept = np.array([i for i, value in enumerate(values) if not is_missing_value(value)], dtype=np.int64)
    if not len(kept) and class_names is None:
        raise DataError(f"y: expected class values, found none in {len(values)} rows")
    try:
        different, places = np.unique(values[kept], return_inverse=True)
        names = [str(value) for value in different]
    except TypeError:  # numbers and texts in one list have no order of their own
        different, places = np.unique([str(value) for value in values[kept]], return_inverse=True)
        names = list(map(str, different))
    classes = _checked(names, class_names)
    index = {name: i for i, name in enumerate(classes)}
    matrix = np.zeros((len(values), len(classes)), np.float32)
    matrix[kept, np.array([index[name] for name in names], np.int64)[places.reshape(-1)]] = 1
    return matrix, classes, kept


def _from_matrix(
    values: NDArray[Any], class_names: Sequence[str]
) -> tuple[NDArray[np.float32], tuple[str, ...], NDArray[np.int64]]:
    try:
        matrix = values.astype(np.float32)
    except (TypeError, ValueError):
        raise DataError(f"y: expected an (n, classes) matrix of numbers, found {values.dtype} {values.shape}") from None
    if bad := np.argwhere(~((matrix >= 0) & (matrix <= 1))).tolist():
        row, column = bad[0]
        raise DataError(f"y[{row}, {column}]: expected a label between 0 and 1, found {values[row, column]}")
    classes = tuple(class_names) or tuple(map(str, range(matrix.shape[1])))
    if len(classes) != matrix.shape[1]:
        raise DataError(f"class_names: expected {matrix.shape[1]} names, one a column of y, found {len(classes)}")
    return matrix, classes, np.arange(len(matrix))


def _from_sets(
    rows: Sequence[Sequence[str]], class_names: Sequence[str] | None
) -> tuple[NDArray[np.float32], tuple[str, ...], NDArray[np.int64]]:
    names = sorted({name for row in rows for name in row})
    if not names and class_names is None:
        raise DataError(f"y: expected class names, found {len(rows)} empty lists")
    classes = _checked(names, class_names)
    index = {name: i for i, name in enumerate(classes)}
    matrix = np.zeros((len(rows), len(classes)), np.float32)
    for i, row in enumerate(rows):
        matrix[i, [index[name] for name in row]] = 1
    return matrix, classes, np.arange(len(rows))


def _checked(found: Iterable[str], class_names: Sequence[str] | None) -> tuple[str, ...]:
    if class_names is None:
        return tuple(found)
    if unknown := [name for name in found if name not in set(class_names)]:
        raise DataError(f"y: expected only the classes {names_text(class_names)}, found {names_text(unknown)}")
    return tuple(class_names)
