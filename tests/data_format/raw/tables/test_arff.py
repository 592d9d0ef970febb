"""ARFF files: names, quotes, dense and sparse rows."""

import pytest

from data_format.errors import DataError
from data_format.raw.tables.arff import read_arff

HEAD = "% note\n@relation r\n@ATTRIBUTE 'a b' numeric\n@attribute c {x, 'y z'}\n@attribute d string\n@DATA\n"


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("1,x,t", ["1", "x", "t"]),
        ("1 , 'y z' , 't, u'", ["1", "y z", "t, u"]),
        ("1\tx\tt", ["1", "x", "t"]),
        (r"?,x,'it\'s'", ["?", "x", "it's"]),
        ("{0 5, 2 'a, b'}", ["5", "x", "a, b"]),
        ("{}", ["0", "x", "0"]),
        ("{1 'y z'}", ["0", "y z", "0"]),
        ("{ 0 1 , 1 x }", ["1", "x", "0"]),
        ("1,x,t\u2028u", ["1", "x", "t\u2028u"]),
    ],
)
def test_one_row(write, line: str, row: list[str]) -> None:
    grid = read_arff(write("t.arff", f"{HEAD}% in between\n\n{line}\n"))
    assert grid.names == ("a b", "c", "d")
    assert grid.rows == [row]
    assert not grid.problems


@pytest.mark.parametrize("bad", ["1,x", "1,x,t,u", "{3 1}"])
def test_rows_that_do_not_fit_are_counted_and_named(write, bad: str) -> None:
    grid = read_arff(write("t.arff", f"{HEAD}1,x,t\n{bad}\n2,x,t\n"))
    assert [row[0] for row in grid.rows] == ["1", "2"]
    (problem,) = grid.problems
    assert problem.reason == "1 row without 3 values, not used"
    assert "1" in problem.where


def test_double_quotes_where_a_file_uses_them(write) -> None:
    grid = read_arff(write("t.arff", '@attribute "a" string\n@attribute b numeric\n@data\n"p, q",1\nit\'s,2\n"r",3\n'))
    assert [row[0] for row in grid.rows] == ["p, q", "it's", "r"]


@pytest.mark.parametrize(
    ("levels", "fill"),
    [("{b, a}", "b"), ("{'b c', a}", "b c"), ("{ 'b, c' , a}", "b, c"), ("{b}", "b"), ("real", "0"), ("DATE 'y'", "0")],
)
def test_what_a_sparse_row_leaves_out_is_zero_or_the_first_level(write, levels: str, fill: str) -> None:
    assert read_arff(write("t.arff", f"@attribute a {levels}\n@data\n{{}}\n")).rows == [[fill]]


def test_attributes_of_the_same_name_stay_apart(write) -> None:
    grid = read_arff(write("t.arff", "@attribute a real\n@attribute a real\n@data\n1,2\n"))
    assert grid.names == ("a", "a.2")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("@relation r\n@data\n1\n", "expected @attribute lines, found none"),
        ("@attribute a real\n@data\n", "expected rows of 1 values after @data, found none"),
        ("@attribute a real\n1\n", "expected rows of 1 values after @data, found none"),
        ("", "expected @attribute lines, found none"),
    ],
)
def test_nothing_to_read_is_an_error(write, content: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_arff(write("t.arff", content))
