import unicodedata

import numpy as np
import pytest

from data_format.errors import DataError, Unreadable
from data_format.examples import MediaFile
from data_format.raw import open_raw


@pytest.fixture
def pictures(image, csv_file, tmp_path):
    """Eight labelled pictures in train/, three in test/, with both lists."""
    for i in range(8):
        image(f"train/{i}.png")
    for i in (2, 0, 1):
        image(f"test/{i}.png")
    csv_file("labels_train.csv", "file,label", [(f"train/{i}.png", ["cat", "dog"][i % 2]) for i in reversed(range(8))])
    csv_file("labels_test.csv", "file,label", [("test/2.png", "dog"), ("test/0.png", "cat"), ("test/1.png", "bird")])
    return tmp_path


def _reasons(dataset):
    return [(problem.where, problem.reason) for problem in dataset.problems]


def test_single_labels(pictures):
    dataset = open_raw(pictures)
    assert (dataset.class_names, dataset.domain[0], dataset.shape) == (("cat", "dog"), "image", (1, -1, -1, 3))
    assert list(dataset.train.ids) == [f"train/{i}.png" for i in reversed(range(8))]
    assert dataset.train.labels[:2].tolist() == [[0, 1], [1, 0]]
    assert list(dataset.test.ids) == ["test/0.png", "test/1.png", "test/2.png"]
    assert dataset.test.source.example(2) == MediaFile(pictures / "test/2.png")
    assert _reasons(dataset) == []
    assert dataset.truth().tolist() == [[1, 0], [0, 0], [0, 1]]
    assert _reasons(dataset) == [("labels_test.csv", "1 test row has label 'bird', which no training row has")]


def test_removing_the_test_list_changes_nothing_else(pictures):
    with_list = open_raw(pictures)
    (pictures / "labels_test.csv").unlink()
    without = open_raw(pictures)
    assert without.truth() is None
    assert (with_list.class_names, with_list.domain, with_list.shape, with_list.problems) == (
        without.class_names,
        without.domain,
        without.shape,
        without.problems,
    )
    for ours, theirs in ((with_list.train, without.train), (with_list.test, without.test)):
        assert list(ours.ids) == list(theirs.ids)
        assert np.array_equal(ours.labels, theirs.labels)


@pytest.mark.parametrize("content", [b"", "file,label\n", "file\ntest/0.png\n"])
def test_a_useless_test_list_costs_the_truth_only(content, pictures, write):
    write("labels_test.csv", content)
    dataset = open_raw(pictures)
    assert len(dataset.test) == 3
    assert dataset.truth() is None


def test_several_labels_and_none(image, csv_file, tmp_path):
    for name in ("train/a.png", "train/b.png", "train/c.png", "test/d.png"):
        image(name)
    csv_file("labels_train.csv", "file,labels", [("train/a.png", "x y"), ("train/b.png", ""), ("train/c.png", "z")])
    csv_file("labels_test.csv", "file,labels", [("test/d.png", "")])
    dataset = open_raw(tmp_path)
    assert dataset.class_names == ("x", "y", "z")
    assert dataset.train.labels.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert dataset.truth().tolist() == [[0, 0, 0]]


def test_missing_files(pictures, csv_file):
    csv_file("labels_train.csv", "file,label", [("train/0.png", "a"), ("train/gone.png", "b"), ("train/1.png", "c")])
    csv_file("labels_test.csv", "file,label", [("test/zz.png", "a"), ("test/1.png", "c"), ("test/aa.png", "a")])
    dataset = open_raw(pictures)
    assert dataset.class_names == ("a", "c")
    assert list(dataset.train.ids) == ["train/0.png", "train/1.png"]
    # Rows that only the list knows come last, so that all others keep their place without it.
    assert list(dataset.test.ids) == ["test/0.png", "test/1.png", "test/2.png", "test/aa.png", "test/zz.png"]
    with pytest.raises(Unreadable, match="^missing file$"):
        dataset.test.source.example(4)
    assert _reasons(dataset) == [
        ("train/gone.png", "missing file"),
        ("test/0.png", "2 test files that labels_test.csv does not name, without a truth"),
    ]
    assert dataset.truth().tolist() == [[0, 0], [0, 1], [0, 0], [1, 0], [1, 0]]


