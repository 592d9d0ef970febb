from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_format import open_dataset
from data_format.errors import DataError
from data_format.raw.tables import parquet as reader
from data_format.raw.tables.formats import read_table
from data_format.raw.tables.parquet import is_big, is_parquet, read_columns

pyarrow = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402


def columns(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return {
        "x": np.where(rng.random(n) < 0.1, np.nan, x),
        "count": rng.integers(0, 9, n),
        "word": np.array(["red", "green", None], object)[rng.integers(0, 3, n)],
        "flag": rng.random(n) < 0.5,
        "day": [date(2020, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 300, n)],
        "label": np.array(["a", "b"], object)[(x > 0).astype(int)],
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "BIG_CELLS", 100)
    parquet.write_table(pyarrow.table(columns(120)), tmp_path / "train.parquet")
    parquet.write_table(pyarrow.table(columns(15, 1)), tmp_path / "test.parquet")
    return tmp_path


def test_a_big_file_opens_like_a_small_one(folder, monkeypatch):
    by_columns = open_dataset(folder)
    monkeypatch.setattr(reader, "BIG_CELLS", 1 << 40)
    by_rows = open_dataset(folder)
    assert by_columns.class_names == by_rows.class_names == ("a", "b")
    assert np.array_equal(by_columns.train.labels, by_rows.train.labels)
    assert np.array_equal(by_columns.truth(), by_rows.truth())
    for mine, other in ((by_columns.train, by_rows.train), (by_columns.test, by_rows.test)):
        a, b = mine.source.table(), other.source.table()
        assert a.number_names == b.number_names
        assert dict(a.kinds)["day"] == "date"
        assert np.allclose(a.numbers, b.numbers, rtol=1e-6, equal_nan=True)
        assert np.array_equal(a.strings, b.strings)
        assert list(mine.ids) == list(other.ids)


def test_numbers_are_single_precision_and_words_are_codes(folder):
    store = read_columns(folder / "train.parquet")
    assert len(store.rows) == 120
    assert store.cells("count").dtype == np.float32
    assert set(store.column("word")) == {"red", "green", ""}
    assert set(store.column("flag")) == {"True", "False"}


def test_columns_that_are_coded_in_the_file_already(tmp_path):
    words = pyarrow.chunked_array([pyarrow.array(["u", "v"]), pyarrow.array(["v", "w"])]).dictionary_encode()
    parquet.write_table(pyarrow.table({"w": words, "list": [[1, 2], [], None, [3]]}), tmp_path / "t.parquet")
    store = read_columns(tmp_path / "t.parquet")
    assert store.column("w") == ["u", "v", "v", "w"]
    assert len(set(store.column("list"))) >= 3


def test_what_is_no_parquet_is_refused(tmp_path):
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"PAR1 and nothing else")
    assert is_parquet(bad)
    for read in (is_big, read_columns):
        with pytest.raises(DataError, match="bad.parquet: expected a Parquet file"):
            read(bad)


def test_the_index_of_a_frame_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({"a": [1, 2], "kind": ["x", "y"], "__index_level_0__": [7, 3]}), path)
    for table in (read_columns(path), read_table(path)):
        assert (table.names, len(table.rows)) == (("a", "kind"), 2)
        assert [p.reason for p in table.problems] == ["column '__index_level_0__' only counts the rows, not used"]


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.int8(),
        pyarrow.uint64(),
        pyarrow.float16(),
        pyarrow.float32(),
        pyarrow.float64(),
        pyarrow.decimal128(9, 2),
    ],
    ids=str,
)
def test_numbers_of_every_kind_keep_their_values_and_their_gaps(tmp_path: Path, kind: Any) -> None:
    values = np.array([1.5, 2, 0]) if "int" not in str(kind) else np.array([1, 2, 0])
    cells = [Decimal(str(v)) if "decimal" in str(kind) else kind.to_pandas_dtype()(v) for v in values]
    columns = {"full": pyarrow.array(cells, kind), "gap": pyarrow.array([None, *cells[1:]], kind)}
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    store = read_columns(tmp_path / "t.parquet")
    read = [[float(cell or "nan") for cell in store.column(name)] for name in ("full", "gap")]
    np.testing.assert_array_equal(read, [values, [np.nan, *values[1:]]])
