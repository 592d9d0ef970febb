import json

import pytest

from data_format.errors import DataError
from data_format.raw import open_raw


@pytest.fixture
def folder(write, tmp_path):
    write("O1/O1.data/train.data", "a text\n\nthird one\r\n")
    write("O1/O1.data/train.solution", "1 0\n0 1\n1 1\n")
    write("O1/O1.data/test.data", "what is it\nand this\n")
    write("O1/O1.data/meta.json", json.dumps({"class_num": 2, "train_num": 4, "test_num": 2, "language": "EN"}))
    write("O1/O1.solution", "0 1\n1 0\n")
    return tmp_path / "O1"


@pytest.mark.parametrize("inside", ["", "O1.data"])
def test_texts_and_labels_by_line(folder, inside):
    dataset = open_raw(folder / inside)
    assert (dataset.name, dataset.domain[0], dataset.class_names) == ("O1", "text", ("0", "1"))
    assert [dataset.train.source.example(i).text for i in range(3)] == ["a text", "", "third one"]
    assert dataset.train.labels.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert dataset.truth().tolist() == [[0, 1], [1, 0]]
    assert [p.reason for p in dataset.problems] == ["train_num 4, but the files hold 3"]


def test_label_names_beside_the_folder(folder, write):
    write("O1/O1_label.name", "neg\npos\n")
    assert open_raw(folder).class_names == ("neg", "pos")


@pytest.mark.parametrize(
    ("solution", "says"),
    [
        ("1 0\n", "expected 3 rows as in train.data, found 1"),
        ("1 0\n0\n1 1\n", "rows of one width"),
        ("1 0\n0 2\n1 1\n", "row 1: expected labels from 0 to 1, found 2"),
        ("a b\n" * 3, "expected 0 and 1"),
    ],
)
def test_solutions_that_do_not_fit(folder, write, solution, says):
    write("O1/O1.data/train.solution", solution)
    with pytest.raises(DataError, match=says):
        open_raw(folder)


def test_a_missing_test_file_is_named(folder):
    (folder / "O1.data" / "test.data").unlink()
    with pytest.raises(DataError, match="test.data: expected the test texts"):
        open_raw(folder)
