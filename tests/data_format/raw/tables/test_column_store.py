"""Big files: what is read column by column must be what small files give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.errors import DataError
from data_format.raw import ReadOptions, open_raw
from data_format.raw.tables import column_store, csv_quotes, reader
from data_format.raw.tables.column_store import Spilled, read_store
from data_format.raw.tables.column_types import Coded
from data_format.raw.tables.csv_file import read_grid


@pytest.fixture
def big(monkeypatch):
    """Every file is big, and a column has many different cells from five on."""
    monkeypatch.setattr(reader, "BIG_BYTES", 0)
    monkeypatch.setattr(column_store, "_CODES", 5)
    monkeypatch.setattr(column_store, "_ALL_CODES", 0)
    monkeypatch.setattr(column_store, "_CHUNK_CELLS", 64)


def rows(n=300):
    return [
        (
            i / 7,
            i % 3,
            ["u", "v", ""][i % 3],
            f"w{i}",
            i if i % 50 else "",
            f"2020-01-{1 + i % 4:02d}",
            ["001", "NA"][i % 2],
        )
        for i in range(n)
    ]


HEAD = "real,level,word,code,gap,day,y"


def same(one, other):
    assert one.class_names == other.class_names
    assert one.domain == other.domain
    for side in ("train", "test"):
        mine, theirs = getattr(one, side), getattr(other, side)
        assert list(mine.ids) == list(theirs.ids)
        assert np.array_equal(mine.labels, theirs.labels)
        a, b = mine.source.table(), theirs.source.table()
        assert (a.number_names, a.string_names) == (b.number_names, b.string_names)
        np.testing.assert_allclose(a.numbers, b.numbers, rtol=1e-6)
        assert a.strings.tolist() == b.strings.tolist()
    assert (one.truth() is None) == (other.truth() is None)
    assert one.truth() is None or np.array_equal(one.truth(), other.truth())


@pytest.mark.parametrize("with_test", [False, True])
def test_a_big_table_is_the_same_data_set(csv_file, tmp_path, big, with_test, monkeypatch):
    csv_file("set/train.csv", HEAD, rows())
    if with_test:
        csv_file("set/test.csv", HEAD, rows(40))
    found = open_raw(tmp_path / "set")
    assert isinstance(found.train.ids, reader.StoreSide) is False and not isinstance(found.train.ids, list)
    assert found.train.source.table().numbers.dtype == np.float32
    monkeypatch.setattr(reader, "BIG_BYTES", 1 << 30)
    same(found, open_raw(tmp_path / "set"))


def test_a_test_file_by_place_and_with_other_columns(csv_file, tmp_path, big, monkeypatch):
    csv_file("a/train.csv", "x1,x2,y", [(i, i % 7, "pq"[i % 2]) for i in range(90)])
    (tmp_path / "a/test.csv").write_text("1,2\n3,4\n")
    csv_file("b/train.csv", "x1,x2,y", [(i, i % 7, "pq"[i % 2]) for i in range(90)])
    csv_file("b/test.csv", "y,x2,z", [("p", 3, 1), ("q", 4, 1)])
    big_ones = [open_raw(tmp_path / name) for name in "ab"]
    monkeypatch.setattr(reader, "BIG_BYTES", 1 << 30)
    for name, found in zip("ab", big_ones, strict=True):
        small = open_raw(tmp_path / name)
        same(found, small)
        assert [p.reason for p in found.problems] == [p.reason for p in small.problems]


def test_rows_without_a_label_are_skipped(csv_file, big):
    path = csv_file("t.csv", "a,label", [(i, "" if i % 5 == 0 else f"k{i % 2}") for i in range(100)])
    dataset = open_raw(path)
    assert len(dataset.train) + len(dataset.test) == 80
    assert "20 training rows without a label" in dataset.problems[0].reason
    assert "0" not in dataset.train.ids


def test_texts_stay_on_disk(csv_file, big):
    path = csv_file("t.csv", "text,more,y", [(f"é some words {i}", f"and more of them {i}", i % 2) for i in range(60)])
    dataset = open_raw(path)
    assert dataset.domain[0] == "text"
    row = int(dataset.test.ids[0])
    assert dataset.test.source.example(0).text == f"é some words {row}"
    both = open_raw(path, ReadOptions(domain="text"))
    assert both.train.source.example(1).text.startswith("é some words")
    store = read_store(path)
    cells = store.cells("text")
    assert isinstance(cells, Spilled) and list(cells[2:4]) == ["é some words 2", "é some words 3"]
    assert cells.take(np.array([5, 1]))[0] == "é some words 5"


def test_forms_of_columns(csv_file, big):
    store = read_store(csv_file("t.csv", HEAD, rows()))
    assert isinstance(store.cells("level"), Coded) and isinstance(store.cells("y"), Coded)
    assert store.cells("real").dtype == np.float32
    assert isinstance(store.cells("code"), Spilled)
    assert store.column("y")[:2] == ["001", "NA"]
    assert store.column("gap")[:3] == ["", "1", "2"]
    assert store.cells("level").counts() == {"0": 100, "1": 100, "2": 100}


def test_odd_cells_among_many_numbers_are_missing_and_counted(csv_file, big):
    path = csv_file("t.csv", "a,y", [("x" if i == 290 else i / 3, i % 2) for i in range(300)])
    dataset = open_raw(path)
    assert any(p.where == "t.csv, column 'a'" and "1 cell not a number" in p.reason for p in dataset.problems)


def test_ragged_rows_and_open_quotes(write, big, monkeypatch):
    monkeypatch.setattr(csv_quotes, "_MAX_RECORD_LINES", 20)
    lines = [f"{i},w{i % 3},{i % 2}" for i in range(100)]
    lines[10], lines[20], lines[30], lines[99] = '10,"open,1', "20,w,1,more", "30,w", '99,"open at the end,1'
    store = read_store(write("t.csv", "a,b,y\n" + "\n".join(lines) + "\n"))
    assert len(store.rows) == 100
    assert store.column("b")[10] == '"open'
    assert store.column("b")[99] == '"open at the end'
    reasons = [p.reason for p in store.problems]
    assert "2 rows with a quote that is never closed, read without it" in reasons
    assert "1 row with too few cells, filled up" in reasons and "1 row with too many cells, cut" in reasons


@pytest.mark.parametrize(
    "content",
    [
        'a\tlabel\n"x y\tpos\nz\tneg\n"u v\tpos\nw\tneg\n',
        'a,label\n"He said \\"hi\\", ok",pos\n"fine",neg\n',
        'a, label\n"red, dark", pos\n1, "neg"\n',
        "a,label,\n1,pos,\n2,neg,\n",
        "\na,label\n1,pos\n2,neg\n",
        "1.5,2.5,label\n0.1,0.2,pos\n0.3,0.1,neg\n",
    ],
)
def test_what_small_files_are_told_by_holds_for_big_ones(write, content):
    path = write("t.csv", content)
    small, store = read_grid(path), read_store(path)
    assert (store.names, len(store.rows), store.blanks) == (small.names, len(small.rows), small.blanks)
    assert [store.column(name) for name in small.names] == [small.column(name) for name in small.names]
    assert store.problems == small.problems


@pytest.mark.parametrize(
    ("end", "encoding", "reason"),
    [
        ("naïve", "cp1252", "read as cp1252, since it is not UTF-8"),
        ("naïve\n\udcff", "utf-8", "1 line not UTF-8, read as U+FFFD"),
    ],
)
def test_the_encoding_shows_wherever_it_does(write, end, encoding, reason):
    start = "text\n" + "plain words\n" * 200_000
    store = read_store(write("t.csv", (start + end + "\n").encode(encoding, "surrogateescape")))
    assert "naïve" in store.column("text")[-2:]
    assert [problem.reason for problem in store.problems] == [reason]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings_separators_and_line_breaks(write, big, encoding):
    content = "sep=;\na;t;y\n" + "".join(f'{i};"é\n{i}";{i % 2}\n' for i in range(50))
    path = write("t.csv", content, encoding)
    if encoding == "utf-8-sig":
        path.write_bytes(content.encode())
    store = read_store(path)
    assert (store.names, len(store.rows), store.separator) == (("a", "t", "y"), 50, ";")
    assert store.column("t")[3] == "é\n3"


def test_an_empty_big_file_is_an_error(write):
    with pytest.raises(DataError, match="expected rows of a table, found an empty file"):
        read_store(write("t.csv", "\n\n"))


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=("Cs",)), max_size=4)


@given(st.lists(st.tuples(CELL, CELL, st.integers(0, 99)), min_size=3, max_size=30))
@settings(max_examples=25, deadline=None)
def test_the_cells_are_those_of_a_small_file(tmp_path_factory, cells):
    import csv

    path = tmp_path_factory.mktemp("store") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("first", "second", "label"), *cells])
    small, store = read_grid(path), read_store(path)
    assert store.names == small.names and len(store.rows) == len(small.rows)
    for name in small.names:
        assert store.column(name) == small.column(name)


def test_grouped_digits_are_words_in_a_big_file_too(csv_file, big):
    store = read_store(csv_file("t.csv", "n,y", [(i if i != 250 else "1_000", i % 2) for i in range(300)]))
    values = store.cells("n")
    assert np.isnan(values[250]) and values[249] == 249
    assert [problem.reason for problem in store.problems] == ["1 cell not a number, taken as missing"]
