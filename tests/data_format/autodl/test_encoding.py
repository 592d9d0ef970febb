"""Examples of any reader as what a record can hold."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data_format.autodl.encoding import Columns, Tokens, _unspaced, clip, encode_image, image, samples
from data_format.dataset import Dataset, Split
from data_format.errors import DataError
from data_format.examples import Csr, Dense, Encoded, Sparse, Table, Text
from data_format.memory_source import MemorySource

RNG = np.random.default_rng(0)


@given(st.lists(st.text(max_size=12), max_size=5), st.booleans())
def test_joined_tokens_give_the_text_back(texts: list[str], by_character: bool) -> None:
    tokens = Tokens(by_character=by_character)
    rows = [tokens(Text(text)).array.ravel().astype(int) for text in texts]
    named = {number: token for token, number in tokens.vocabulary.items()}
    joint = "" if by_character else " "
    assert [joint.join(named[number] for number in row) for row in rows] == texts
    assert sorted(named) == list(range(len(named)))


def test_tokens_are_numbered_by_their_first_appearance() -> None:
    tokens = Tokens()
    assert tokens(Text("b a b")).array.tolist() == [[[[0]]], [[[1]]], [[[0]]]]
    assert tokens.vocabulary == {"b": 0, "a": 1}
    assert tokens(Text("")).array.shape == (0, 1, 1, 1)
    other = Dense(np.zeros((1, 1, 1, 1), np.float32))
    assert tokens(other) is other


@pytest.mark.parametrize(
    ("texts", "unspaced"),
    [
        (["hello world"], False),
        (["你好世界"], True),
        (["สวัสดี"], True),
        (["ab 你好"], False),
        (["ab 你好吗"], True),
        (["한국어 글"], False),
        (["123 !?"], False),
        ([], False),
        (["a" * 3000 + "你" * 9000], False),
    ],
)
def test_scripts_without_blanks_are_known_by_most_letters(texts: list[str], unspaced: bool) -> None:
    source = MemorySource([Text(text) for text in texts])
    split = Split(list(map(str, range(len(texts)))), np.zeros((len(texts), 1), np.float32), source)
    assert _unspaced(Dataset("t", None, ("x",), (-1, 1, 1, 1), split, split)) is unspaced  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_is_lossless(channels: int) -> None:
    pixels = RNG.integers(0, 256, (5, 7, channels), np.uint8)
    found = np.asarray(Image.open(io.BytesIO(encode_image(pixels, "PNG"))))
    assert np.array_equal(found.reshape(pixels.shape), pixels)


@pytest.mark.parametrize("channels", [0, 5])
def test_other_channel_counts_are_refused(channels: int) -> None:
    with pytest.raises(DataError, match=f"1 to 4 channels in an image, found {channels}"):
        encode_image(np.zeros((2, 2, channels), np.uint8), "PNG")


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4, 3), 90, np.uint8)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "kept"), [("JPEG", True), ("PNG", True), ("BMP", True), ("GIF", False), ("TIFF", False)]
)
def test_bytes_that_every_reader_knows_are_kept(kind: str, kept: bool) -> None:
    frame = encoded(kind)
    (found,) = image(Encoded((frame,)), 3).frames  # type: ignore[union-attr]
    assert (found == frame) is kept
    assert found.startswith(b"\x89PNG") is (kind in ("PNG", "GIF", "TIFF"))


@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 3)])
def test_sixteen_bits_are_kept(shape: tuple[int, ...]) -> None:
    values = RNG.integers(0, 4096, shape, np.uint16)
    frame = cv2.imencode(".tiff", values)[1].tobytes()
    (found,) = image(Encoded((frame,)), 3).frames  # type: ignore[union-attr]
    assert found.startswith(b"\x89PNG")
    assert np.array_equal(cv2.imdecode(np.frombuffer(found, np.uint8), cv2.IMREAD_UNCHANGED), values)


def test_arrays_are_kept_and_texts_are_no_pictures() -> None:
    dense = Dense(np.zeros((1, 2, 2, 3), np.float32))
    assert image(dense, 3) is dense and clip(dense, 3) is dense and samples(dense) is dense
    with pytest.raises(DataError, match="found a text"):
        image(Text("x"), 3)


def table(strings: list[list[str]], names: tuple[str, ...] = ("w",), numbers: np.ndarray | None = None) -> Table:
    cells = np.arange(len(strings), dtype=float)[:, None] if numbers is None else numbers
    named = tuple("abc"[: cells.shape[1]])
    return Table(cells, named, np.array(strings, object).reshape(len(strings), len(names)), names)


def values(columns: Columns, rows: Table) -> list[list[float]]:
    return [example.array.ravel().tolist() for example in columns.rows(rows)]  # type: ignore[union-attr]


def test_words_become_codes_of_the_sorted_training_values() -> None:
    train = table([["z"], ["a"], [""], ["a"]])
    columns = Columns.of(train)
    assert (columns.names, columns.categories, columns.width) == (("a", "w"), {"w": ["a", "z"]}, 1)
    assert str(values(columns, train)) == str([[0.0, 1.0], [1.0, 0.0], [2.0, float("nan")], [3.0, 0.0]])
    assert values(columns, table([["new"], ["other"]])) == [[0.0, 2.0], [1.0, 2.0]]


def test_names_are_made_unique() -> None:
    doubled = Table(np.zeros((1, 2)), ("a", "a"), np.array([["x", "y", "z"]], object), ("a", "b", "a_2"))
    columns = Columns.of(doubled)
    assert columns.names == ("a", "a_2", "a_3", "b", "a_2_2")
    assert columns.categories == {"a_3": ["x"], "b": ["y"], "a_2_2": ["z"]}


def test_numbers_beyond_float32_are_infinite() -> None:
    train = table([["x"]], numbers=np.array([[1e300, -1e300]]))
    assert values(Columns.of(train), train) == [[np.inf, -np.inf, 0.0]]


def test_words_of_sparse_rows_stand_behind_the_numbers() -> None:
    csr = Csr(np.array([0, 2, 2]), np.array([1, 4]), np.array([0.5, 2], np.float32), 5)
    train = Table(np.zeros((2, 0)), (), np.array([["x"], ["y"]], object), ("w",), csr)
    columns = Columns.of(train)
    first, second = columns.rows(train)
    assert columns.names == ("f0", "f1", "f2", "f3", "f4", "w")
    assert isinstance(first, Sparse) and isinstance(second, Sparse)
    assert (first.columns.tolist(), first.values.tolist()) == ([1, 4, 5], [0.5, 2, 0])
    assert (second.columns.tolist(), second.values.tolist()) == ([5], [1])
    assert not first.rows.any() and not first.channels.any()
