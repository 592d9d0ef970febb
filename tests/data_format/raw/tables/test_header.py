"""Whether a first row holds names, and which columns there are."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.raw.arrays.tables import read_frame
from data_format.raw.tables.formats import read_table
from data_format.raw.tables.header import filled_width, looks_like_header, unique_names
from data_format.raw.tables.parquet import read_columns


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([["5.1", "3.5", "0"], ["4.9", "3.0", "1"]], False),
        ([["a", "b", "outcome"], ["4.9", "3.0", "1"]], True),
        ([["text", "label"], ["fine", "pos"]], True),
        ([["fine film", "pos"], ["bad film", "neg"], ["nice film", "pos"]], False),
        ([["review", "sentiment"], ["bad film", "neg"], ["nice film", "pos"]], True),
        ([["0", "1", "2", "3"], ["4.9", "3.0", "1", "7"]], True),
        ([["0", "1", "2", "label"], ["4.9", "3.0", "1", "cat"]], True),
        ([["1", "2", "3"], ["1", "3", "5"]], False),
        ([["5.1", "3.5", "y"], ["4.9", "3.0", "n"], ["4.9", "3.0", "y"]], False),
        ([["a", "a"], ["b", "c"]], False),
        ([["y", "a"]], True),
        ([["400.0", "401.0", "label"], ["0.1", "0.2", "wheat"], ["0.3", "0.1", "rye"]], True),
        ([["1", "2", "Class"], ["0", "9", "cat"], ["3", "0", "dog"]], True),
        ([["target", "2019", "2020"], ["up", "1", "2"], ["down", "3", "4"]], True),
        ([["1", "2", "label:cat"], ["0", "9", "x"]], True),
        ([["5.1", "3.5", "class"], ["4.9", "3.0", "order"], ["4.7", "3.1", "class"]], False),
        ([["5.1", "3.5", "text"], ["4.9", "3.0", "image"]], False),
    ],
)
def test_header_is_told_from_data(rows, header):
    assert looks_like_header(rows) is header


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ([" a ", "", "a", "label"], ("a", "column 2", "a.2", "label")),
        (["a", "b", "a", "a"], ("a", "b", "a.2", "a.3")),
        (["a", "a", "a.2", "a"], ("a", "a.3", "a.2", "a.4")),
        (["a.2", "a", "a", "a.2"], ("a.2", "a", "a.3", "a.2.2")),
        (["", "column 1"], ("column 1.2", "column 1")),
        ([7, None, 7.0], ("7", "None", "7.0")),
        ([], ()),
    ],
)
def test_names_are_stripped_filled_and_made_unique(header, names):
    assert unique_names(header) == names


NAMES = st.sampled_from(["a", " a", "b", "a.2", "a.3", "a.2.2", "", "column 1", "column 2", "column 2.2", "label"])


@given(st.lists(NAMES, max_size=12))
def test_unique_names_differ_and_the_first_of_each_is_kept(header):
    names = unique_names(header)
    assert len(set(names)) == len(names) == len(header)
    written = [name.strip() for name in header]
    assert all(names[written.index(name)] == name for name in set(written) - {""})
    assert unique_names(names) == names


def csv_names(folder, header, row, separator):
    path = folder / ("t.tsv" if separator == "\t" else "t.csv")
    path.write_text("\n".join(separator.join(cells) for cells in (header, row, row)) + "\n")
    return read_table(path).names


def json_names(folder, header, row):
    path = folder / "t.jsonl"
    if len(set(header)) == len(header):
        path.write_text(f"{json.dumps(dict(zip(header, row, strict=True)))}\n" * 2)
    else:
        path.write_text(json.dumps({"columns": header, "data": [row, row]}))
    return read_table(path).names


def arff_names(folder, header, row):
    path = folder / "t.arff"
    attributes = "".join(f"@attribute '{name}' numeric\n" for name in header)
    path.write_text(f"@relation t\n{attributes}@data\n{','.join(row)}\n{','.join(row)}\n")
    return read_table(path).names


def parquet_names(folder, header, row):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = folder / "t.parquet"
    parquet.write_table(pyarrow.Table.from_arrays([pyarrow.array([float(cell)] * 2) for cell in row], header), path)
    store = read_columns(path)
    assert [store.column(name)[0] for name in store.names] == row
    assert read_table(path).names == store.names
    return store.names


def workbook_names(folder, header, row):
    openpyxl = pytest.importorskip("openpyxl")
    path = folder / "t.xlsx"
    book = openpyxl.Workbook()
    for cells in (header, row, row):
        book.active.append(cells)
    book.save(path)
    return read_table(path).names


def frame_names(header, row):
    pandas = pytest.importorskip("pandas")
    return read_frame(pandas.DataFrame([row, row], columns=header)).names


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=2, max_size=6).filter(any))
def test_one_header_gives_the_same_names_in_every_format(header):
    row = [str(place) for place in range(2, len(header) + 2)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = [
            *(csv_names(folder, header, row, separator) for separator in ",;|\t"),
            json_names(folder, header, row),
            arff_names(folder, header, row),
            parquet_names(folder, header, row),
            workbook_names(folder, header, row),
            frame_names(header, row),
        ]
    assert found == [unique_names(header)] * len(found)


@pytest.mark.parametrize(
    ("header", "rows", "width"),
    [
        (["a", "b", ""], [["1", "2", ""], ["3", "4"]], 2),
        (["a", "b", " "], [["1", "2", " "]], 2),
        (["a", "", ""], [["1", "", ""]], 1),
        (["a", "b", ""], [["1", "2", ""], ["3", "4", "5"]], 3),
        (["a", "b", "c"], [["1", "2", ""]], 3),
        ([], [["1", "2", ""], ["3", "4", ""]], 2),
        ([], [["", "", ""]], 1),
    ],
)
def test_columns_without_name_and_cells_at_the_end(header, rows, width):
    assert filled_width(3, header, rows) == width
