"""Arrays as examples, and some rows of another source."""

from typing import Any

import numpy as np
import pytest

from data_format.errors import DataError, Unreadable
from data_format.examples import Csr, Table
from data_format.memory_source import MemorySource
from data_format.raw.arrays.sources import ArraySource, PickedSource


@pytest.mark.parametrize(
    ("domain", "given", "shape"),
    [
        ("image", (4, 5), (1, 4, 5, 1)),
        ("image", (4, 5, 3), (1, 4, 5, 3)),
        ("video", (2, 4, 5), (2, 4, 5, 1)),
        ("video", (2, 4, 5, 3), (2, 4, 5, 3)),
        ("speech", (7,), (7, 1, 1, 1)),
        ("speech", (7, 2), (7, 1, 1, 1)),
        ("speech", (2, 7), (7, 1, 1, 1)),
    ],
)
def test_an_array_becomes_time_rows_columns_channels(domain: Any, given: tuple[int, ...], shape: tuple) -> None:
    values = np.arange(np.prod(given)).reshape(given)
    example = ArraySource([values], domain).example(0)
    assert example.array.shape == shape
    assert example.array.dtype == np.float32
    if domain != "speech":
        assert np.array_equal(example.array.ravel(), values.ravel())


@pytest.mark.parametrize("channels_first", [True, False])
def test_channels_of_a_sound_are_mixed(channels_first: bool) -> None:
    stereo = np.array([[1, 2, 3], [3, 4, 5]], np.float64)
    source = ArraySource([stereo if channels_first else stereo.T], "speech")
    assert source.example(0).array.ravel().tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("domain", "bad", "reason"),
    [
        ("image", np.zeros(3), "array of 1 dimensions, not of a image"),
        ("image", np.zeros((1, 2, 3, 4)), "array of 4 dimensions"),
        ("image", 7, "array of 0 dimensions"),
        ("video", np.zeros((2, 3)), "array of 2 dimensions, not of a video"),
        ("speech", np.zeros((2, 3, 4)), "array of 3 dimensions, not of a speech"),
        ("image", [["a", "b"]], "array not of numbers"),
        ("image", None, "array of 0 dimensions"),
        ("image", [[1], [1, 2]], "array not of numbers"),
    ],
)
def test_what_is_no_such_array_is_unreadable(domain: Any, bad: Any, reason: str) -> None:
    source = ArraySource([bad, np.zeros((3, 3, 3))], domain)
    with pytest.raises(Unreadable, match=reason):
        source.example(0)


def test_numbers_beyond_float32_are_infinite() -> None:
    assert np.isposinf(ArraySource([np.full((2, 2), 1e300)], "image").example(0).array).all()
    table = Table(np.array([[1e300, -1e300]]), ("a", "b"), np.empty((1, 0), object), ())
    assert MemorySource(table=table).example(0).array.ravel().tolist() == [np.inf, -np.inf]


def test_arrays_are_no_table() -> None:
    with pytest.raises(DataError, match=r"x: expected rows of a table, found 2 arrays \(image\)"):
        ArraySource([0, 0], "image").table()


def table(sparse: Csr | None = None) -> Table:
    words = np.array([["a"], ["b"], ["c"]], object)
    return Table(np.array([[0.0], [1.0], [2.0]]), ("n",), words, ("w",), sparse, (("n", "number"), ("w", "word")))


def test_picked_rows_of_a_table() -> None:
    picked = PickedSource(MemorySource(table=table()), np.array([2, 0]))
    found = picked.table()
    assert (len(picked), found.numbers.tolist(), found.strings.tolist()) == (2, [[2], [0]], [["c"], ["a"]])
    assert found.kinds == table().kinds
    assert picked.example(1).array.ravel().tolist() == [0]


def test_picked_examples_keep_the_columns_of_their_source() -> None:
    source = MemorySource(["x", "y"], columns=("title",))  # type: ignore[list-item]
    assert PickedSource(source, np.array([1])).columns == ("title",)
    assert PickedSource(source, np.array([1])).example(0) == "y"


def test_rows_of_a_sparse_matrix_are_not_picked() -> None:
    csr = Csr(np.zeros(4, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), 9)
    with pytest.raises(DataError, match="found 2"):
        PickedSource(MemorySource(table=table(csr)), np.array([0, 1])).table()
