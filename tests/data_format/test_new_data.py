"""New rows of numbers in the columns of a model, and the folder of records that is meant."""

from pathlib import Path

import numpy as np
import pytest

from data_format.errors import DataError
from data_format.examples import Csr, Table
from data_format.input_spec import Inputs
from data_format.new_data import _domains, _subset, fit_numbers, new_chunks

NAN = float("nan")


def inputs(*names: str, words: tuple[str, ...] = ()) -> Inputs:
    return Inputs(tuple((name, "number") for name in names), names, words)


def numbers(names: tuple[str, ...], *rows: list[float]) -> Table:
    return Table(np.array(rows, float).reshape(len(rows), len(names)), names, np.empty((len(rows), 0), object), ())


def sparse(n_columns: int, *rows: dict[int, float]) -> Table:
    csr = Csr(
        np.cumsum([0, *map(len, rows)]),
        np.array([c for row in rows for c in row], np.int64),
        np.array([v for row in rows for v in row.values()], np.float32),
        n_columns,
    )
    return Table(np.zeros((len(rows), 0)), (), np.empty((len(rows), 0), object), (), csr)


@pytest.mark.parametrize(
    ("names", "row", "fitted"),
    [
        (("a", "b"), [1, 2], [1, 2]),
        (("b", "a"), [1, 2], [2, 1]),
        (("a",), [1], [1, NAN]),
        (("a", "b", "c"), [1, 2, 3], [1, 2]),
        (("b", "z"), [1, 2], [NAN, 1]),
        (("x", "y"), [1, 2], [1, 2]),
    ],
)
def test_columns_are_matched_by_name_else_by_place(names: tuple[str, ...], row: list, fitted: list) -> None:
    found = fit_numbers(numbers(names, row), inputs("a", "b"), "here")
    assert found.number_names == ("a", "b")
    assert np.array_equal(found.numbers[0], np.array(fitted, float), equal_nan=True)


def test_columns_of_words_that_records_cannot_hold_are_missing() -> None:
    found = fit_numbers(numbers(("a",), [1]), inputs("a", "b", words=("w",)), "here")
    assert found.strings.tolist() == [[""]] and found.string_names == ("w",)


@pytest.mark.parametrize("words", [(), ("w",)])
def test_neither_names_nor_count_is_an_error(words: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="here: expected 2 columns as in training, found 3 columns of numbers"):
        fit_numbers(numbers(("x", "y", "z"), [1, 2, 3]), inputs("a", "b", words=words), "here")


def test_places_do_not_stand_for_names_beside_words() -> None:
    with pytest.raises(DataError, match="expected 2 columns"):
        fit_numbers(numbers(("x", "y"), [1, 2]), inputs("a", "b", words=("w",)), "here")


def test_sparse_rows_for_a_dense_model() -> None:
    found = fit_numbers(sparse(3, {0: 2.0}, {}, {2: 1.0}), inputs("f0", "f1", "f2"), "here")
    assert found.sparse is None
    assert found.numbers.tolist() == [[2, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_rows_for_a_sparse_model() -> None:
    model = Inputs(sparse_columns=5)
    kept = fit_numbers(sparse(3, {0: 2.0}, {2: 1.0}), model, "here").sparse
    made = fit_numbers(numbers(("f0", "f1", "f2"), [2, 0, 0], [0, NAN, 1]), model, "here").sparse
    assert kept is not None and made is not None
    for name in ("indptr", "indices", "values", "n_columns"):
        assert np.array_equal(getattr(kept, name), getattr(made, name)), name
    assert made.n_columns == 5


def test_a_model_of_frequencies_asks_for_nothing() -> None:
    found = fit_numbers(numbers(("a",), [1], [2]), Inputs(), "here")
    assert (found.numbers.shape, found.strings.shape) == ((2, 0), (2, 0))


@pytest.mark.parametrize(
    ("shape", "domains"),
    [
        ((1, 1, 9, 1), ("tabular",)),
        ((1, 9, 1, 1), ("tabular",)),
        ((1, 9, 9, 3), ("image",)),
        ((1, -1, -1, 3), ("image",)),
        ((-1, 1, 1, 1), ("text", "speech")),
        ((-1, 9, 9, 3), ("video",)),
        ((5, -1, -1, 3), ("video",)),
    ],
)
def test_what_records_of_a_shape_may_be(shape: tuple[int, int, int, int], domains: tuple[str, ...]) -> None:
    assert _domains(shape) == domains


def records(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "metadata.textproto").touch()
    return folder


def test_the_folder_of_records_that_is_meant(tmp_path: Path) -> None:
    test = records(tmp_path / "set" / "set.data" / "test")
    records(tmp_path / "set" / "set.data" / "train")
    assert _subset(tmp_path / "set") == test
    assert _subset(test.parent) == test
    records(tmp_path / "set" / "other.data" / "test")
    with pytest.raises(DataError, match="expected one folder test/ with metadata.textproto, found 2"):
        _subset(tmp_path / "set")
    (tmp_path / "raw").mkdir()
    assert _subset(tmp_path / "raw") is None


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected data to predict, found nothing there"):
        next(iter(new_chunks(tmp_path / "none", "image", Inputs(), [])))
