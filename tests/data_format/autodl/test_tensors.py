"""The official decode rules, on examples in memory."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_format.autodl.metadata import Format, MatrixSpec, Metadata
from data_format.autodl.tensors import tensor
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Encoded, Example, MediaFile, Sparse, Text


def meta(kind: Format, columns: int = -1, channels: int = 1) -> Metadata:
    return Metadata(1, 2, (MatrixSpec(columns, 1, format=kind, num_channels=channels),), -1)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_dense_passes_unscaled() -> None:
    array = np.array([[1.0, np.nan], [300, -5]], np.float32).reshape(2, 1, 2, 1)
    assert tensor(Dense(array), meta("DENSE", 2)) is array


def test_pictures_are_divided_by_255() -> None:
    pixels = np.array([[[0, 51, 255], [102, 153, 204]]], np.uint8)
    array = tensor(Encoded((png(pixels), png(pixels[:, ::-1]))), meta("COMPRESSED", channels=3))
    assert array.shape == (2, 1, 2, 3)
    assert array.dtype == np.float32
    assert np.allclose(array[0], pixels / 255, atol=1e-7)
    assert np.allclose(array[1], pixels[:, ::-1] / 255, atol=1e-7)


def test_grey_pictures_in_a_colour_set_and_the_reverse() -> None:
    grey = png(np.full((2, 2), 51, np.uint8))
    assert np.allclose(tensor(Encoded((grey,)), meta("COMPRESSED", channels=3)), 0.2)
    colour = png(np.full((2, 2, 3), 102, np.uint8))
    assert tensor(Encoded((colour,)), meta("COMPRESSED", channels=1)).shape == (1, 2, 2, 1)


def test_no_frames() -> None:
    assert tensor(Encoded(()), meta("COMPRESSED", channels=3)).shape == (0, 1, 0, 3)


def test_bad_frames_are_unreadable() -> None:
    small, large = png(np.zeros((2, 2), np.uint8)), png(np.zeros((2, 3), np.uint8))
    with pytest.raises(Unreadable, match=r"frames differ in size: \(2, 2\) and \(2, 3\)"):
        tensor(Encoded((small, large)), meta("COMPRESSED"))
    with pytest.raises(Unreadable):
        tensor(Encoded((b"<html>",)), meta("COMPRESSED"))


CELLS = Sparse(np.array([0, 0]), np.array([1, 3]), np.array([0, 0]), np.array([2.5, -1], np.float32))


def test_sparse_tables_give_columns_and_values() -> None:
    for columns in (4, -1):
        assert tensor(CELLS, meta("SPARSE", columns))[0, :, :, 0].tolist() == [[1, 2.5], [3, -1]]
    empty = Sparse(*[np.zeros(0, np.int64)] * 3, np.zeros(0, np.float32))
    assert tensor(empty, meta("SPARSE", 4)).shape == (1, 0, 2, 1)


def test_sparse_texts_give_channels() -> None:
    tokens = Sparse(CELLS.rows, CELLS.rows, np.array([7, 9]), CELLS.values)
    array = tensor(tokens, meta("SPARSE", 1, 20))
    assert (array.shape, array.ravel().tolist()) == ((2, 1, 1, 1), [7, 9])


@pytest.mark.parametrize("example", [Text("x"), MediaFile(Path("x"))])
def test_raw_examples_are_refused(example: Example) -> None:
    with pytest.raises(DataError, match=f"found {type(example).__name__}"):
        tensor(example, meta("DENSE"))
