"""JSON lines and arrays of objects, cell by cell."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_format.errors import DataError
from data_format.raw.cell_text import LIST_SEPARATOR
from data_format.raw.tables.json_lines import _objects, read_json_lines


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("null", ""),
        ('""', ""),
        ("true", "true"),
        ("false", "false"),
        ("1.50", "1.50"),
        ("-1E+3", "-1E+3"),
        ("12345678901234567890123", "12345678901234567890123"),
        ('"é\\u2028\\n"', "é\u2028\n"),
        ('["a", "b c"]', f"a{LIST_SEPARATOR}b c{LIST_SEPARATOR}"),
        ('["a"]', f"a{LIST_SEPARATOR}"),
        ("[1, 2.0]", f"1{LIST_SEPARATOR}2.0{LIST_SEPARATOR}"),
        ("[true, false]", f"true{LIST_SEPARATOR}false{LIST_SEPARATOR}"),
        ("[]", ""),
        ('[["a"]]', '[["a"]]'),
        ('{"b": "é"}', '{"b": "é"}'),
    ],
)
def test_a_cell_keeps_the_spelling_of_its_value(write, value: str, cell: str) -> None:
    assert read_json_lines(write("t.jsonl", f'{{"a": {value}}}\n')).rows == [[cell]]


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
ROWS = st.lists(st.fixed_dictionaries({"a": TEXT, "b": TEXT}), min_size=1, max_size=5)


@given(ROWS, st.booleans(), st.sampled_from(["\n", "\r\n", "\r", "\n\n"]))
def test_texts_come_back_as_they_were(rows: list[dict[str, str]], ascii_only: bool, end: str) -> None:
    lines = end.join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    assert _objects(lines) == (rows, [])
    assert _objects(json.dumps(rows, ensure_ascii=ascii_only, indent=1)) == (rows, [])


def test_columns_are_all_keys_in_order_of_appearance(write) -> None:
    grid = read_json_lines(write("t.jsonl", '{"b": 1}\n{"a": 2, "b": 3}\n'))
    assert (grid.names, grid.rows, grid.header) == (("b", "a"), [["1", ""], ["3", "2"]], True)


def test_lines_that_are_no_objects_are_counted_and_named(write) -> None:
    deep = "[" * 100_000
    grid = read_json_lines(write("t.jsonl", f'{{"a": 1}}\n7\n\n{{"a": 2}}\n{{broken\n{deep}\n'))
    assert grid.rows == [["1"], ["2"]]
    (problem,) = grid.problems
    assert problem.reason == "3 lines not a JSON object, not used"
    assert "1, 3, 4" in problem.where


def test_another_encoding_is_told(write) -> None:
    grid = read_json_lines(write("t.jsonl", '{"a": "é"}\n', "cp1252"))
    assert grid.rows == [["é"]]
    assert grid.problems[0].reason == "read as cp1252, since it is not UTF-8"


@pytest.mark.parametrize("content", ["", "\n\n", "7\n", "[1, 2]", '[{"a": 1}', "[" * 100_000])
def test_nothing_to_read_is_an_error(write, content: str) -> None:
    with pytest.raises(DataError, match=r"t.jsonl: expected JSON objects, one a line, found none"):
        read_json_lines(write("t.jsonl", content))
