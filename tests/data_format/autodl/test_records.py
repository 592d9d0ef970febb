"""Row order over several files, and records as rows of a table."""

from pathlib import Path

import numpy as np
import pytest

from data_format.autodl import records
from data_format.autodl.metadata import Format, MatrixSpec, Metadata
from data_format.autodl.records import Records, interleave, open_records
from data_format.autodl.sequence_example import encode_record
from data_format.autodl.tfrecord import write_records
from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.examples import Dense, Example, Sparse


@pytest.mark.parametrize(
    ("counts", "order"),
    [
        # The orders that tf.data gives (interleave, cycle_length=3, block_length=1), recorded from TensorFlow 2.21.
        ([3, 3, 3], "00 10 20 01 11 21 02 12 22"),
        ([1, 3, 3, 2], "00 10 20 11 21 30 12 22 31"),
        ([2, 0, 5, 1, 1, 4], "00 20 01 30 21 22 40 50 23 51 24 52 53"),
        ([0, 0, 3, 2], "20 30 21 31 22"),
        ([1, 3, 1, 2, 4], "00 10 20 11 30 12 40 31 41 42 43"),
        ([2], "00 01"),
        ([2, 2], "00 10 01 11"),
        ([0, 0], ""),
    ],
)
def test_interleaved_order(counts: list[int], order: str) -> None:
    assert " ".join(f"{file}{record}" for file, record in interleave(counts).tolist()) == order


def test_sequential_order() -> None:
    assert interleave([2, 0, 1], slots=1).tolist() == [[0, 0], [0, 1], [2, 0]]


def opened(folder: Path, examples: list[Example], metadata: Metadata) -> tuple[Records, list[Problem]]:
    write_records(folder / "sample", [encode_record(example) for example in examples])
    problems: list[Problem] = []
    return open_records(folder, metadata, False, problems), problems


def meta(kind: Format, columns: int, rows: int = 1, time: int = 1, **maps: dict[str, int]) -> Metadata:
    return Metadata(3, 2, (MatrixSpec(columns, rows, format=kind),), time, **maps)


def test_dense_rows_with_names(tmp_path: Path) -> None:
    rows = np.array([[1, np.nan, 3], [4, np.inf, 6]], np.float32)
    names = {"age": 0, "size": 2, "beyond": 7}
    source, problems = opened(
        tmp_path, [Dense(row.reshape(1, 1, 3, 1)) for row in rows], meta("DENSE", 3, feature_to_index_map=names)
    )
    table = source.table()
    assert np.array_equal(table.numbers, rows, equal_nan=True)
    assert table.numbers.dtype == np.float32
    assert table.number_names == ("age", "f1", "size")
    assert table.strings.shape == (2, 0)
    assert (table.sparse, problems) == (None, [])


def test_row_of_another_width_is_missing_and_named(tmp_path: Path) -> None:
    wide = [Dense(np.ones((1, 1, n, 1), np.float32)) for n in (3, 2, 3)]
    source, problems = opened(tmp_path, list(wide), meta("DENSE", 3))
    numbers = source.table().numbers
    assert np.isnan(numbers).all(axis=1).tolist() == [False, True, False]
    assert problems == [Problem(f"{tmp_path / 'sample'}, record 1", "expected 3 floats per step, found 2")]


def test_unknown_width_is_that_of_the_widest_row(tmp_path: Path) -> None:
    source, problems = opened(
        tmp_path, [Dense(np.ones((1, 1, n, 1), np.float32)) for n in (3, 2, 3)], meta("DENSE", -1)
    )
    assert source.table().numbers.shape == (3, 3)
    assert "expected 3 numbers in a row" in problems[0].reason


def cells(*pairs: tuple[int, float]) -> Sparse:
    columns = np.array([column for column, _ in pairs], np.int64)
    none = np.zeros(len(pairs), np.int64)
    return Sparse(none, columns, none, np.array([value for _, value in pairs], np.float32))


SPARSE = [cells((1, 2.0), (3, -1.0)), cells(), cells((3, 5.0), (0, 1.0), (3, 7.0))]
FULL = [[0, 2, 0, -1], [0, 0, 0, 0], [1, 0, 0, 7]]


@pytest.mark.parametrize("columns", [4, -1])
def test_small_sparse_tables_become_dense(tmp_path: Path, columns: int) -> None:
    source, _ = opened(tmp_path, list(SPARSE), meta("SPARSE", columns))
    assert source.table().numbers.tolist() == FULL


def test_a_column_of_unknown_length_is_a_row(tmp_path: Path) -> None:
    columns = [Sparse(each.columns, each.rows, each.channels, each.values) for each in SPARSE]
    source, _ = opened(tmp_path, list(columns), meta("SPARSE", 1, rows=-1))
    assert source.table().numbers.tolist() == FULL


def test_damaged_sparse_rows_are_missing_and_named(tmp_path: Path) -> None:
    source, problems = opened(tmp_path, [SPARSE[0], cells((9, 1.0)), cells((-1, 1.0)), SPARSE[2]], meta("SPARSE", 4))
    numbers = source.table().numbers
    assert numbers[[0, 3]].tolist() == [FULL[0], FULL[2]]
    assert np.isnan(numbers[1:3]).all()
    assert [problem.reason for problem in problems] == ["0_sparse_col_index outside 0 to 3"] * 2


def test_large_sparse_tables_stay_sparse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_MAX_DENSE_CELLS", 11)
    source, _ = opened(tmp_path, list(SPARSE), meta("SPARSE", 4))
    table = source.table()
    assert table.sparse is not None
    assert (len(table), table.numbers.shape, table.sparse.n_columns) == (3, (3, 0), 4)
    dense = np.zeros((3, 4))
    for row in range(3):
        part = slice(table.sparse.indptr[row], table.sparse.indptr[row + 1])
        dense[row, table.sparse.indices[part]] = table.sparse.values[part]
    assert dense.tolist() == FULL


@pytest.mark.parametrize("metadata", [meta("COMPRESSED", 1), meta("DENSE", 3, 3), meta("DENSE", 3, time=-1)])
def test_pictures_and_sequences_are_no_table(tmp_path: Path, metadata: Metadata) -> None:
    source, _ = opened(tmp_path, [Dense(np.ones((1, 1, 3, 1), np.float32))], metadata)
    with pytest.raises(DataError, match="expected records of one row of numbers"):
        source.table()


def test_many_files_are_opened_only_when_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_MAX_OPEN_FILES", 1)
    for i in range(3):
        record = encode_record(Dense(np.full((1, 1, 1, 1), i, np.float32)))
        write_records(tmp_path / f"sample{i}", [record])
    (tmp_path / "other").write_bytes(b"not read")
    source = open_records(tmp_path, meta("DENSE", 1), True, [])
    assert source.table().numbers.ravel().tolist() == [0, 1, 2]


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: cannot be read"):
        open_records(tmp_path / "nowhere", meta("DENSE", 1), True, [])
