"""Lists of labels in the forms of the challenge's toolkit, of competitions and of hubs, and tables that are none."""

import numpy as np
import pytest

from data_format.errors import DataError
from data_format.raw import ReadOptions, open_raw
from data_format.raw.files import list_detection


@pytest.fixture
def pictures(image, tmp_path):
    for i in range(8):
        image(f"set/{i}.png", level=20 * i)
    return tmp_path / "set"


def test_confidence_pairs_of_the_toolkit(pictures, csv_file):
    cells = ["2 0.5 9 0.25", "9 1", "2 1.0", "9 0.5", "2 7", "2", "9 1", "2 1"]
    csv_file(
        "set/my_labels_file_format.csv",
        "FileName,LabelConfidencePairs",
        [(f"{i}.png", cell) for i, cell in enumerate(cells)],
    )
    dataset = open_raw(pictures)
    assert dataset.class_names == ("2", "9")
    row = dataset.train.labels[dataset.train.ids.index("0.png")] if "0.png" in dataset.train.ids else dataset.truth()[0]
    assert row.tolist() == [0.5, 0.25]
    everything = np.concatenate([dataset.train.labels, dataset.truth()])
    assert everything.sum() == pytest.approx(0.75 + 1 + 1 + 0.5 + 1 + 1)  # 7 is no confidence, and "2" has none
    assert any("neither 0 nor 1" in p.reason or "label" in p.reason for p in dataset.problems)


def test_a_subset_column_says_what_is_test(pictures, csv_file):
    rows = [(f"{i}.png", i % 2, ["train", "train", "test", "valid"][i % 4]) for i in range(8)]
    csv_file("set/labels.csv", "FileName,Labels,subset", [*rows, ("gone.png", 1, "test")])
    dataset = open_raw(pictures)
    assert list(dataset.train.ids) == ["0.png", "1.png", "4.png", "5.png"]
    assert list(dataset.test.ids) == ["2.png", "6.png", "gone.png"]
    assert dataset.truth().tolist() == [[1, 0], [1, 0], [0, 1]]
    assert any("2 rows of a subset other than train and test" in p.reason for p in dataset.problems)


def test_train_csv_that_names_files_is_a_list(image, csv_file, tmp_path):
    for i in range(6):
        image(f"set/images/{i}.png", level=20 * i)
    csv_file("set/train.csv", "image,label", [(f"images/{i}.png", "ab"[i % 2]) for i in range(6)])
    assert open_raw(tmp_path / "set").domain[0] == "image"
    csv_file("other/train.csv", "image,label", [(f"{i}", "ab"[i % 2]) for i in range(6)])
    (tmp_path / "other" / "docs").mkdir()
    assert open_raw(tmp_path / "other").domain[0] == "tabular"


def test_numbers_with_label_name_are_places(pictures, csv_file, write):
    csv_file("set/labels.csv", "FileName,Labels", [(f"{i}.png", i % 2) for i in range(8)])
    write("set/label.name", "cat\ndog\nfish\n")
    dataset = open_raw(pictures)
    assert dataset.class_names == ("cat", "dog", "fish")
    assert dataset.train.labels[:, 2].sum() == 0


def test_lists_as_json_lines(pictures, write):
    write("set/labels.jsonl", "\n".join(f'{{"file": "{i}.png", "label": "k{i % 2}"}}' for i in range(8)))
    assert open_raw(pictures).class_names == ("k0", "k1")


def test_one_folder_around_everything_is_passed(image, csv_file, tmp_path):
    for i in range(4):
        image(f"outer/inner/{i}.png", level=20 * i)
    csv_file("outer/inner/labels.csv", "file,label", [(f"{i}.png", "ab"[i % 2]) for i in range(4)])
    dataset = open_raw(tmp_path / "outer")
    assert (dataset.name, dataset.domain[0]) == ("outer", "image")


def test_texts_in_files(write, tmp_path):
    for i in range(8):
        write(f"set/{'pos' if i % 2 else 'neg'}/{i}.txt", f"text number {i}")
    dataset = open_raw(tmp_path / "set")
    assert dataset.domain[0] == "text"
    assert dataset.train.source.example(0).text.startswith("text number")


def _list(csv_file, name, head, numbers, cell="{}.png"):
    return csv_file(name, head, [(cell.format(i), "ab"[i % 2]) for i in numbers])


def _images(image, folder, numbers, suffix="png"):
    for i in numbers:
        image(f"{folder}/{i}.{suffix}", level=20 * (i % 10))


