"""JSON lines, ARFF, Parquet and Excel files, through the reader of tables and through the door."""

import json
import sys

import pytest

from data_format.errors import DataError
from data_format.raw import open_raw
from data_format.raw.tables.formats import first_rows, read_table


def test_json_lines_keep_spelling_and_lists(write):
    rows = [
        '{"text": "a b", "labels": ["x", "y z"], "n": 1e3}',
        '{"n": 1.0, "flag": true, "labels": []}',
        "",
        "[1]",
        "{oops",
    ]
    grid = read_table(write("train.jsonl", "\n".join(rows)))
    assert grid.names == ("text", "labels", "n", "flag")
    assert grid.rows == [["a b", "x\x1fy z\x1f", "1e3", ""], ["", "", "1.0", "true"]]
    assert grid.problems[0].reason == "2 lines not a JSON object, not used"


def test_texts_as_json_lines_with_lists_of_labels(write, tmp_path):
    lines = [
        {"text": f"number {i} of some longer texts", "labels": [["a b"], ["c"], ["a b", "c"], []][i % 4]}
        for i in range(20)
    ]
    write("train.jsonl", "\n".join(map(json.dumps, lines)))
    write("test.jsonl", json.dumps(lines[2]))
    dataset = open_raw(tmp_path)
    assert dataset.domain[0] == "text"
    assert dataset.class_names == ("a b", "c")
    assert dataset.train.labels[:4].tolist() == [[1, 0], [0, 1], [1, 1], [0, 0]]
    assert dataset.truth().tolist() == [[1, 1]]


@pytest.mark.parametrize("name", ["data.json", "data.jsonl"])
def test_an_array_of_objects_is_read_too(write, name):
    path = write(name, json.dumps([{"a": i, "y": "pq"[i % 2]} for i in range(10)], indent=1))
    assert open_raw(path).class_names == ("p", "q")


@pytest.mark.parametrize("content", ["[1, 2]", '[{"a": 1', '{"a": 1,\n'])
def test_json_without_objects_is_an_error(write, content):
    with pytest.raises(DataError, match=r"bad.jsonl"):
        read_table(write("bad.jsonl", content))


ARFF = """% a comment
@RELATION 'my set'
@attribute 'petal width' numeric
@attribute colour {red, 'light blue'}
@attribute class {no,yes}
@data
% another
1.5, red, yes
?, 'light blue', no
2, red
{0 7, 2 yes}
{2 yes, 9 x}
"""


def test_arff_dense_and_sparse_rows(write):
    grid = read_table(write("x.arff", ARFF))
    assert grid.names == ("petal width", "colour", "class")
    assert grid.rows == [["1.5", "red", "yes"], ["?", "light blue", "no"], ["7", "red", "yes"]]
    assert grid.problems[0].reason == "2 rows without 3 values, not used"
    assert open_raw(grid.path).class_names == ("no", "yes")


@pytest.mark.parametrize(
    ("content", "says"),
    [("@relation x\n@data\n1\n", "@attribute"), ("@relation x\n@attribute a numeric\n@data\n", "after @data")],
)
def test_arff_without_content(write, content, says):
    with pytest.raises(DataError, match=says):
        read_table(write("x.arff", content))


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {
        "a": [1, None, 3] * 5,
        "w": ["u", "v", None] * 5,
        "y": ["001", "010", "001"] * 5,
        "tags": [["p"], [], ["q"]] * 5,
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    grid = read_table(tmp_path / "t.parquet")
    assert grid.rows[:3] == [["1", "u", "001", "p\x1f"], ["", "v", "010", ""], ["3", "", "001", "q\x1f"]]
    assert open_raw(tmp_path).class_names == ("001", "010")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DataError, match="bad.parquet: expected a Parquet file"):
        read_table(tmp_path / "bad.parquet")


def test_excel(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["a", "b", "y"])
    for i in range(10):
        book.active.append([i + 0.5, "2020-01-01" if i else None, "pq"[i % 2]])
    book.create_sheet("notes")
    book.save(tmp_path / "t.xlsx")
    grid = read_table(tmp_path / "t.xlsx")
    assert grid.rows[:2] == [["0.5", "", "p"], ["1.5", "2020-01-01", "q"]]
    assert grid.problems[0].reason == "1 further sheets, not used"
    assert open_raw(tmp_path / "t.xlsx").class_names == ("p", "q")


@pytest.mark.parametrize(
    ("name", "package", "extra"), [("t.parquet", "pyarrow", "parquet"), ("t.xlsx", "openpyxl", "xlsx")]
)
def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, name, package, extra):
    import zipfile

    if extra == "xlsx":
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("xl/workbook.xml", "")
    else:
        (tmp_path / name).write_bytes(b"PAR1")
    for module in (package, f"{package}.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=rf"needs the package {package}.*\[{extra}\]"):
        read_table(tmp_path / name)


def test_first_rows_read_the_beginning_only(csv_file):
    path = csv_file("t.csv", "a,y", [(i, i % 2) for i in range(100_000)])
    assert 1000 < len(first_rows(path).rows) < 100_000
