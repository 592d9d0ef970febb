"""What the beginning of a long file tells, and its rows."""

import pytest

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.tables import large_csv
from data_format.raw.tables.large_csv import open_long


@pytest.mark.parametrize("head_bytes", [20, 1 << 20])
def test_data_rows_follow_what_stands_before_them(write, monkeypatch, head_bytes):
    monkeypatch.setattr(large_csv, "_HEAD_BYTES", head_bytes)
    long = open_long(write("t.csv", "sep=;\na;b\n1;2\n\n3;4;5\n6\n"))
    assert (long.head.names, long.skipped) == (("a", "b"), 2)
    assert list(long.rows([])) == [["1", "2"], ["3", "4", "5"], ["6"]]


def test_notes_come_with_the_last_row(write):
    long = open_long(write("t.csv", b'a,b\n"caf\xc3\xa9,1\nx,2\n\xff,3\n'))
    problems: list[Problem] = []
    rows = long.rows(problems)
    assert next(rows) == ['"café', "1"] and problems == []
    assert list(rows) == [["x", "2"], ["\ufffd", "3"]]
    assert [(p.where, p.reason) for p in problems] == [
        ("t.csv", "1 line not UTF-8, read as U+FFFD"),
        ("t.csv, row 0", "1 row with a quote that is never closed, read without it"),
    ]


def test_a_file_that_is_gone_is_named(write):
    path = write("t.csv", "a,b\n1,2\n")
    long = open_long(path)
    path.unlink()
    for read in (lambda: list(long.rows([])), lambda: open_long(path)):
        with pytest.raises(DataError, match=r"t.csv: cannot be read \(No such file"):
            read()
