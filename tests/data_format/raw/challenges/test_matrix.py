import numpy as np
import pytest

from data_format.errors import DataError
from data_format.raw import open_raw


@pytest.fixture
def matrix(write, tmp_path):
    def make(train, test, solution, test_solution="", **more):
        write("m/m_train.data", train)
        write("m/m_test.data", test)
        write("m/m_train.solution", solution)
        for name, content in {"test.solution": test_solution, "valid.data": "", "valid.solution": "", **more}.items():
            write(f"m/m_{name}", content)
        return tmp_path / "m"

    return make


def test_dense_rows_with_names(matrix):
    folder = matrix(
        "1 2 \n3 NaN \n", "5 6 \n", "1 0 \n0 1 \n", "0 1 \n",
        **{"feat.name": "len\nwid\n", "label.name": "a\nb\n", "valid.data": "7 8\n", "valid.solution": "0 1\n",
           "test_sample.name": "row_9\n"},
    )  # fmt: skip
    dataset = open_raw(folder)
    assert (dataset.name, dataset.class_names, dataset.shape) == ("m", ("a", "b"), (1, 1, 2, 1))
    table = dataset.train.source.table()
    assert (
        table.number_names == ("len", "wid") and table.numbers[2].tolist() == [7, 8] and np.isnan(table.numbers[1, 1])
    )
    assert dataset.train.labels.tolist() == [[1, 0], [0, 1], [0, 1]]
    assert dataset.test.ids == ["row_9"] and dataset.truth().tolist() == [[0, 1]]


def test_sparse_rows(matrix):
    dataset = open_raw(matrix("1:0.5 3:2\n2:1\n\n", "4:7\n", "1 0\n0 1\n1 0\n"))
    sparse = dataset.train.source.table().sparse
    assert (sparse.n_columns, sparse.indptr.tolist(), sparse.indices.tolist()) == (4, [0, 2, 3, 3], [0, 2, 1])
    assert dataset.test.source.table().sparse.values.tolist() == [7]
    assert dataset.truth() is None


def test_binary_sparse_rows(matrix):
    dataset = open_raw(matrix("1 3\n2\n1 2 3\n", "2 3\n3 4\n", "1 0\n0 1\n1 0\n"))
    assert dataset.train.source.table().sparse.values.tolist() == [1] * 6
    assert dataset.test.source.table().sparse.indices.tolist() == [1, 2, 2, 3]


def test_one_column_of_classes_and_of_measurements(matrix):
    rows = "".join(f"{i} 1\n" for i in range(40))
    dataset = open_raw(matrix(rows, "1 1\n", "".join(f"{[2, 10, 1][i % 3]}\n" for i in range(40))))
    assert dataset.class_names == ("1", "2", "10")
    assert dataset.train.labels[:3].tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    dataset = open_raw(matrix(rows, "1 1\n", "".join(f"{i / 7}\n" for i in range(40)), "5.9\n"))
    assert dataset.class_names[1].startswith("above") and dataset.train.labels.sum(0).tolist() == [20, 20]
    assert dataset.truth().tolist() == [[0, 1]]
    assert "median" in dataset.problems[0].reason


def test_weights_become_scores(matrix):
    dataset = open_raw(matrix("1\n2\n", "3\n", "0.5 1\n4 2\n"))
    assert dataset.train.labels.tolist() == [[0.5, 1], [1, 0.5]]


@pytest.mark.parametrize(
    ("train", "solution", "says"),
    [
        ("1 2\n3 x\n", "1 0\n0 1\n", "expected numbers"),
        ("1 2\n", "1 0\n0 1\n", "expected 1 rows of one width, found 2"),
        ("0:1 2:3\n", "1 0\n", "column numbers from 1, found 0"),
        ("1:a\n", "1 0\n", "indices from 1"),
    ],
)
def test_rows_that_do_not_fit(matrix, train, solution, says):
    with pytest.raises(DataError, match=says):
        open_raw(matrix(train, "1 2\n", solution))


def test_a_missing_solution_is_named(write, tmp_path):
    write("m_train.data", "1 2\n")
    write("m_test.data", "1 2\n")
    with pytest.raises(DataError, match="m_train.solution: expected the labels of 1 rows"):
        open_raw(tmp_path)
