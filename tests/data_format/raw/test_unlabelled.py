import zipfile

import numpy as np
import pytest

from data_format.errors import DataError, Unreadable
from data_format.raw import ReadOptions
from data_format.raw.unlabelled import open_unlabelled


@pytest.fixture
def pictures(image, tmp_path):
    for i in range(4):
        image(f"set/{i}.png", level=20 * i)
    return tmp_path / "set"


def test_a_list_gives_the_order_and_missing_files_keep_their_row(pictures, write):
    write("set/data.csv", "3.png\n0.png\ngone.png\n2.png\n")
    dataset = open_unlabelled(pictures, output_dim=5)
    assert list(dataset.test.ids) == ["3.png", "0.png", "gone.png", "2.png"]
    assert (len(dataset.train), dataset.test.labels.shape, dataset.domain[0]) == (0, (4, 5), "image")
    with pytest.raises(Unreadable, match="missing file"):
        dataset.test.source.example(2)
    assert [p.where for p in dataset.problems] == ["gone.png"]


def test_without_a_list_files_are_sorted_and_label_name_gives_the_classes(pictures, write):
    write("set/label.name", "cat\ndog\n")
    dataset = open_unlabelled(pictures)
    assert (list(dataset.test.ids), dataset.class_names) == (["0.png", "1.png", "2.png", "3.png"], ("cat", "dog"))
    with zipfile.ZipFile(pictures.parent / "p.zip", "w") as archive:
        for file in pictures.iterdir():
            archive.write(file, file.name)
    assert open_unlabelled(pictures.parent / "p.zip").class_names == ("cat", "dog")


def test_rows_of_numbers_without_a_header(write, tmp_path):
    dataset = open_unlabelled(write("t/data.csv", "1 2.5\n3 nan\n").parent, output_dim=2)
    assert (dataset.domain[0], dataset.shape, dataset.class_names) == ("tabular", (1, 1, 2, 1), ("0", "1"))
    assert dataset.test.source.table().numbers[0].tolist() == [1, 2.5]
    assert np.isnan(dataset.test.source.table().numbers[1, 1])
    assert open_unlabelled(tmp_path / "t" / "data.csv", output_dim=2).test.ids == ["0", "1"]


def test_texts_take_the_vocabulary_of_training_along(write, tmp_path):
    write("t/unlabelled.data", "new words\nmore\n")
    write("t/train.data", "old words\n")
    write("t/train.solution", "0 1 0\n")
    write("t/meta.json", "{}")
    dataset = open_unlabelled(tmp_path / "t")
    assert (dataset.domain[0], len(dataset.class_names), len(dataset.train)) == ("text", 3, 1)
    assert dataset.test.source.example(1).text == "more"


def test_a_table_with_text(csv_file):
    path = csv_file("t.csv", "text,n", [(f"some words of a text {i}", i) for i in range(9)])
    assert open_unlabelled(path, output_dim=2).domain[0] == "text"
    assert open_unlabelled(path, ReadOptions(domain="tabular"), 2).domain[0] == "tabular"
    with pytest.raises(DataError, match="expected a column 'zzz'"):
        open_unlabelled(path, ReadOptions(text_column="zzz"), 2)


def test_what_is_missing_is_said(pictures, tmp_path):
    with pytest.raises(DataError, match="expected the number of classes"):
        open_unlabelled(pictures)
    with pytest.raises(DataError, match="found nothing there"):
        open_unlabelled(tmp_path / "none", output_dim=2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="expected files without labels, found none"):
        open_unlabelled(tmp_path / "empty", output_dim=2)


def test_a_column_that_counts_the_rows_is_no_feature(csv_file):
    path = csv_file("new.csv", ",a,b", [(n, n % 3, n % 2) for n in (7, 3, 5, 1)])
    dataset = open_unlabelled(path, output_dim=2)
    assert dataset.test.source.table().number_names == ("a", "b")
    assert [problem.reason for problem in dataset.problems] == ["first column only counts the rows, not used"]