def test_names_are_found_however_they_are_spelled(image, csv_file, tmp_path):
    image(f"train/{unicodedata.normalize('NFD', 'é')}.png")
    image("train/sub/[b] c.png")
    image("train/d.png")
    image("test/e.png")
    rows = [
        ("é.png", "x"),
        ("train\\sub\\[b] c.png", "y"),
        ("./train/d.png", "x"),
        ("../../etc/passwd", "x"),
        ("/etc/passwd", "y"),
    ]
    csv_file("labels_train.csv", "file,label", rows)
    dataset = open_raw(tmp_path)
    assert len(dataset.train) == 3
    assert [p.where for p in dataset.problems] == ["../../etc/passwd", "/etc/passwd"]


def test_a_test_list_cannot_lead_out_of_the_folder(pictures, csv_file):
    csv_file(
        "labels_test.csv", "file,label", [("../../../etc/passwd", "cat"), ("/etc/passwd", "cat"), ("test/0.png", "cat")]
    )
    assert list(open_raw(pictures).test.ids) == ["test/0.png", "test/1.png", "test/2.png"]


def test_strangers_in_the_test_folder_are_no_rows(pictures, write, image):
    write("test/README.md", "# about")
    write("test/.DS_Store", b"\0")
    write("test/broken.png", b"")
    image("test/other.JPG", form="JPEG")
    assert [name.removeprefix("test/") for name in open_raw(pictures).test.ids] == [
        "0.png",
        "1.png",
        "2.png",
        "broken.png",
        "other.JPG",
    ]


def test_without_a_test_folder_the_unlisted_files_are_the_test(image, csv_file, write, tmp_path):
    for i in range(6):
        image(f"pictures/{i}.png")
    write("README.txt", "about")
    csv_file("labels_train.csv", "file,label", [(f"pictures/{i}.png", "ab"[i % 2]) for i in range(4)])
    assert list(open_raw(tmp_path).test.ids) == ["pictures/4.png", "pictures/5.png"]


@pytest.mark.parametrize("name", ["labels_train.csv", "labels.csv"])
def test_one_list_without_test_files_is_split_by_us(name, image, csv_file, tmp_path):
    for i in range(10):
        image(f"pictures/{i}.png")
    path = csv_file(name, "FileName,Labels", [(f"pictures/{i}.png", i % 2) for i in range(10)])
    dataset = open_raw(tmp_path)
    assert (dataset.class_names, len(dataset.train), len(dataset.test)) == (("0", "1"), 8, 2)
    assert dataset.truth().sum() == 2
    assert list(open_raw(path).test.ids) == list(dataset.test.ids)


def test_label_names_give_the_classes(pictures, write, csv_file):
    csv_file("labels_train.csv", "file,label", [(f"train/{i}.png", i % 2) for i in range(8)])
    csv_file("labels_test.csv", "file,label", [("test/2.png", 2), ("test/0.png", 0), ("test/1.png", 1)])
    write("label.name", "cat\ndog\nbird\n")
    dataset = open_raw(pictures)
    assert dataset.class_names == ("cat", "dog", "bird")
    assert dataset.truth().tolist() == np.eye(3).tolist()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("train/none.png", "a")],
            "expected labelled files below .* found none of the 1 listed, such as 'train/none.png'",
        ),
        ([], "found none of the 0 listed, such as 'no row'"),
        ([("train/0.png", "")], "found none of the 1 listed"),
    ],
)
def test_no_usable_training_row_is_refused(rows, message, pictures, csv_file):
    csv_file("labels_train.csv", "file,label", rows)
    with pytest.raises(DataError, match=message):
        open_raw(pictures)


def test_an_empty_test_folder_is_refused(pictures):
    for path in (pictures / "test").iterdir():
        path.unlink()
    (pictures / "labels_test.csv").unlink()
    with pytest.raises(DataError, match="expected test files in test/, found none"):
        open_raw(pictures)