@pytest.mark.parametrize(
    ("table", "head", "cell", "folder"),
    [
        ("train.csv", "image_id,label", "{}.png", "train_images"),
        ("train.csv", "image,label", "{}.png", "images"),
        ("train.csv", "id,breed", "{}", "images"),
        ("train.csv", "id,breed", "dog{}.png", "train/train"),
        ("labels.csv", "file,label", "{}.png", "images"),
        ("labels.csv", "id,breed", "dog{}", "train"),
        ("annotations.csv", "file,label", "pics/{}.png", "pics"),
        ("metadata.csv", "file_name,label", "{}.png", "."),
        ("metadata.csv", "file_name,label", "{}.png", "images"),
        ("meta/all.csv", "filename,label", "{}.png", "audio"),
        ("index.csv", "name,label", "IMG/{}.PNG", "img"),
        ("index.csv", "name,label", "old/place\\{}.png", "place"),
    ],
)
def test_files_are_found_wherever_they_lie(table, head, cell, folder, image, csv_file, tmp_path):
    stem = "dog{}" if cell.startswith("dog") else "{}"
    for i in range(10):
        image(f"set/{folder}/{stem.format(i)}.png", level=20 * i)
    path = _list(csv_file, f"set/{table}", head, range(10), cell)
    dataset = open_raw(tmp_path / "set")
    assert (dataset.name, dataset.domain[0], dataset.class_names) == ("set", "image", ("a", "b"))
    assert (len(dataset.train), len(dataset.test), dataset.problems) == (8, 2, [])
    if "/" not in table:
        assert list(open_raw(path).train.ids) == list(dataset.train.ids)


@pytest.mark.parametrize("test_folder", ["test_images", "test", "Test", "test1/test1"])
def test_files_below_a_folder_called_test_are_the_test_rows(test_folder, image, csv_file, tmp_path):
    _images(image, "set/train_images", range(6))
    _images(image, f"set/{test_folder}", range(3))
    image("set/train_images/unlabelled.png")
    _list(csv_file, "set/train.csv", "id,label", range(6))
    _list(csv_file, "set/sample_submission.csv", "id,label", range(3))
    dataset = open_raw(tmp_path / "set")
    assert list(dataset.train.ids) == [f"train_images/{i}.png" for i in range(6)]
    assert list(dataset.test.ids) == [f"{test_folder}/{i}.png" for i in range(3)]
    assert dataset.truth() is None


def test_a_test_folder_whose_files_all_train_is_no_test(image, csv_file, tmp_path):
    _images(image, "set/test", range(10))
    _list(csv_file, "set/labels.csv", "file,label", range(10), "test/{}.png")
    dataset = open_raw(tmp_path / "set")
    assert (len(dataset.train), len(dataset.test)) == (8, 2)


@pytest.mark.parametrize("other", ["test", "validation"])
@pytest.mark.parametrize("outer", ["", "wrapped/"])
def test_each_part_may_have_its_own_list(outer, other, image, csv_file, write, tmp_path):
    for part, n in (("train", 6), (other, 4)):
        _images(image, f"set/{outer}{part}", range(n))
        _list(csv_file, f"set/{outer}{part}/metadata.csv", "file_name,label", range(n))
    write("set/README.md", "about")
    dataset = open_raw(tmp_path / "set")
    assert list(dataset.train.ids) == [f"train/{i}.png" for i in range(6)]
    assert list(dataset.test.ids) == [f"{other}/{i}.png" for i in range(4)]
    assert dataset.truth().sum(axis=0).tolist() == [2, 2]


def test_lists_of_parts_beside_one_folder(image, csv_file, tmp_path):
    _images(image, "set/images", range(10))
    _list(csv_file, "set/train_list.csv", "file,label", range(6))
    _list(csv_file, "set/test_list.csv", "file,label", range(6, 10))
    dataset = open_raw(tmp_path / "set")
    assert [len(dataset.train), len(dataset.test)] == [6, 4]
    assert dataset.truth().sum(axis=0).tolist() == [2, 2]


def test_names_that_fit_several_files_are_missing(image, csv_file, tmp_path):
    _images(image, "set/a", range(4))
    _images(image, "set/b", range(1))
    _list(csv_file, "set/train.csv", "file,label", range(4))
    dataset = open_raw(tmp_path / "set")
    assert [(p.where, p.reason) for p in dataset.problems] == [
        ("0.png", "missing file: the name fits 2 files, such as 'a/0.png'")
    ]
    _images(image, "set/b", range(4))
    with pytest.raises(DataError, match=r"none of the 4 listed, such as '0.png' \(the name fits 2 files"):
        open_raw(tmp_path / "set")


@pytest.mark.parametrize("cell", ["../secret/{}.png", "{root}/secret/{}.png"])
def test_a_list_cannot_lead_out_of_the_folder(cell, image, csv_file, tmp_path):
    _images(image, "secret", range(6))
    _images(image, "set/images", range(10, 16))
    path = _list(csv_file, "set/train.csv", "image,label", range(6), cell.replace("{root}", str(tmp_path)))
    for found in (tmp_path / "set", path):
        with pytest.raises(DataError, match="expected the files that column 'image' names"):
            open_raw(found)


@pytest.mark.parametrize("where", ["set", "set/train.csv"])
def test_a_list_of_files_that_are_not_there_is_no_text(where, csv_file, tmp_path):
    _list(csv_file, "set/train.csv", "image,label", range(10))
    with pytest.raises(DataError, match=r"train.csv: expected the files that column 'image' names, such as '0.png'"):
        open_raw(tmp_path / where)
    assert open_raw(tmp_path / where, ReadOptions(domain="text")).domain[0] == "text"


