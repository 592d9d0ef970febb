"""Rows of delimited files: the two ways to hold them must give the same columns, and a table is built once."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_format.errors import DataError
from data_format.examples import Text
from data_format.raw.tables.column_store import read_store
from data_format.raw.tables.column_types import Coded, texts_of
from data_format.raw.tables.rows import Joined, Numbers, RowIds, RowSide, StoreSide, Tables, TableSource, TextSource


def side(cells: dict[str, list[str]], file: str = "t.csv") -> RowSide:
    rows = [list(row) for row in zip(*cells.values(), strict=True)]
    return RowSide(file, {name: place for place, name in enumerate(cells)}, rows, range(len(rows)))


CELLS = {"a": ["1", "2", "3"], "b": ["x", "y", ""], "c": ["0.5", "", "7"]}


@pytest.mark.parametrize("names", [["a"], ["c", "a"], ["a", "b", "c"], ["b", "none"], ["none"], ["none", "c", "a"], []])
def test_columns_are_picked_or_transposed_alike(names: list[str]) -> None:
    found = [list(cells) for cells in side(CELLS).columns(names)]
    assert found == [CELLS.get(name, ["", "", ""]) for name in names]
    assert [list(cells) for cells in side(CELLS).each(names)] == found


def test_a_side_without_rows_has_empty_columns() -> None:
    empty = side({"a": [], "b": []})
    assert [len(cells) for cells in empty.columns(["a", "b", "none"])] == [0, 0, 0]


def test_picked_rows_keep_their_numbers_in_the_file() -> None:
    picked = side(CELLS).pick(np.array([2, 0]))
    assert (picked.ids(), list(picked.columns(["b"])[0])) == (["2", "0"], ["", "x"])
    again = picked.pick(np.array([1]))
    assert (again.ids(), list(again.columns(["b"])[0])) == (["0"], ["x"])


def stored(write, cells: dict[str, list[str]]) -> StoreSide:
    lines = [",".join(cells), *(",".join(row) for row in zip(*cells.values(), strict=True))]
    return StoreSide(read_store(write("t.csv", "\n".join(lines) + "\n")))


@pytest.mark.parametrize("rows", [None, [2, 0], [1], [], [0, 0, 2]])
def test_a_store_is_read_as_rows_are(write, rows: list[int] | None) -> None:
    held, big = side(CELLS), stored(write, CELLS)
    if rows is not None:
        held, big = held.pick(np.array(rows, np.int64)), big.pick(np.array(rows, np.int64))
    assert len(big) == len(held)
    assert list(big.ids()) == list(held.ids())
    for name in (*CELLS, "none"):
        assert list(big.texts([name])[0]) == list(held.texts([name])[0])


def test_picking_twice_picks_from_what_was_picked(write) -> None:
    twice = stored(write, CELLS).pick(np.array([2, 0])).pick(np.array([1]))
    assert (list(twice.ids()), list(twice.texts(["a"])[0])) == (["0"], ["1"])


@given(st.lists(st.integers(-(2**60), 2**60), max_size=8), st.slices(8), st.integers(-9, 8))
def test_numbers_and_ids_are_sequences_like_lists(values: list[int], part: slice, place: int) -> None:
    numbers = Numbers(np.array(values, np.int64))
    ids = RowIds(numbers)
    assert list(numbers) == values and list(ids) == list(map(str, values))
    assert list(numbers[part]) == values[part] and list(ids[part]) == list(map(str, values))[part]
    try:
        expected = values[place]
    except IndexError:
        with pytest.raises(IndexError):
            numbers[place]
    else:
        assert type(numbers[place]) is int and numbers[place] == expected and ids[place] == str(expected)


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=6), st.slices(6))
def test_joined_columns_are_lines_of_one_text(rows: list[tuple[str, str]], part: slice) -> None:
    joined = Joined(list(zip(*rows, strict=True)))
    assert list(joined) == [f"{a}\n{b}" for a, b in rows]
    assert list(joined[part]) == list(joined)[part]


def test_texts_are_no_table() -> None:
    source = TextSource(["a", "b"], "t.csv", ("title",))
    assert (len(source), source.example(1), source.columns) == (2, Text("b"), ("title",))
    with pytest.raises(DataError, match="t.csv: expected rows of a table, found 2 texts"):
        source.table()


def tables(train: dict[str, list[str]], test: dict[str, list[str]]) -> tuple[Tables, list]:
    problems: list = []
    return Tables(side(train), side(test, "u.csv"), tuple(train), True, problems), problems


def test_kinds_are_those_of_the_training_rows() -> None:
    both, problems = tables(
        {"n": ["1", "2", "3"], "w": ["a", "b", "c"], "d": ["2020-01-01", "2020-01-02", ""]},
        {"d": ["1970-01-11", "soon"], "n": ["x", ""]},
    )
    train, test = both.get(0), both.get(1)
    assert train.kinds == test.kinds == (("n", "number"), ("w", "word"), ("d", "date"))
    assert train.number_names == ("n", "d") and train.string_names == ("w",)
    assert np.array_equal(test.numbers, [[np.nan, 10], [np.nan, np.nan]], equal_nan=True)
    assert test.strings.tolist() == [[""], [""]]
    assert [(problem.where, problem.reason) for problem in problems] == [
        ("u.csv, column 'n'", "1 cell not a number, taken as missing"),
        ("u.csv, column 'd'", "1 cell not a date, taken as missing"),
    ]


def test_a_table_is_built_once() -> None:
    both, problems = tables({"n": ["1", "2"]}, {"n": ["odd", "3"]})
    assert both.get(0) is both.get(0) and both.get(1) is both.get(1)
    assert len(problems) == 1


def test_tables_of_a_store_are_those_of_rows(write) -> None:
    big, held = stored(write, CELLS), side(CELLS)
    found = Tables(big, big.pick(np.array([2])), tuple(CELLS), True, []).get(1)
    expected = Tables(held, held.pick(np.array([2])), tuple(CELLS), True, []).get(1)
    assert found.kinds == expected.kinds
    assert np.array_equal(found.numbers, expected.numbers, equal_nan=True)
    assert found.strings.tolist() == expected.strings.tolist()


def test_numbers_beyond_float32_are_infinite_examples() -> None:
    both, _ = tables({"n": ["1e300", "-1e300"]}, {"n": ["1"]})
    source = TableSource(both, 0, 2)
    assert [float(source.example(row).array.ravel()[0]) for row in range(2)] == [np.inf, -np.inf]
    assert source.example(0).array.shape == (1, 1, 1, 1)


def test_rows_with_words_are_read_as_a_table_only() -> None:
    both, _ = tables({"w": ["a", "b"]}, {"w": ["a"]})
    with pytest.raises(DataError, match="column 'w': expected numbers, found words"):
        TableSource(both, 0, 2).example(0)


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        (["a", "b"], ["a", "b"]),
        (Coded(["x", ""], np.array([1, 0], np.uint16)), ["", "x"]),
        (np.array([1.0, 0.5, np.nan, -3.0, np.inf]), ["1", "0.5", "", "-3", "inf"]),
    ],
)
def test_columns_as_texts(cells: Sequence[str], texts: list[str]) -> None:
    assert list(texts_of(cells)) == texts
