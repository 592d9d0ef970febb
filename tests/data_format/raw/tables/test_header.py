"""Whether a first row holds names, and which columns there are."""

import pytest

from data_format.raw.tables.header import filled_width, looks_like_header, unique_names


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([["5.1", "3.5", "0"], ["4.9", "3.0", "1"]], False),
        ([["a", "b", "outcome"], ["4.9", "3.0", "1"]], True),
        ([["text", "label"], ["fine", "pos"]], True),
        ([["fine film", "pos"], ["bad film", "neg"], ["nice film", "pos"]], False),
        ([["review", "sentiment"], ["bad film", "neg"], ["nice film", "pos"]], True),
        ([["0", "1", "2", "3"], ["4.9", "3.0", "1", "7"]], True),
        ([["0", "1", "2", "label"], ["4.9", "3.0", "1", "cat"]], True),
        ([["1", "2", "3"], ["1", "3", "5"]], False),
        ([["5.1", "3.5", "y"], ["4.9", "3.0", "n"], ["4.9", "3.0", "y"]], False),
        ([["a", "a"], ["b", "c"]], False),
        ([["y", "a"]], True),
        ([["400.0", "401.0", "label"], ["0.1", "0.2", "wheat"], ["0.3", "0.1", "rye"]], True),
        ([["1", "2", "Class"], ["0", "9", "cat"], ["3", "0", "dog"]], True),
        ([["target", "2019", "2020"], ["up", "1", "2"], ["down", "3", "4"]], True),
        ([["1", "2", "label:cat"], ["0", "9", "x"]], True),
        ([["5.1", "3.5", "class"], ["4.9", "3.0", "order"], ["4.7", "3.1", "class"]], False),
        ([["5.1", "3.5", "text"], ["4.9", "3.0", "image"]], False),
    ],
)
def test_header_is_told_from_data(rows, header):
    assert looks_like_header(rows) is header


def test_names_are_stripped_filled_and_made_unique():
    assert unique_names([" a ", "", "a", "label"]) == ("a", "column 2", "a.2", "label")


@pytest.mark.parametrize(
    ("header", "rows", "width"),
    [
        (["a", "b", ""], [["1", "2", ""], ["3", "4"]], 2),
        (["a", "b", " "], [["1", "2", " "]], 2),
        (["a", "", ""], [["1", "", ""]], 1),
        (["a", "b", ""], [["1", "2", ""], ["3", "4", "5"]], 3),
        (["a", "b", "c"], [["1", "2", ""]], 3),
        ([], [["1", "2", ""], ["3", "4", ""]], 2),
        ([], [["", "", ""]], 1),
    ],
)
def test_columns_without_name_and_cells_at_the_end(header, rows, width):
    assert filled_width(3, header, rows) == width
