"""The matrix format of the AutoML challenges: `NAME_train.data`, `NAME_train.solution`, the same for valid and test.

Rows are separated by line breaks, cells by blanks, without a header. Dense rows hold numbers (`NaN` = missing); sparse
rows hold `index:value` pairs, binary sparse ones the indices of ones alone, both counted from 1. Solutions are a row of
0/1 (or weights) an example, or one column of class values or of measurements, which are cut at the training median.
Format: protocol of the AutoML and AutoDL challenges; `valid` rows train too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset, Problem, Split
from data_format.errors import DataError
from data_format.examples import Csr, Table
from data_format.memory_source import MemorySource
from data_format.raw.labels import names_text, order_classes
from data_format.raw.tables.header import unique_names
from data_format.raw.text_encoding import decode

_MAX_DENSE = 1 << 30


@dataclass(frozen=True)
class _Part:
    """One `.data` file: dense (n, columns), or sparse rows."""

    rows: int
    dense: NDArray[np.float64] | None = None
    sparse: Csr | None = None


def matrix_name(folder: Path) -> str | None:
    """NAME of the `NAME_train.data` in a folder, or None where there is none."""
    found = sorted(path.name for path in folder.glob("*_train.data") if path.is_file())
    return found[0].removesuffix("_train.data") if found else None


def open_matrix(root: Path, base: str) -> Dataset:
    """Open the data set NAME = base. Raises DataError where files are missing or rows do not fit each other."""
    problems: list[Problem] = []
    parts, solution = _read_training(root, base)
    test = _read_data(root / f"{base}_test.data")
    if any(part.sparse is not None for part in (*parts, test)):
        *parts, test = [_as_sparse(part) for part in (*parts, test)]
    labels = _Labels(solution, _lines(root / f"{base}_label.name"), problems, base)
    width = max(_width(part) for part in (*parts, test))
    columns = _column_names(root / f"{base}_feat.name", width, problems)
    train_table, test_table = _table(parts, width, columns), _table([test], width, columns)
    sample_names = _lines(root / f"{base}_test_sample.name")
    ids = list(sample_names) if len(sample_names) == test.rows else [str(i) for i in range(test.rows)]
    truth = root / f"{base}_test.solution"
    has_truth = truth.is_file() and truth.stat().st_size > 0
    flavour = "dense" if train_table.sparse is None else "sparse"
    return Dataset(
        name=base,
        path=root,
        class_names=labels.classes,
        shape=(1, 1, width, 1),
        train=Split([str(i) for i in range(len(train_table))], labels.train, MemorySource(table=train_table)),
        test=Split(ids, np.zeros((test.rows, len(labels.classes)), np.float32), MemorySource(table=test_table)),
        domain=("tabular", f"{flavour} rows of {width} columns in the matrix format"),
        truth=lambda: labels.encode(_read_solution(truth, test.rows)) if has_truth else None,
        problems=problems,
    )


def _read_training(root: Path, base: str) -> tuple[list[_Part], NDArray[np.float64]]:
    """The training and validation rows, and their solutions below each other.

    Raises DataError where there is none, or no test file to predict.
    """
    parts, solutions = [], []
    for subset in ("train", "valid"):
        path = root / f"{base}_{subset}.data"
        # The format asks for validation files, but they are often empty, or left out.
        if subset == "valid" and not (path.is_file() and path.stat().st_size):
            continue
        part = _read_data(path)
        if part.rows:
            parts.append(part)
            solutions.append(_read_solution(root / f"{base}_{subset}.solution", part.rows))
    test = f"{base}_test.data"
    if not parts or not (root / test).is_file():
        raise DataError(f"{root}: expected rows in {base}_train.data and a file {test}, found one missing")
    return parts, np.concatenate(solutions)


def _column_names(path: Path, width: int, problems: list[Problem]) -> tuple[str, ...]:
    """The names in a file, one a column, or made ones where their number is another."""
    names = unique_names(_lines(path))
    if len(names) == width:
        return names
    if names:
        problems.append(Problem(path.name, f"{len(names)} names for {width} columns, not used"))
    return tuple(f"column {i}" for i in range(1, width + 1))


class _Labels:
    """How the solution matrices become labels; the training rows decide."""

    def __init__(self, train: NDArray[np.float64], names: tuple[str, ...], problems: list[Problem], base: str) -> None:
        self._median: float | None = None
        self._values: NDArray[np.float64] | None = None
        if train.shape[1] > 1:
            made = tuple(map(str, range(train.shape[1])))
        else:
            values = np.unique(train)
            # The toolkit's rule: fewer different values than an eighth of the rows are classes.
            if len(values) <= 2 or len(values) < len(train) / 8:
                self._values = values
                made = order_classes(f"{value:g}" for value in values)
                order = {name: i for i, name in enumerate(made)}
                self._values = values[np.argsort([order[f"{value:g}"] for value in values])]
            else:
                self._median = float(np.median(train))
                made = (f"at most {self._median:g}", f"above {self._median:g}")
                problems.append(Problem(f"{base}_train.solution", f"measurements, cut at the median {self._median:g}"))
        if names and len(names) != len(made):
            problems.append(Problem(f"{base}_label.name", f"{len(names)} names for {len(made)} classes, not used"))
        self.classes = names if len(names) == len(made) else made
        self.train = self.encode(train)

    def encode(self, solution: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n, columns of the file) -> (n, classes) float32 in [0, 1]."""
        if self._median is not None:
            above = solution[:, 0] > self._median
            return np.asarray(np.stack([~above, above], axis=1), np.float32)
        if self._values is not None:
            return np.asarray(solution[:, :1] == self._values[None], np.float32)
        # Weights need not be normalised: the greatest of a row counts as certain.
        top = np.maximum(solution.max(axis=1, keepdims=True), 1)
        return np.asarray(np.clip(solution / top, 0, 1), np.float32)