def test_several_lists_are_not_chosen_from(image, csv_file, tmp_path):
    _images(image, "set/images", range(6))
    paths = [_list(csv_file, f"set/{name}.csv", "file,label", range(6)) for name in ("one", "two")]
    with pytest.raises(DataError, match="expected one list of files, found several, 'one.csv', 'two.csv'"):
        open_raw(tmp_path / "set")
    assert open_raw(paths[1]).domain[0] == "image"


@pytest.mark.parametrize(
    ("head", "cell", "classes"),
    [
        ("file_name,label", lambda i: "ab"[i % 2], ("a", "b")),
        ("file_name,made_by", lambda i: "ab"[i % 2], ("cat", "dog", "fox")),
        ("file_name,label", lambda i: ("cat", "dog", "fox")[i // 4], ("cat", "dog", "fox")),
        ("file_name,label", lambda i: i // 4, ("cat", "dog", "fox")),
        ("file_name,label", lambda i: i // 8, ("0", "1")),
    ],
)
@pytest.mark.parametrize("outer", ["", "train/"])
def test_beside_class_folders_a_list_must_say_something_else(outer, head, cell, classes, image, csv_file, tmp_path):
    for i in range(12):
        image(f"set/{outer}{('cat', 'dog', 'fox')[i // 4]}/{i}.png")
    csv_file("set/metadata.csv", head, [(f"{i}.png", cell(i)) for i in range(12)])
    assert open_raw(tmp_path / "set").class_names == classes


def test_parts_of_a_folder_are_no_classes(image, csv_file, tmp_path):
    for i in range(8):
        image(f"set/images_part_{1 + i % 2}/{i}.png")
    _list(csv_file, "set/metadata.csv", "image_id,dx", range(8), "{}")
    assert open_raw(tmp_path / "set").class_names == ("a", "b")


PROSE = "a rather long sentence about the picture number"


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("id,img,review,label", lambda i: (i, f"images/{i}.png", f"{PROSE} {i}", i % 2)),
        ("id,review,label", lambda i: (i, f"{PROSE} {i}", i % 2)),
        ("PassengerId,age,fare,label", lambda i: (i + 100, i % 20, i / 7, i % 2)),
        ("age,size,label", lambda i: (i % 20, i % 7, i % 2)),
        ("kind,colour,label", lambda i: (f"{i % 4}", "red", i % 2)),
        ("filename," + ",".join(f"f{k}_" for k in range(12)) + ",label", lambda i: (f"{i}.png", *[i / 7] * 12, i % 2)),
    ],
)
@pytest.mark.parametrize("name", ["train.csv", "other.csv"])
def test_tables_and_texts_beside_pictures_stay_what_they_are(name, head, row, image, csv_file, tmp_path):
    _images(image, "set/images", range(20))
    path = csv_file(f"set/{name}", head, [row(i) for i in range(40)])
    kind = "text" if "review" in head else "tabular"
    assert open_raw(path).domain[0] == kind
    if name == "train.csv":
        assert open_raw(tmp_path / "set").domain[0] == kind


def test_asked_for_as_a_table_a_list_is_one(image, csv_file, tmp_path):
    _images(image, "set/images", range(6))
    _list(csv_file, "set/train.csv", "image,label", range(6))
    assert open_raw(tmp_path / "set", ReadOptions(domain="tabular")).domain[0] == "tabular"


def test_lists_of_texts(write, csv_file, tmp_path):
    for i in range(8):
        write(f"set/docs/{i}.txt", f"text number {i}")
    _list(csv_file, "set/index.csv", "id,label", range(8), "{}")
    dataset = open_raw(tmp_path / "set")
    assert dataset.domain[0] == "text"
    assert dataset.train.source.example(0).text == "text number 0"


def test_a_table_alone_makes_no_listing(csv_file, tmp_path, monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr(list_detection, "list_files", never)
    path = csv_file("set/train.csv", "id,image_id,label", [(i, f"x{i}", i % 2) for i in range(10)])
    for found in (path, tmp_path / "set"):
        assert open_raw(found).domain[0] == "tabular"


def test_of_very_many_files_only_some_are_looked_at_for_a_doubtful_column(image, csv_file, tmp_path, monkeypatch):
    monkeypatch.setattr(list_detection, "_MOST_WALKED", 3)
    _images(image, "set/images", range(10))
    doubtful = _list(csv_file, "set/a.csv", "key,label", range(10), "k{}")
    for i in range(10):
        image(f"set/images/k{i}.png")
    assert open_raw(doubtful).domain[0] != "image"
    assert open_raw(_list(csv_file, "set/b.csv", "key,label", range(10), "k{}.png")).domain[0] == "image"


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"image,label\n"])
def test_what_is_no_table_is_no_list(content, image, write, tmp_path):
    _images(image, "set", range(3))
    assert not list_detection.Search(tmp_path / "set").names_files(write("set/metadata.csv", content))
