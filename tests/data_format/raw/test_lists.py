"""Lists of labels in the forms of the challenge's toolkit and of competitions."""

import numpy as np
import pytest

from data_format.raw import open_raw


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
