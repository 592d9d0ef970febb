"""Columns that number the rows are no features and no labels."""

import random

import pytest

from data_format.raw import open_raw
from data_format.raw.tables.csv_file import read_grid
from data_format.raw.tables.index_columns import row_number_notes, row_numbers

SHUFFLED = random.Random(0).sample(range(1000), 40)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (",a,label", ("column 1",)),
        ("Unnamed: 0,a,label", ("Unnamed: 0",)),
        (",Unnamed: 0,label", ("column 1", "Unnamed: 0")),
        ("Unnamed: 0.1,Unnamed: 0,label", ("Unnamed: 0.1", "Unnamed: 0")),
        ("id,a,label", ()),
        ("a,,label", ()),
        ("a,__index_level_0__,label", ("__index_level_0__",)),
        (",__index_level_1__,label", ("column 1", "__index_level_1__")),
    ],
)
def test_names_of_such_columns(csv_file, head, found):
    assert row_numbers(read_grid(csv_file("t.csv", head, [(n, n + 1, "xy"[n > 500]) for n in SHUFFLED]))) == found


@pytest.mark.parametrize("cells", [[3, 1, 2, 3], [0.5, 1.5, 2.5, 3.5], ["a", "b", "c", "d"], [1, 2, 3, ""]])
def test_other_first_columns_are_features(csv_file, cells):
    assert row_numbers(read_grid(csv_file("t.csv", ",a,label", [(cell, 1, "x") for cell in cells]))) == ()


def test_row_names_of_r(csv_file):
    assert row_numbers(read_grid(csv_file("t.csv", "a,label", [(f'"{n}"', n % 7, "x") for n in SHUFFLED]))) == (
        "row name",
    )


def test_a_file_without_a_header_has_no_such_names(csv_file):
    assert row_numbers(read_grid(csv_file("t.csv", "7,1,0", [(n, n % 5, n % 2) for n in SHUFFLED]))) == ()


def test_what_is_said():
    notes = row_number_notes("t.csv", ("", "Unnamed: 0", "a"), ("", "Unnamed: 0"))
    assert [note.reason for note in notes] == [
        "first column only counts the rows, not used",
        "column 'Unnamed: 0' only counts the rows, not used",
    ]


def test_the_index_of_a_shuffled_frame_is_no_feature_on_either_side(csv_file, tmp_path):
    csv_file("train.csv", ",a,b,label", [(n, n % 7, n % 3, "xy"[n > 500]) for n in SHUFFLED[:30]])
    csv_file("test.csv", ",a,b,label", [(n, n % 7, n % 3, "xy"[n > 500]) for n in SHUFFLED[30:]])
    dataset = open_raw(tmp_path)
    assert dataset.train.source.table().number_names == dataset.test.source.table().number_names == ("a", "b")
    assert [problem.reason for problem in dataset.problems] == ["first column only counts the rows, not used"]


def test_the_index_does_not_hide_the_label_that_the_test_file_lacks(csv_file, tmp_path):
    csv_file("train.csv", ",kind,a,b", [(n, "xy"[n > 500], n % 7, n % 3) for n in SHUFFLED])
    csv_file("test.csv", "a,b", [(1, 2), (3, 4)])
    assert open_raw(tmp_path).class_names == ("x", "y")


def test_an_index_at_the_end_is_not_the_label(csv_file, tmp_path):
    path = csv_file("t.csv", "a,kind,__index_level_0__", [(n % 7, "xy"[n > 500], n) for n in SHUFFLED])
    dataset = open_raw(path)
    assert (dataset.class_names, dataset.train.source.table().number_names) == (("x", "y"), ("a",))


def test_where_there_is_nothing_else_the_numbers_must_do(csv_file):
    path = csv_file("t.csv", ",label", [(n, "xy"[n > 500]) for n in SHUFFLED])
    assert open_raw(path).train.source.table().number_names == ("column 1",)
