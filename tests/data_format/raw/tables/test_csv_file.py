import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.errors import DataError
from data_format.raw import open_raw
from data_format.raw.tables.csv_file import read_grid, rows_text, sniff_separator


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_found(separator, write):
    lines = [separator.join(("name", "size", "kind"))]
    lines += [
        separator.join((f"word, number {i}" if separator != "," else f"w{i}", str(i), "ab"[i % 2])) for i in range(9)
    ]
    grid = read_grid(write("t.csv", "\n".join(lines)))
    assert (grid.separator, grid.names, len(grid.rows)) == (separator, ("name", "size", "kind"), 9)


def test_decimal_commas_do_not_count_as_separators():
    assert sniff_separator("".join(f"{i},5;{i},25;{i % 2}\n" for i in range(20))) == ";"


def test_text_with_one_comma_everywhere_in_a_tsv():
    assert sniff_separator("text\tlabel\n" + "".join(f"well, number {i}\tpos\n" for i in range(20))) == "\t"


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_within_quotes_do_not_count(separator):
    assert sniff_separator("".join(f'"well, number {i}"{separator}"pos"\n' for i in range(20))) == separator


def test_rows_of_numbers_separated_by_spaces(write):
    grid = read_grid(write("s.csv", "".join(f"{i} {i % 7}  {i % 3}\n" for i in range(30))))
    assert (grid.separator, grid.header, grid.names, len(grid.rows)) == (
        " ",
        False,
        ("column 1", "column 2", "column 3"),
        30,
    )


def test_announced_separator(write):
    grid = read_grid(write("t.csv", "sep=;\r\na;y\r\n1;2\r\n"))
    assert (grid.names, grid.rows) == (("a", "y"), [["1", "2"]])


@pytest.mark.parametrize(("encoding", "said"), [("utf-8-sig", 0), ("utf-16", 1), ("latin-1", 1)])
def test_encoding_is_reported_when_it_is_not_utf_8(encoding, said, csv_file):
    grid = read_grid(csv_file("t.csv", '"y",a', [("é", 1)], encoding))
    assert grid.names == ("y", "a")
    assert [problem.reason for problem in grid.problems if "read as" in problem.reason] == (
        [f"read as {'cp1252' if encoding == 'latin-1' else encoding}, since it is not UTF-8"] * said
    )


def test_names_are_stripped_filled_and_made_unique(write):
    grid = read_grid(write("t.csv", " a ,,a,label\n1,2,3,x\n"))
    assert grid.names == ("a", "column 2", "a.2", "label")


def test_row_names_without_a_heading(write):
    grid = read_grid(write("t.csv", "a,label\nr1,5,x\nr2,6,y\n"))
    assert (grid.names, grid.column("label")) == (("row name", "a", "label"), ["x", "y"])


