"""Rows that a program hands over, column by column."""

import datetime
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.arrays.tables import ColumnTable, kinds_of, make_tables, read_frame, sample_of, sparse_table

NAN = float("nan")


def cells(frame: ColumnTable) -> list[Any]:
    return [column.tolist() if isinstance(column, np.ndarray) else column for column in frame.columns]


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (np.array([[1, 2], [3, 4]]), [[1.0, 3.0], [2.0, 4.0]]),
        (np.array([[True], [False]]), [[1.0, 0.0]]),
        ([[1, "a"], [2.5, "b"]], [[1.0, 2.5], ["a", "b"]]),
        ([["1", "a"], ["2", "b"]], [["1", "2"], ["a", "b"]]),
        ([["x", None], ["y", 3]], [["x", "y"], [NAN, 3.0]]),
        ([["x", NAN], ["y", "z"]], [["x", "y"], ["", "z"]]),
        (np.array([["2020-01-02"], ["NaT"]], "datetime64[D]"), [[18263.0, NAN]]),
        (np.array([[36]], "timedelta64[h]"), [[1.5]]),
        (np.zeros((2, 0)), []),
    ],
)
def test_columns_keep_numbers_and_dates(rows: Any, columns: list[list[Any]]) -> None:
    frame = read_frame(rows)
    assert frame.names == tuple(f"column {i + 1}" for i in range(len(columns)))
    assert str(cells(frame)) == str(columns)  # NaN equals itself as text only
    assert frame.rows == len(rows)


class Series:
    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def to_numpy(self) -> np.ndarray:
        return np.array(self.values, object)


class DataFrame:
    """As much of a data frame as is asked for; columns by name only."""

    def __init__(self, **columns: list[Any]) -> None:
        self.named = columns

    @property
    def columns(self) -> list[str]:
        return list(self.named)

    def __getitem__(self, name: str) -> Series:
        return Series(self.named[name])

    def __len__(self) -> int:
        return len(next(iter(self.named.values())))


def test_columns_of_a_data_frame_keep_their_names() -> None:
    frame = read_frame(DataFrame(b=[1, None], a=["x", "y"], day=[datetime.date(2020, 1, 2), None]))
    assert frame.names == ("b", "a", "day")
    assert str(cells(frame)) == str([[1.0, NAN], ["x", "y"], ["2020-01-02", ""]])
    assert kinds_of(frame) == ["number", "word", "date"]


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((1, 2, 3)), [1, 2], [[1, 2], [3]], [["a", "b"], ["c"]]])
def test_what_is_not_rows_and_columns_is_refused(bad: Any) -> None:
    with pytest.raises(DataError, match="x: expected rows"):
        read_frame(bad)


@pytest.mark.parametrize(("rows", "most", "found"), [(5, 1000, 5), (10, 5, 5), (11, 5, 6), (0, 5, 0)])
def test_a_sample_is_spread_over_the_rows(rows: int, most: int, found: int) -> None:
    words, numbers = sample_of(ColumnTable(("w", "n"), ([str(i) for i in range(rows)], np.zeros(rows)), rows), most)
    assert len(words) == found and len(numbers) == 0
    assert list(words[:2]) == [str(i) for i in range(0, rows, max(1, rows // most))][:2]


def frame(**columns: Any) -> ColumnTable:
    return ColumnTable(tuple(columns), tuple(columns.values()), len(next(iter(columns.values()))))


def test_test_columns_are_found_by_name_and_typed_as_in_training() -> None:
    train = frame(n=np.array([1.0, 2.0]), w=["a", "b"], d=["2020-01-01", "2020-01-02"])
    test = frame(d=["1970-01-02", "later"], n=["7", "x"], w=np.array([3.0, NAN]))
    problems: list[Problem] = []
    _, found = make_tables(train, kinds_of(train), test, problems)
    assert found.number_names == ("n", "d") and found.string_names == ("w",)
    assert str(found.numbers.tolist()) == str([[7.0, 1.0], [NAN, NAN]])
    assert found.strings.tolist() == [["3"], [""]]
    assert found.kinds == (("n", "number"), ("w", "word"), ("d", "date"))
    assert [(p.where, p.reason) for p in problems] == [
        ("x_test, column 'n'", "1 cell not a number, taken as missing"),
        ("x_test, column 'd'", "1 cell not a date, taken as missing"),
    ]


def test_missing_and_further_test_columns_are_told() -> None:
    problems: list[Problem] = []
    train = frame(a=np.ones(1), w=["u"])
    _, found = make_tables(train, ["number", "word"], frame(a=np.zeros(2), z=np.ones(2)), problems)
    assert found.strings.tolist() == [[""], [""]]
    assert [p.reason for p in problems] == [
        "columns missing, taken as empty: 'w'",
        "columns that x lacks, not used: 'z'",
    ]


def test_test_rows_without_any_of_the_columns_are_refused() -> None:
    with pytest.raises(DataError, match="x_test: expected the columns 'a', found 'z'"):
        make_tables(frame(a=np.ones(1)), ["number"], frame(z=np.ones(1)), [])


def test_without_test_rows_the_table_is_empty_but_has_its_columns() -> None:
    train, test = make_tables(frame(a=np.ones(2), w=["u", "v"]), ["number", "word"], None, [])
    assert train.numbers.shape == (2, 1) and test.numbers.shape == (0, 1) and test.strings.shape == (0, 1)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.coo_matrix, sparse.csc_matrix])
def test_a_sparse_matrix_keeps_its_cells(form: Any) -> None:
    dense = np.array([[0, 2.5, 0], [0, 0, 0], [-1, 0, 3]])
    table = sparse_table(form(dense))
    csr = table.sparse
    assert csr is not None and len(table) == 3
    assert np.array_equal(sparse.csr_matrix((csr.values, csr.indices, csr.indptr), (3, csr.n_columns)).toarray(), dense)
    assert (csr.indices.dtype, csr.indptr.dtype, csr.values.dtype) == (np.int64, np.int64, np.float32)
