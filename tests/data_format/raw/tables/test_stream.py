"""A table file chunk by chunk must give the rows that it gives when it is read at once."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.tables import stream
from data_format.raw.tables.formats import read_table
from data_format.raw.tables.stream import ExpectedTable, stream_rows

KNOWN = ExpectedTable(("a", "b"))


@pytest.fixture(params=[0, 4 << 20], ids=["streamed", "whole"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Read as a big file and as a small one; true for a big one."""
    monkeypatch.setattr(stream, "_WHOLE_BYTES", request.param)
    return request.param == 0


def rows_of(
    path: Path, size: int = 2, known: ExpectedTable = KNOWN
) -> tuple[list[list[str]], list[Problem], list[int]]:
    problems: list[Problem] = []
    chunks = list(stream_rows(path, known, size, problems).chunks)
    return [row for chunk in chunks for row in chunk], problems, [len(chunk) for chunk in chunks]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_chunks_are_full_but_for_the_last(either_way: bool, csv_file, size: int) -> None:
    rows, problems, sizes = rows_of(csv_file("t.csv", "a,b", [(i, -i) for i in range(5)]), size)
    assert rows == [[str(i), str(-i)] for i in range(5)]
    assert sizes == [size] * (5 // size) + ([5 % size] if 5 % size else [])
    assert not problems


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        ("a,b\n1,2\n\n3,4\n", ","),
        ("a;b\r\n1;2\r\n3;4", ";"),
        ("sep=;\na;b\n1;2\n", ";"),
        ('a,b\n"x\ny","p, q"\n"s ""t""",u\n', ","),
        ("\ufeffa,b\n1,2\n", ","),
        ("a\tb\n1\t2\n", "\t"),
        ('a\tb\n"1\t2\n3\t4\n"5\t6\n', "\t"),
        ('a,b\n"x \\"y\\", z",1\n"u",2\n', ","),
        ('a, b\n1, "p, q"\n2, r\n', ","),
        ("a,b,\n1,2,\n3,4,\n", ","),
        ("\na,b\n1,2\n", ","),
    ],
)
def test_separators_quotes_and_line_ends(either_way: bool, write, content: str, separator: str) -> None:
    path = write("t.csv", content)
    assert rows_of(path, known=ExpectedTable(("a", "b"), separator))[0] == read_table(path).rows


def test_rows_of_another_width_are_mended_and_counted(either_way: bool, write) -> None:
    rows, problems, _ = rows_of(write("t.csv", "a,b\n1,2\n3\n4,5,6\n7,8,\n9\n"))
    assert rows == [["1", "2"], ["3", ""], ["4", "5"], ["7", "8"], ["9", ""]]
    assert sorted(problem.reason for problem in problems) == [
        "1 row with too many cells, cut",
        "2 rows with too few cells, filled up",
    ]
    assert any("1, 4" in problem.where for problem in problems)


def test_an_open_quote_costs_its_own_row(either_way: bool, write) -> None:
    rows, problems, _ = rows_of(write("t.csv", 'a,b\n1,2\n"3,4\n5,6\n'))
    assert rows[0] == ["1", "2"] and rows[-1] == ["5", "6"] and len(rows) == 3
    assert any("never closed" in problem.reason for problem in problems)


def test_an_encoding_that_shows_late(either_way: bool, csv_file) -> None:
    path = csv_file("t.csv", "a,b", [*((i, "plain") for i in range(120_000)), (1, "café")], "cp1252")
    rows, problems, _ = rows_of(path, 5000)
    assert rows[-1] == ["1", "café"]
    assert [problem.reason for problem in problems] == ["read as cp1252, since it is not UTF-8"]


def test_a_file_without_heading_is_read_by_place(either_way: bool, write) -> None:
    known = ExpectedTable(("column 1", "column 2"), header=False)
    assert rows_of(write("t.csv", "1,2\n3,4\n"), known=known)[0] == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("separator", [";", "\t", " ", "|"])
def test_without_heading_the_file_says_its_separator(either_way: bool, write, separator: str) -> None:
    known = ExpectedTable(("column 1", "column 2"), header=False)
    path = write("t.csv", f"1{separator}2\n3{separator}4\n")
    assert rows_of(path, known=known)[0] == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("heads", [True, False])
def test_a_rule_tells_the_heading(either_way: bool, write, heads: bool) -> None:
    seen = []

    def rule(first: Sequence[str], below: Sequence[Sequence[str]], looks: bool) -> bool:
        seen.append((list(first), [list(row) for row in below], looks))
        return heads

    opened = stream_rows(write("t.csv", "x;y\n1;2\n3;4\n"), ExpectedTable((), heading=rule), 5, [])
    assert [row for chunk in opened.chunks for row in chunk] == [["x", "y"], ["1", "2"], ["3", "4"]][heads:]
    assert opened.names == (("x", "y") if heads else ("column 1", "column 2"))
    assert seen == [(["x", "y"], [["1", "2"], ["3", "4"]], True)]


def test_names_stand_in_the_order_of_the_file(either_way: bool, write) -> None:
    assert stream_rows(write("t.csv", "b,a\n1,2\n"), KNOWN, 5, []).names == ("b", "a")


def test_other_formats_are_read_whole(either_way: bool, write) -> None:
    assert rows_of(write("t.jsonl", '{"a": 1, "b": 2}\n{"a": 3}\n'), 1) == ([["1", "2"], ["3", ""]], [], [1, 1])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.csv: cannot be read"):
        stream_rows(tmp_path / "none.csv", KNOWN, 5, [])
