"""The tf.data object element by element against the plain-numpy decoder, for every kind of record."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from autodl_agent.challenge.api.metadata import AutoDLMetadata
from autodl_agent.challenge.api.tf_dataset import AutoDLDataset
from data_format.autodl.metadata import Format, MatrixSpec, Metadata, format_metadata
from data_format.autodl.records import interleave
from data_format.autodl.sequence_example import encode_record
from data_format.autodl.tfrecord import write_records
from data_format.errors import DataError
from data_format.examples import Dense, Encoded, Example, Sparse

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.filterwarnings("default")


def describe(format: Format, shape: tuple[int, int, int, int], count: int, classes: int = 3) -> Metadata:
    time, rows, columns, channels = shape
    spec = MatrixSpec(col_count=columns, row_count=rows, format=format, num_channels=channels)
    return Metadata(count, classes, (spec,), sequence_size=time, label_to_index_map={"b": 1, "a": 0})


def write_subset(folder: Path, metadata: Metadata, files: list[list[bytes]]) -> Path:
    folder.mkdir(parents=True)
    (folder / "metadata.textproto").write_text(format_metadata(metadata))
    for k, records in enumerate(files):
        write_records(folder / f"sample-{k}", iter(records))
    return folder


def read(folder: Path, **options: bool) -> list[tuple[Any, Any]]:
    return [(x.numpy(), y.numpy()) for x, y in AutoDLDataset(folder, **options).get_dataset()]


def one(tmp_path: Path, format: Format, shape: tuple[int, int, int, int], *examples: Example) -> list[Any]:
    records = [encode_record(example, [1]) for example in examples]
    folder = write_subset(tmp_path / "train", describe(format, shape, len(records)), [records])
    dataset = AutoDLDataset(folder).get_dataset()
    known = [size if size > 0 else None for size in shape]
    assert dataset.element_spec[0].shape.as_list()[3] == known[3] or format == "SPARSE"
    found = read(folder)
    assert all(x.dtype == np.float32 and x.ndim == 4 for x, _ in found)
    return [x for x, _ in found]


def picture(mode: str, kind: str, size: tuple[int, int] = (5, 4)) -> tuple[bytes, np.ndarray]:
    pixels = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue(), np.asarray(image)


def test_dense_of_fixed_and_of_varying_length(tmp_path: Path, rng: np.random.Generator) -> None:
    fixed = rng.normal(size=(2, 3, 4, 2)).astype(np.float32)
    fixed[0, 0, 0, 0] = np.nan
    np.testing.assert_array_equal(one(tmp_path / "a", "DENSE", (2, 3, 4, 2), Dense(fixed))[0], fixed)
    short, long = rng.normal(size=(3, 1, 1, 1)).astype(np.float32), rng.normal(size=(7, 1, 1, 1)).astype(np.float32)
    found = one(tmp_path / "b", "DENSE", (-1, 1, 1, 1), Dense(short), Dense(long))
    np.testing.assert_array_equal(found[0], short)
    np.testing.assert_array_equal(found[1], long)


def test_dense_rows_of_unknown_width(tmp_path: Path) -> None:
    row = np.arange(6, dtype=np.float32).reshape(1, 1, 6, 1)
    np.testing.assert_array_equal(one(tmp_path / "a", "DENSE", (1, 1, -1, 1), Dense(row))[0], row)
    column = row.reshape(1, 6, 1, 1)
    np.testing.assert_array_equal(one(tmp_path / "b", "DENSE", (1, -1, 1, 1), Dense(column))[0], column)
    np.testing.assert_array_equal(one(tmp_path / "c", "DENSE", (1, -1, -1, 1), Dense(row))[0], row)


def test_a_wrong_number_of_steps_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        one(tmp_path, "DENSE", (2, 1, 1, 1), Dense(np.zeros((3, 1, 1, 1), np.float32)))


@pytest.mark.parametrize(("mode", "kind"), [("RGB", "PNG"), ("L", "PNG"), ("RGB", "BMP"), ("L", "BMP")])
def test_pictures_are_divided_by_255(tmp_path: Path, mode: str, kind: str) -> None:
    blob, pixels = picture(mode, kind)
    colour = pixels if mode == "RGB" else np.repeat(pixels[:, :, None], 3, axis=2)
    found = one(tmp_path / "a", "COMPRESSED", (1, 4, 5, 3), Encoded((blob,)))[0]
    np.testing.assert_allclose(found, colour[None] / 255, atol=1e-6)
    grey = one(tmp_path / "b", "COMPRESSED", (1, -1, -1, 1), Encoded((blob,)))[0]
    assert grey.shape == (1, 4, 5, 1)
    luma = np.asarray(Image.fromarray(pixels).convert("L"))
    np.testing.assert_allclose(grey[0, :, :, 0], luma / 255, atol=1.5 / 255)


def test_jpeg_and_the_first_picture_of_an_animation(tmp_path: Path) -> None:
    jpeg, _ = picture("RGB", "JPEG", (16, 16))
    found = one(tmp_path / "a", "COMPRESSED", (1, -1, -1, 3), Encoded((jpeg,)))[0]
    np.testing.assert_allclose(found[0] * 255, np.asarray(Image.open(io.BytesIO(jpeg))), atol=6)
    frames = [Image.new("RGB", (6, 5), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    found = one(tmp_path / "b", "COMPRESSED", (1, 5, 6, 3), Encoded((out.getvalue(),)))[0]
    np.testing.assert_allclose(found, np.broadcast_to([1.0, 0, 0], (1, 5, 6, 3)), atol=0.01)


def test_clips_and_a_row_without_a_file(tmp_path: Path) -> None:
    blobs = [picture("L", "PNG")[0]] * 3
    found = one(tmp_path / "a", "COMPRESSED", (-1, -1, -1, 1), Encoded(tuple(blobs)), Encoded(tuple(blobs[:1])))
    assert [x.shape for x in found] == [(3, 4, 5, 1), (1, 4, 5, 1)]
    blank = one(tmp_path / "b", "COMPRESSED", (1, -1, -1, 3), Encoded(()), Encoded((picture("RGB", "PNG")[0],)))
    assert [x.shape for x in blank] == [(1, 1, 1, 3), (1, 4, 5, 3)]


def test_sparse_tables_come_dense(tmp_path: Path) -> None:
    ints = np.array([1, 4, 1]), np.zeros(3, np.int64)
    example = Sparse(ints[1], ints[0], ints[1], np.array([2.0, 3.0, 5.0], np.float32))
    found = one(tmp_path / "a", "SPARSE", (1, 1, 6, 1), example)[0]
    assert found.shape == (1, 1, 6, 1)
    assert found.ravel().tolist()[2:] == [0, 0, 3, 0]
    pairs = one(tmp_path / "b", "SPARSE", (1, 1, -1, 1), example)[0]
    np.testing.assert_array_equal(pairs, np.array([[1, 2], [4, 3], [1, 5]], np.float32)[None, :, :, None])
    tokens = Sparse(ints[1], ints[1], np.array([7, 2, 7]), np.ones(3, np.float32))
    found = one(tmp_path / "c", "SPARSE", (-1, 1, 1, 9), tokens)[0]
    np.testing.assert_array_equal(found.ravel(), [7, 2, 7])


def test_labels(tmp_path: Path) -> None:
    example = Dense(np.zeros((1, 1, 1, 1), np.float32))
    lists = [([0, 2], [0.25, 1.0]), ([2, 2, 0], [0.3, 0.6, 1.0]), ([], [])]
    records = [encode_record(example, index, score) for index, score in lists]
    folder = write_subset(tmp_path / "train", describe("DENSE", (1, 1, 1, 1), 3), [records])
    expected = np.array([[0.25, 0, 1], [1, 0, 0.6], [0, 0, 0]], np.float32)
    np.testing.assert_array_equal([y for _, y in read(folder)], expected)
    assert not np.any([y for _, y in read(folder, labelled=False)])


@pytest.mark.parametrize(("index", "score"), [([3], [1.0]), ([0, 1], [1.0])])
def test_impossible_labels_are_an_error(tmp_path: Path, index: list[int], score: list[float]) -> None:
    record = encode_record(Dense(np.zeros((1, 1, 1, 1), np.float32)), index, score)
    folder = write_subset(tmp_path / "train", describe("DENSE", (1, 1, 1, 1), 1), [[record]])
    with pytest.raises(tf.errors.InvalidArgumentError):
        read(folder)


@pytest.mark.parametrize("counts", [[3], [2, 5, 1, 4], [1, 1, 1, 1, 6]])
def test_order_over_several_files(tmp_path: Path, counts: list[int]) -> None:
    """Sorted by name, one record in turn from up to three files: the order in which our own reader has them."""
    files, order = [], interleave(counts)
    for k, count in enumerate(counts):
        values = [np.full((1, 1, 1, 1), 100 * k + j, np.float32) for j in range(count)]
        files.append([encode_record(Dense(value)) for value in values])
    folder = write_subset(tmp_path / "test", describe("DENSE", (1, 1, 1, 1), sum(counts)), files)
    expected = [100 * k + j for k, j in order.tolist()]
    assert [int(x.item()) for x, _ in read(folder)] == expected
    dataset = AutoDLDataset(folder)
    assert dataset.get_nth_element(2)[0].item() == expected[2]
    assert dataset.get_dataset() is dataset.get_dataset()
    with pytest.raises(IndexError, match="expected a record 99"):
        dataset.get_nth_element(99)
    assert dataset.get_class_labels() == ["a", "b", "2"]


def test_show_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str | None] = []  # a viewer would be a program of its own, which nobody here would close
    monkeypatch.setattr("PIL.Image.Image.show", lambda image, title=None: titles.append(title))
    blob, pixels = picture("RGB", "PNG")
    folder = write_subset(
        tmp_path / "train", describe("COMPRESSED", (1, 4, 5, 3), 1), [[encode_record(Encoded((blob,)), [1])]]
    )
    np.testing.assert_array_equal(np.asarray(AutoDLDataset(folder).show_image(0)), pixels)
    assert titles == ["record 0: b"]


def test_missing_parts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="metadata.textproto"):
        AutoDLDataset(tmp_path)
    folder = write_subset(tmp_path / "train", describe("DENSE", (1, 1, 1, 1), 1), [])
    with pytest.raises(DataError, match="found none"):
        AutoDLDataset(folder)


def test_metadata(tmp_path: Path) -> None:
    folder = write_subset(tmp_path / "train", describe("COMPRESSED", (-1, 4, 0, -1), 7), [[b""]])
    metadata = AutoDLMetadata(folder)
    assert metadata.get_dataset_name() == str(folder)
    assert (metadata.size(), metadata.get_output_size(), metadata.get_sequence_size()) == (7, 3, -1)
    assert (metadata.get_matrix_size(), metadata.get_num_channels(0), metadata.get_bundle_size()) == ((4, 0), 3, 1)
    assert (metadata.get_tensor_size(), metadata.get_tensor_shape(0)) == ((4, 0, 3), (-1, 4, 0, 3))
    assert (metadata.is_compressed(), metadata.is_sparse(0)) == (True, False)
    assert metadata.get_label_to_index_map() == {"a": 0, "b": 1}
    assert metadata.get_channel_to_index_map() == metadata.get_feature_to_index_map() == {}
    message = metadata.metadata_
    assert (message.output_dim, message.sample_count, message.matrix_spec[0].row_count) == (3, 7, 4)