def test_ragged_rows_are_squared_and_counted(write):
    grid = read_grid(write("t.csv", "a,b,label\n1,2,x\n1\n1,2,x,,\n1,2,y,surplus\n"))
    assert grid.rows == [["1", "2", "x"], ["1", "", ""], ["1", "2", "x"], ["1", "2", "y"]]
    assert [(p.where, p.reason) for p in grid.problems] == [
        ("t.csv, row 1", "1 row with too few cells, filled up"),
        ("t.csv, row 3", "1 row with too many cells, cut"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_breaks_inside_quotes(end, write):
    body = "".join(f'"one {i}{end}two, ""quoted""",{"ab"[i % 2]}{end}' for i in range(20))
    grid = read_grid(write("t.csv", f"text,y{end}{body}"))
    assert len(grid.rows) == 20
    assert grid.rows[3][0] == f'one 3{end}two, "quoted"'


def test_an_unclosed_quote_costs_its_line_only(write):
    grid = read_grid(write("t.csv", 'text,y\nfine,1\n"open,0\nlast,1\nlaster,0\n'))
    assert grid.rows == [["fine", "1"], ['"open', "0"], ["last", "1"], ["laster", "0"]]
    assert [p.reason for p in grid.problems] == ["1 row with a quote that is never closed, read without it"]


def test_two_open_quotes_do_not_pair_up(write):
    grid = read_grid(write("t.tsv", 'text\tlabel\n"a b c\tpos\nd e f\tneg\n"g h i\tpos\nj k l\tneg\n'))
    assert grid.rows == [['"a b c', "pos"], ["d e f", "neg"], ['"g h i', "pos"], ["j k l", "neg"]]
    assert [(p.where, p.reason) for p in grid.problems] == [
        ("t.tsv, rows 0, 2", "2 rows with a quote that is never closed, read without it")
    ]


def test_quotes_within_quotes_behind_backslashes(write):
    path = write("t.csv", "text,label\n" + '"He said \\"hi\\", ok",pos\n"fine",neg\n' * 9)
    dataset = open_raw(path)
    assert dataset.class_names == ("neg", "pos")
    assert {dataset.train.source.example(i).text for i in range(len(dataset.train))} == {'He said "hi", ok', "fine"}


def test_blanks_between_separator_and_quote(write, tmp_path):
    write("train.csv", "size, colour, label\n" + '1, "red, dark", yes\n2, blue, no\n' * 9)
    # What the training file shows holds for a test file without any quote, too.
    write("test.csv", "size, colour, label\n3, blue, no\n4, grey, yes\n")
    dataset = open_raw(tmp_path)
    assert dataset.class_names == ("no", "yes")
    assert dataset.truth().tolist() == [[1, 0], [0, 1]]
    assert set(dataset.train.source.table().strings[:, 0]) == {"red, dark", "blue"}
    assert dataset.problems == []


@pytest.mark.parametrize(
    "content",
    [
        "label,a,b\nyes,1,2,\nno,3,4,\n",
        "label,a,b,\nyes,1,2,\nno,3,4,\n",
        "label,a,b,\nyes,1,2\nno,3,4\n",
        "label,a,b, ,,\nyes,1,2,,\nno,3,4, ,,\n",
    ],
)
def test_separators_at_the_end_of_lines_make_no_column(content, write):
    grid = read_grid(write("t.csv", content))
    assert (grid.names, grid.rows) == (("label", "a", "b"), [["yes", "1", "2"], ["no", "3", "4"]])
    assert grid.problems == []


def test_separators_at_the_end_of_rows_without_a_header(write, tmp_path):
    write("train.csv", "".join(f"{4 + i % 3}.{i % 10},{i % 2}.5,{i % 2},\n" for i in range(30)))
    dataset = open_raw(tmp_path / "train.csv")
    assert (dataset.class_names, dataset.shape) == (("0", "1"), (1, 1, 2, 1))


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("a,b,notes\n1,2,\n3,4,\n", ("a", "b", "notes")),
        ("a,b,\n1,2,\n3,4,x\n", ("a", "b", "column 3")),
        (",label\n,x\n,y\n", ("column 1", "label")),
    ],
)
def test_only_columns_without_name_and_cells_are_dropped(content, names, write):
    assert read_grid(write("t.csv", content)).names == names


def test_a_bad_byte_costs_its_own_cell_only(write):
    content = "text,label\n" + "one two,Café\nthree,thé\n" * 9
    grid = read_grid(write("t.csv", content.encode() + b"bad \xff,Caf\xc3\xa9\n"))
    assert set(grid.column("label")) == {"Café", "thé"}
    assert grid.rows[-1] == ["bad \ufffd", "Café"]
    assert [p.reason for p in grid.problems] == ["1 byte sequence not UTF-8, read as U+FFFD"]


def test_numbers_as_names_of_columns(write):
    rows = "0.1,0.2,0.3,wheat\n0.3,0.1,0.2,rye\n" * 9
    grid = read_grid(write("t.csv", f"400.0,401.0,402.0,label\n{rows}"))
    assert (grid.names, len(grid.rows)) == (("400.0", "401.0", "402.0", "label"), 18)


def test_nul_characters_and_huge_cells(write):
    long = "x" * 200_000
    grid = read_grid(write("t.csv", f"text,y\n{long},a\0b\n"))
    assert grid.rows == [[long, "ab"]]
    assert grid.problems[0].reason == "1 NUL character removed"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"\n\n", "an empty file"),
        (b"PK\x03\x04....", "a zip or xlsx file"),
        (b"PAR1....", "a Parquet file"),
        (b"\x1f\x8b....", "a gzip file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
    ],
)
def test_what_is_no_delimited_text_is_refused(content, found, write):
    path = write("t.csv", content)
    with pytest.raises(DataError, match=found) as caught:
        read_grid(path)
    assert str(path) in str(caught.value)


def test_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="No such file"):
        read_grid(tmp_path / "none.csv")


def test_test_file_of_one_text_column_follows_the_training_file(write):
    train = read_grid(write("train.csv", "text,label\na b,x\nc d,y\n"))
    test = read_grid(write("test.csv", 'text\n"one; two"\nthree\n"four, five; six"\n'), like=train)
    assert (test.separator, test.column("text")) == (",", ["one; two", "three", "four, five; six"])


def test_test_file_without_header_of_a_file_without_header(write):
    train = read_grid(write("train.csv", "1,2,0\n2,3,1\n"))
    test = read_grid(write("test.csv", "5,6\n"), like=train)
    assert (test.header, test.rows) == (False, [["5", "6"]])


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, rows):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerows([["text", "label"], *rows])
    path = tmp_path_factory.mktemp("grid") / "t.csv"
    path.write_bytes(buffer.getvalue().encode())
    assert read_grid(path).rows == rows


def test_rows_text():
    assert rows_text("t.csv", [4]) == "t.csv, row 4"
    assert rows_text("t.csv", range(8)) == "t.csv, rows 0, 1, 2, 3, 4 and 3 more"
