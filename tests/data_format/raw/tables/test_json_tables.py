"""Tables that are one JSON document."""

import json

import pytest

from data_format.errors import DataError
from data_format.raw import open_raw
from data_format.raw.tables.formats import read_table
from data_format.raw.tables.json_tables import rows_of_document

ROWS = [{"a": i * 3, "label": "xy"[i % 2]} for i in range(6)]
COLUMNS = {name: {str(9 - i): row[name] for i, row in enumerate(ROWS)} for name in ("a", "label")}
DOCUMENTS = {
    "columns": COLUMNS,
    "lists": {name: [row[name] for row in ROWS] for name in ("a", "label")},
    "mixed": {"a": [row["a"] for row in ROWS], "label": COLUMNS["label"]},
    "index": {str(9 - i): row for i, row in enumerate(ROWS)},
    "split": {"columns": ["a", "label"], "index": [3, 1, 2, 0, 5, 4], "data": [list(row.values()) for row in ROWS]},
    "records": ROWS,
    "table": {
        "schema": {"fields": [{"name": "index"}, {"name": "a"}, {"name": "label"}], "primaryKey": ["index"]},
        "data": [{"index": i, **row} for i, row in enumerate(ROWS)],
    },
    "named": {"version": "1.0", "data": ROWS},
    "alone": {"birds": ROWS},
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("form", DOCUMENTS)
def test_every_form_is_the_same_table(write, form, indent):
    grid = read_table(write("train.json", json.dumps(DOCUMENTS[form], indent=indent)))
    assert grid.names == ("a", "label")
    assert grid.rows == [[str(row["a"]), row["label"]] for row in ROWS]
    assert grid.problems == []


def test_what_pandas_writes_by_default_is_a_data_set(write, tmp_path):
    path = write("train.json", json.dumps(COLUMNS))
    assert open_raw(path).class_names == ("x", "y")


def test_rows_may_stand_in_another_order_in_each_column():
    assert rows_of_document({"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 4}}, "t") == [{"a": 1, "b": 4}, {"a": 2, "b": 3}]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"a": 1, "b": "x"},
        {"a": [1, 2], "b": "x"},
        {"text": "x", "entities": [{"start": 0}]},
    ],
)
def test_any_other_object_is_a_row(document):
    assert rows_of_document(document, "t") == [document]


@pytest.mark.parametrize(
    "document",
    [
        {"tokens": ["a", "b"], "tags": ["x", "y"]},
        {"a": {"text": "x"}, "b": {"text": "y"}},
        {"a": {"0": 1}},
        {"a": [{}]},
    ],
)
def test_lists_and_objects_of_a_file_of_lines_are_cells(document):
    assert rows_of_document(document, "t", one_a_line=True) == [document]


def test_numbered_columns_are_a_table_in_a_file_of_lines_too(write):
    assert len(read_table(write("train.jsonl", json.dumps(COLUMNS))).rows) == len(ROWS)


def test_numbers_keep_their_spelling(write):
    grid = read_table(write("t.json", '{"a": {"0": 1e3, "1": 1.50}, "b": {"0": true, "1": null}}'))
    assert grid.rows == [["1e3", "true"], ["1.50", ""]]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"a": [1, 2], "b": [1]}, "expected columns of one length, found 2 in 'a', 1 in 'b'"),
        ({"a": {"0": 1}, "b": {"1": 1}}, "expected columns with the same rows, found 1 in 'a', 1 in 'b'"),
        ({"columns": ["a"], "data": [[1], [1, 2]]}, r"expected lists of 1 values under \"data\", found \['1', '2'\]"),
        ({"train": [{"a": 1}], "test": [{"a": 2}]}, "expected one table, found 2: 'train', 'test'"),
    ],
)
def test_parts_that_do_not_fit_are_an_error(write, document, found):
    with pytest.raises(DataError, match=f"t.json: {found}"):
        read_table(write("t.json", json.dumps(document)))


def test_lines_of_objects_stay_lines(write):
    assert read_table(write("t.json", '{"a": {"0": 1}, "b": {"0": 2}}\n{"a": 3}\n')).rows == [
        ['{"0": "1"}', '{"0": "2"}'],
        ["3", ""],
    ]
