"""Which format a table file has, and its typed cells as texts."""

import datetime
import zipfile
from pathlib import Path
from typing import Any

import pytest

from data_format.errors import DataError
from data_format.raw.cell_text import LIST_SEPARATOR, cell_text
from data_format.raw.tables.formats import first_rows, is_binary, is_workbook, read_table

JSON_LINE, ARFF = '{"a": 1, "b": "x"}\n', "@relation r\n@attribute a real\n@attribute b string\n@data\n1,x\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "a,b\n1,x\n"),
        ("t.tsv", "a\tb\n1\tx\n"),
        ("t.txt", "a|b\n1|x\n"),
        ("t.jsonl", JSON_LINE),
        ("t.json", f"[{JSON_LINE.strip()}]"),
        ("t.txt", JSON_LINE),
        ("t.txt", f"\ufeff\n[\n{JSON_LINE}]"),
        ("t.txt", '{\n"a": 1, "b": "x"}\n'.replace("\n", " ")),
        ("t.arff", ARFF),
        ("t.txt", ARFF.upper().replace("A REAL", "a real").replace("B STRING", "b string").replace("1,X", "1,x")),
        ("t.txt", f"% note\n{ARFF}"),
    ],
)
def test_the_content_tells_the_format(write, name: str, content: str) -> None:
    grid = read_table(write(name, content))
    assert (grid.names, grid.rows) == (("a", "b"), [["1", "x"]])


def test_a_csv_may_begin_like_json(write) -> None:
    assert read_table(write("t.csv", '{"a",b\n1,2\n')).names == ('{"a"', "b")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("é", "é"),
        (True, "True"),
        (3, "3"),
        (0.1, "0.1"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (datetime.datetime(2020, 1, 2, 3, 4, 5, 678), "2020-01-02 03:04:05"),
        (["a", None, 1], f"a{LIST_SEPARATOR}{LIST_SEPARATOR}1{LIST_SEPARATOR}"),
        ((), ""),
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
    ],
)
def test_typed_cells(value: Any, text: str) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize(
    ("name", "head", "binary"),
    [
        ("t.csv", b"a,b\n", False),
        ("t.csv", b"", False),
        ("t", b"PAR1....", True),
        ("t", b"PK\x03\x04", True),
        ("t", b'{"a": 1}', True),
        ("t", b"[1]", True),
        ("t.arff", b"% note", True),
    ],
)
def test_what_is_read_whole(write, name: str, head: bytes, binary: bool) -> None:
    assert is_binary(write(name, head)) is binary


def test_a_zip_is_a_workbook_by_what_it_holds(tmp_path: Path) -> None:
    for name, inside in (("book.xlsx", "xl/workbook.xml"), ("other.xlsx", "model.py")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inside, "x")
    (tmp_path / "cut.xlsx").write_bytes((tmp_path / "book.xlsx").read_bytes()[:30])
    found = [is_workbook(tmp_path / name) for name in ("book.xlsx", "other.xlsx", "cut.xlsx", "none.xlsx")]
    assert found == [True, False, False, False]


def test_a_workbook_without_content_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "no workbook")
    with pytest.raises(DataError, match="expected an Excel workbook"):
        read_table(tmp_path / "t.xlsx")


def sheet_of(path: Path, size: bytes, rows: list[list[Any]]) -> Path:
    """A workbook as writers of streams make it, which claims the size, or none."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    book.save(path.with_suffix(".made"))
    with zipfile.ZipFile(path.with_suffix(".made")) as made, zipfile.ZipFile(path, "w") as archive:
        for name in made.namelist():
            content = made.read(name)
            if name.endswith("sheet1.xml"):
                assert b"<dimension" not in content
                content = content.replace(b"<sheetData>", size + b"<sheetData>")
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("size", [b"", b'<dimension ref="A1"/>', b'<dimension ref="A1:ZZ900"/>'])
def test_a_sheet_is_as_large_as_its_cells(tmp_path: Path, size: bytes) -> None:
    path = sheet_of(tmp_path / "t.xlsx", size, [["a", "b", "y"], [1, "x", "p"], [2, "u"], [], [3, None, "q"]])
    grid = read_table(path)
    assert (grid.names, grid.rows) == (("a", "b", "y"), [["1", "x", "p"], ["2", "u", ""], ["3", "", "q"]])


def test_columns_of_a_sheet_without_name_and_cells_are_dropped(tmp_path: Path) -> None:
    grid = read_table(sheet_of(tmp_path / "t.xlsx", b"", [["a", "y", None, ""], [1, "p", "", ""], [2, "q"]]))
    assert (grid.names, grid.rows) == (("a", "y"), [["1", "p"], ["2", "q"]])


def test_rows_of_a_sheet_beyond_its_heading_keep_their_cells(tmp_path: Path) -> None:
    grid = read_table(sheet_of(tmp_path / "t.xlsx", b"", [["a", "y"], [1, "p", "more"], [2, "q"]]))
    assert (grid.names, grid.rows) == (("a", "y", "column 3"), [["1", "p", "more"], ["2", "q", ""]])


def test_first_rows_end_with_a_whole_line(csv_file, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_format.raw.tables.formats._SAMPLE_BYTES", 10)
    assert first_rows(csv_file("t.csv", "a,b", [(1, 2), (33, 44)])).rows == [["1", "2"]]


@pytest.mark.parametrize("read", [read_table, first_rows])
def test_a_missing_file_is_an_error(tmp_path: Path, read: Any) -> None:
    with pytest.raises((DataError, OSError), match=r"none\.csv"):
        read(tmp_path / "none.csv")