def _read_data(path: Path) -> _Part:
    lines = _rows(path)
    first = next((line for line in lines if line), [])
    if not first:
        return _Part(0, np.zeros((0, 0)))
    if first and ":" in first[0]:
        return _sparse(path, [[pair.partition(":")[::2] for pair in line] for line in lines])
    # An empty line is a row of zeros where rows are sparse, and the end of the file where they are not.
    full = _without_end(lines)
    if len({len(line) for line in full}) > 1:
        return _sparse(path, [[(index, "1") for index in line] for line in lines])
    if len(lines) * len(first) > _MAX_DENSE:
        raise DataError(f"{path}: expected at most {_MAX_DENSE} cells, found {len(lines)} rows of {len(first)}")
    return _Part(len(full), _numbers(path, full))


def _sparse(path: Path, lines: Sequence[Sequence[tuple[str, str]]]) -> _Part:
    counts = np.array([len(line) for line in lines], np.int64)
    try:
        indices = np.array([int(index) for line in lines for index, _ in line], np.int64) - 1
        values = np.array([float(value) for line in lines for _, value in line], np.float32)
    except ValueError as error:
        raise DataError(f"{path}: expected indices from 1 and values, found {error}") from None
    if len(indices) and indices.min() < 0:
        raise DataError(f"{path}: expected column numbers from 1, found {int(indices.min()) + 1}")
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return _Part(len(lines), sparse=Csr(indptr, indices, values, int(indices.max(initial=-1)) + 1))


def _read_solution(path: Path, rows: int) -> NDArray[np.float64]:
    if not path.is_file():
        raise DataError(f"{path}: expected the labels of {rows} rows, found no such file")
    lines = _without_end(_rows(path))
    if len(lines) != rows or len({len(line) for line in lines}) != 1:
        raise DataError(f"{path}: expected {rows} rows of one width, found {len(lines)}")
    return _numbers(path, lines)


def _numbers(path: Path, lines: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    try:
        return np.array([[float(cell) for cell in line] for line in lines], np.float64)
    except ValueError as error:
        raise DataError(f"{path}: expected numbers separated by blanks, found {error}") from None


def _rows(path: Path) -> list[list[str]]:
    try:
        lines = decode(path.read_bytes())[0].splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    return [line.split() for line in lines]


def _without_end(lines: list[list[str]]) -> list[list[str]]:
    """Lines without the empty ones at the end."""
    end = len(lines)
    while end and not lines[end - 1]:
        end -= 1
    return lines[:end]


def _lines(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    return tuple(line.strip() for line in decode(path.read_bytes())[0].splitlines() if line.strip())


def _width(part: _Part) -> int:
    return part.sparse.n_columns if part.sparse is not None else 0 if part.dense is None else part.dense.shape[1]


def _table(parts: Sequence[_Part], width: int, names: tuple[str, ...]) -> Table:
    """Parts below each other; sparse as soon as one of them is."""
    n = sum(part.rows for part in parts)
    none = np.empty((n, 0), dtype=object)
    if all(part.sparse is None for part in parts):
        dense = [part.dense for part in parts if part.dense is not None]
        if any(part.shape[1] != width for part in dense):
            found = names_text([str(part.shape[1]) for part in dense])
            raise DataError(f"matrix format: expected rows of {width} columns, found {found}")
        return Table(np.concatenate(dense), names, none, ())
    blocks = [part.sparse for part in parts if part.sparse is not None]
    starts = np.cumsum([0, *(len(block.indices) for block in blocks)])
    indptr = np.concatenate([[0], *(block.indptr[1:] + at for block, at in zip(blocks, starts, strict=False))])
    indices = np.concatenate([block.indices for block in blocks])
    values = np.concatenate([block.values for block in blocks])
    return Table(np.empty((n, 0)), (), none, (), Csr(indptr.astype(np.int64), indices, values, width))


def _as_sparse(part: _Part) -> _Part:
    """A file whose rows happen to be of one width beside ones that are not: its cells are indices."""
    if part.dense is None:
        return part
    n, width = part.dense.shape
    indptr = np.arange(n + 1, dtype=np.int64) * width
    indices = part.dense.astype(np.int64).reshape(-1) - 1
    return _Part(n, sparse=Csr(indptr, indices, np.ones(n * width, np.float32), int(indices.max(initial=-1)) + 1))
