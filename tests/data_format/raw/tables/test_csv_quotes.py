"""Which quotes enclose a cell, read at once and line by line alike."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_format.raw.tables import csv_quotes
from data_format.raw.tables.csv_quotes import Dialect, read_records, sniff_dialect, stream_records


def both(text: str, separator: str) -> tuple[list[list[str]], list[int]]:
    """Rows and the numbers of repaired ones, the same either way."""
    dialect = sniff_dialect(text, separator)
    repaired: list[int] = []
    rows = read_records(text, dialect, repaired)
    again: list[int] = []
    assert list(stream_records(io.StringIO(text, newline=""), dialect, again)) == rows
    assert again == repaired
    return rows, repaired


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('"a b\tx', ['"a b', "x"]),
        ('"a" b\tx', ['"a" b', "x"]),
        ('"a "b" c\tx', ['"a "b" c', "x"]),
        ('x\t"a', ["x", '"a']),
        ('"a\t"b', ['"a', '"b']),
        ('"""a', ['"""a']),
        ('a "b" c\tx', ['a "b" c', "x"]),
        ('5"\tx', ['5"', "x"]),
    ],
)
def test_a_quote_that_encloses_nothing_is_a_sign(line: str, cells: list[str]) -> None:
    rows, repaired = both(f"text\tlabel\n{line}\nc\td\n{line}\ne\tf\n", "\t")
    assert rows == [["text", "label"], cells, ["c", "d"], cells, ["e", "f"]]
    assert repaired in ([], [1, 3]) and bool(repaired) == line.startswith(('"', "x"))


@pytest.mark.parametrize("count", range(1, 6))
def test_any_number_of_open_quotes_costs_their_own_lines(count: int) -> None:
    lines = [('"' if i < count else "") + f"words of line {i}\tk{i % 2}" for i in range(8)]
    rows, repaired = both("\n".join(["text\tlabel", *lines]), "\t")
    assert rows[1:] == [line.split("\t") for line in lines]
    assert repaired == list(range(1, count + 1))


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('"a\nb",x', ["a\nb", "x"]),
        ('"a, ""b""\r\nc",x', ['a, "b"\r\nc', "x"]),
        ('"a,b" ,"x" ', ["a,b ", "x "]),
        ('"a\n\n,\n",""', ["a\n\n,\n", ""]),
        ('x,"a\nb"', ["x", "a\nb"]),
    ],
)
def test_cells_in_quotes_keep_separators_and_line_ends(line: str, cells: list[str]) -> None:
    assert both(f"text,label\n{line}\nc,d\n{line}\n", ",") == ([["text", "label"], cells, ["c", "d"], cells], [])


def test_an_enclosed_cell_beside_an_open_quote_stays_whole() -> None:
    rows, repaired = both('a,b,c\n"p, q","multi\nline","r\n"s" t,"u, v\nw",x\n', ",")
    assert rows[1:] == [["p, q", "multi\nline", '"r'], ['"s" t', "u, v\nw", "x"]]
    assert repaired == [1, 2]


def test_lines_with_all_their_cells_are_rows() -> None:
    lines = ["The\tDET", '"\tPUNCT', "end\tNOUN", '"\tPUNCT', ".\tPUNCT"] * 3
    rows, repaired = both("\n".join(lines), "\t")
    assert rows == [line.split("\t") for line in lines]
    assert repaired == [1, 3, 6, 8, 11, 13]


def test_cells_of_several_lines_with_tabs_stay_cells() -> None:
    text = "".join(f'"first {i}\n\tsecond\n\t\tthird"\t{"pn"[i % 2]}\n' for i in range(9))
    assert both(f"text\tlabel\n{text}", "\t")[0][1] == ["first 0\n\tsecond\n\t\tthird", "p"]


def test_quotes_among_commas_need_many_lines_to_be_signs() -> None:
    plain = "".join(f"words,k{i % 2}\n" for i in range(40))
    assert both(f'a,b\n{plain}"one, two\nthree",x\n', ",")[0][-1] == ["one, two\nthree", "x"]
    assert len(both(f'a,b\n"open,x\n{plain}five",y\n', ",")[0]) == 43


def test_a_record_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_quotes, "_MAX_RECORD_LINES", 5)
    repaired: list[int] = []
    lines = ['"open\n', *["a;b;c\n"] * 20, 'x,"end"\n', '"one\n', "two\n", "three\n", "four\n", 'five",y\n']
    rows = list(stream_records(lines, Dialect(","), repaired))
    assert rows == [['"open'], *[["a;b;c"]] * 20, ["x", "end"], ["one\ntwo\nthree\nfour\nfive", "y"]]
    assert repaired == [0]


def test_a_cell_that_is_cut_at_the_end_is_left_out() -> None:
    lines = ["a,b\n", '"x",y\n', '"and so on\n', "and on\n"]
    assert list(stream_records(lines, Dialect(","), [], cut=True)) == [["a", "b"], ["x", "y"]]
    assert len(list(stream_records(lines, Dialect(","), []))) == 4


@pytest.mark.parametrize(
    ("text", "separator", "blanks", "escapes"),
    [
        ('a,b\n"x ""y"", z",1\n', ",", False, False),
        ('a,b\n"x \\"y\\", z",1\n', ",", False, True),
        ('a,b\n1,"{""k"": ""a \\""b\\"" c""}"\n', ",", False, False),
        ('a,b\n"C:\\dir\\",1\n"D:\\",2\n', ",", False, False),
        ("a,b\n" + "plain,1\n" * 20_000 + '"x \\"y\\", z",1\n', ",", False, True),
        ('a\tb\n"I \\"say\t1\n', "\t", False, False),
        ('a, b\n1, "x, y"\n', ",", True, False),
        ('a, b\n1, "x"\n', ",", True, False),
        ('a,b\nYes, "maybe" he said,1\n', ",", False, False),
        ('a,b\n"He said, ""hi"", ok",1\n', ",", False, False),
        ("a, b\n1, x\n", ",", False, False),
        ("1 2 3\n4 5 6\n", " ", False, False),
    ],
)
def test_the_dialect_is_told(text: str, separator: str, blanks: bool, escapes: bool) -> None:
    dialect = sniff_dialect(text, separator)
    assert (dialect.blanks, dialect.escapes) == (blanks, escapes)


def test_backslashes_escape_quotes_and_themselves_only() -> None:
    text = 'a,b\n"He said \\"hi\\", ok","C:\\\\"\n"x\\ny \\"z\\"",\\N\n'
    assert both(text, ",")[0][1:] == [['He said "hi", ok', "C:\\"], ['x\\ny "z"', "\\N"]]


def test_blanks_mean_nothing_where_a_quote_follows_them() -> None:
    rows, repaired = both('a, b, c\n1, "red, dark", yes\n2,  "blue\nsky" , no\n3, "x" y, "z\n', ",")
    assert rows == [
        ["a", "b", "c"], ["1", "red, dark", "yes"], ["2", "blue\nsky ", "no"], ["3", '"x" y', '"z']
    ]  # fmt: skip
    assert repaired == [3]


CELL = st.text(st.sampled_from('"a \\,\t\n\r'), max_size=6)


@given(st.lists(st.lists(CELL, min_size=2, max_size=3), min_size=1, max_size=6), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_well_formed_is_read_as_the_csv_module_reads_it(rows: list[list[str]], everything: bool) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL).writerows(rows)
    repaired: list[int] = []
    assert read_records(file.getvalue(), Dialect(","), repaired) == rows
    assert repaired == []


@given(st.text(st.sampled_from('"a \\,\n\r'), max_size=40), st.sampled_from(",\t"))
@example(',"\n,\r,"', "\t")
@settings(max_examples=100, deadline=None)
def test_nothing_is_lost_whatever_is_read(text: str, separator: str) -> None:
    text = text.replace(",", separator)
    rows, _ = both(text, separator)
    assert sum(cell.count("a") for row in rows for cell in row) == text.count("a")
