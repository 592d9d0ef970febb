"""Write, then read: the identity for every domain (property tests on in-memory sources)."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from data_format.autodl.metadata import read_metadata
from data_format.autodl.reader import read_autodl
from data_format.autodl.writer import write_dataset
from data_format.dataset import Dataset, DomainName, Source, Split
from data_format.errors import DataError, Unreadable
from data_format.examples import Csr, Dense, Encoded, Example, MediaFile, Sparse, Table, Text
from data_format.media.images import decode_frame

quick = settings(max_examples=15, deadline=None)


class Memory(Source):
    """Examples in memory; None stands for one that cannot be read."""

    def __init__(self, examples: Sequence[Example | None], table: Table | None = None) -> None:
        self.examples, self.rows = examples, table

    def __len__(self) -> int:
        return len(self.examples) if self.rows is None else len(self.rows)

    def example(self, index: int) -> Example:
        example = self.examples[index]
        if example is None:
            raise Unreadable("broken")
        return example

    def table(self) -> Table:
        if self.rows is None:
            raise DataError(f"{len(self.examples)} examples, no rows")
        return self.rows


def split(source: Memory, labels: np.ndarray | None = None) -> Split:
    n = len(source)
    if labels is None:
        labels = np.eye(3, dtype=np.float32)[np.arange(n) % 3]
    return Split([f"row {i}" for i in range(n)], labels, source)


def dataset(
    train: Memory,
    test: Memory,
    domain: DomainName | None,
    shape: tuple[int, int, int, int] = (-1, -1, -1, -1),
    **options: object,
) -> Dataset:
    fields: dict[str, object] = {"name": "my.set [1]", "path": Path("nowhere"), "class_names": ("001", 'é "x"', "True")}
    return Dataset(
        train=split(train),
        test=split(test, np.zeros((len(test), 3), np.float32)),
        domain=(domain, "said so") if domain else None,
        shape=shape,
        **(fields | options),  # type: ignore[arg-type]
    )


def written(source: Dataset, folder: Path) -> Dataset:
    root = write_dataset(source, folder)
    assert root == folder / source.name
    back = read_autodl(root)
    assert (back.name, back.class_names) == (source.name, source.class_names)
    assert np.array_equal(back.train.labels, source.train.labels)
    assert list(back.test.ids) == [str(i) for i in range(len(source.test))]
    assert list(back.train.ids) == [str(len(source.test) + i) for i in range(len(source.train))]
    assert back.problems == []
    return back


def arrays_of(part: Split) -> list[np.ndarray]:
    examples = [part.source.example(i) for i in range(len(part))]
    return [example.array for example in examples if isinstance(example, Dense)]


def texts_of(part: Split, vocabulary: dict[int, str], between: str) -> list[str]:
    return [between.join(vocabulary[int(token)] for token in array.ravel()) for array in arrays_of(part)]


def png(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=6)


@quick
@given(texts, texts)
def test_texts(tmp_path_factory: pytest.TempPathFactory, train: list[str], test: list[str]) -> None:
    source = dataset(Memory([Text(text) for text in train]), Memory([Text(text) for text in test]), "text")
    back = written(source, tmp_path_factory.mktemp("w"))
    assert back.shape == (-1, 1, 1, 1)
    vocabulary = dict(back.vocabulary)
    # Characters or words, whichever the letters call for: joining gives the text back one way or the other.
    between = " " if texts_of(back.train, vocabulary, " ") == train else ""
    assert texts_of(back.train, vocabulary, between) == train
    assert texts_of(back.test, vocabulary, between) == test


def test_languages_without_blanks_are_split_into_characters(tmp_path: Path) -> None:
    source = dataset(Memory([Text("今天天气好 ABC"), Text("好天")]), Memory([Text("新词")]), "text")
    back = written(source, tmp_path)
    assert list(back.vocabulary.values())[:4] == ["今", "天", "气", "好"]
    english = dataset(Memory([Text("to be or not to be")]), Memory([Text("be new")]), "text", name="english")
    back = written(english, tmp_path)
    assert dict(back.vocabulary) == {0: "to", 1: "be", 2: "or", 3: "not", 4: "new"}
    assert arrays_of(back.train)[0].ravel().tolist() == [0, 1, 2, 3, 0, 1]


def table(numbers: np.ndarray, strings: np.ndarray) -> Memory:
    names = tuple(f"n{i}" for i in range(numbers.shape[1]))
    return Memory([], Table(numbers, names, strings.astype(object), tuple(f"s{i}" for i in range(strings.shape[1]))))


@quick
@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=st.floats(width=32)))
def test_tables(tmp_path_factory: pytest.TempPathFactory, numbers: np.ndarray) -> None:
    none = np.empty((len(numbers), 0), object)
    source = dataset(table(numbers, none), table(numbers[:1], none[:1]), "tabular")
    back = written(source, tmp_path_factory.mktemp("w"))
    assert back.shape == (1, 1, numbers.shape[1], 1)
    rows = back.train.source.table()
    assert np.array_equal(rows.numbers, numbers, equal_nan=True)
    assert rows.number_names == tuple(f"n{i}" for i in range(numbers.shape[1]))
    assert np.array_equal(back.test.source.table().numbers, numbers[:1], equal_nan=True)


def test_string_columns_become_codes_with_their_values_beside(tmp_path: Path) -> None:
    train = table(np.array([[1.0], [2], [1e300]]), np.array([["red", "x"], ["", "y"], ["blue", "x"]]))
    test = table(np.array([[4.0]]), np.array([["green", ""]]))
    back = written(dataset(train, test, "tabular"), tmp_path)
    rows = back.train.source.table()
    assert np.array_equal(rows.numbers, [[1, 1, 0], [2, np.nan, 1], [np.inf, 0, 0]], equal_nan=True)
    assert rows.number_names == ("n0", "s0", "s1")
    # A value that training does not have is the next code: the test rows add nothing to the list.
    assert np.array_equal(back.test.source.table().numbers, [[4, 2, np.nan]], equal_nan=True)
    categories = json.loads((tmp_path / "my.set [1]" / "my.set [1]_categories.json").read_text())
    assert categories == {"s0": ["blue", "red"], "s1": ["x", "y"]}


def test_columns_of_the_same_name_stay_apart(tmp_path: Path) -> None:
    strings = np.array([["u"]], object)
    rows = Table(np.array([[1.0, 2.0]]), ("a", "a"), strings, ("a",))
    back = written(dataset(Memory([], rows), Memory([], rows), "tabular"), tmp_path)
    assert back.train.source.table().number_names == ("a", "a_2", "a_3")


def test_sparse_tables(tmp_path: Path) -> None:
    csr = Csr(np.array([0, 2, 2]), np.array([1, 4]), np.array([0.5, -2], np.float32), 5)
    rows = Table(np.zeros((2, 0)), (), np.array([["u"], ["v"]], object), ("s",), csr)
    back = written(dataset(Memory([], rows), Memory([], rows), "tabular"), tmp_path)
    assert back.train.source.table().numbers.tolist() == [[0, 0.5, 0, 0, -2, 0], [0, 0, 0, 0, 0, 1]]
    assert isinstance(back.train.source.example(0), Sparse)


@quick
@given(
    st.lists(hnp.arrays(np.float32, st.integers(0, 50), elements=st.floats(-1, 1, width=32)), min_size=1, max_size=4)
)
def test_sounds(tmp_path_factory: pytest.TempPathFactory, waves: list[np.ndarray]) -> None:
    examples = [Dense(wave.reshape(-1, 1, 1, 1)) for wave in waves]
    back = written(dataset(Memory(examples), Memory(examples), "speech"), tmp_path_factory.mktemp("w"))
    assert back.shape == (-1, 1, 1, 1)
    assert not back.vocabulary
    for array, wave in zip(arrays_of(back.train), waves, strict=True):
        assert np.array_equal(array.ravel(), wave)


def test_sound_files_become_16_bit_samples_at_16_khz(tmp_path: Path) -> None:
    import soundfile

    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    soundfile.write(tmp_path / "a.wav", wave, 8000)
    soundfile.write(tmp_path / "b.wav", np.full(1600, 0.25), 16000)
    files = Memory([MediaFile(tmp_path / "a.wav"), MediaFile(tmp_path / "b.wav")])
    first, second = arrays_of(written(dataset(files, files, "speech"), tmp_path / "out").train)
    assert first.shape == (16000, 1, 1, 1)
    assert np.abs(first).max() == pytest.approx(16384, rel=0.05)
    assert second.ravel().tolist() == [8192] * 1600


@quick
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4), st.data())
def test_pictures_keep_their_bytes(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, int]], data: st.DataObject
) -> None:
    kinds = data.draw(st.lists(st.sampled_from(["PNG", "JPEG", "BMP"]), min_size=len(sizes), max_size=len(sizes)))
    blobs = [png(noise(*size), kind) for size, kind in zip(sizes, kinds, strict=True)]
    pictures = Memory([Encoded((blob,)) for blob in blobs])
    back = written(dataset(pictures, pictures, "image"), tmp_path_factory.mktemp("w"))
    assert [back.train.source.example(i) for i in range(len(blobs))] == pictures.examples
    rows, columns = {height for height, _ in sizes}, {width for _, width in sizes}
    expected = (rows.pop() if len(rows) == 1 else -1, columns.pop() if len(columns) == 1 else -1)
    assert back.shape == (1, *expected, 3)


def test_other_picture_formats_and_files_are_written_as_png(tmp_path: Path) -> None:
    pixels = np.full((4, 5, 3), (255, 0, 0), np.uint8)
    (tmp_path / "picture.jpg").write_bytes(png(pixels, "GIF"))
    (tmp_path / "same.png").write_bytes(png(pixels))
    files = Memory([MediaFile(tmp_path / "picture.jpg"), MediaFile(tmp_path / "same.png")])
    back = written(dataset(files, files, "image", (1, 4, 5, 3)), tmp_path / "out")
    for i in range(2):
        example = back.train.source.example(i)
        assert isinstance(example, Encoded)
        assert example.frames[0].startswith(b"\x89PNG")
        assert np.array_equal(decode_frame(example.frames[0], 3), pixels)
    assert back.train.source.example(1) == Encoded(((tmp_path / "same.png").read_bytes(),))


@pytest.mark.parametrize(("lengths", "time"), [((3, 3), 3), ((3, 2), -1), ((1, 1), -1)])
def test_clips(tmp_path: Path, lengths: tuple[int, ...], time: int) -> None:
    clips = Memory([Encoded(tuple(png(noise(4, 6, seed)) for seed in range(n))) for n in lengths])
    back = written(dataset(clips, clips, "video"), tmp_path)
    assert back.shape == (time, 4, 6, 3)
    assert [back.train.source.example(i) for i in range(len(lengths))] == clips.examples


def test_video_files_become_one_jpeg_a_frame(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((24, 32, 3), 60 * i, np.uint8)) for i in range(4)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    files = Memory([MediaFile(tmp_path / "a.gif")])
    back = written(dataset(files, files, "video"), tmp_path / "out")
    example = back.train.source.example(0)
    assert isinstance(example, Encoded)
    levels = [int(decode_frame(frame, 1).mean().round()) for frame in example.frames]
    assert np.allclose(levels, [0, 60, 120, 180], atol=3)


def test_records_are_written_as_they_were_read(tmp_path: Path) -> None:
    texts = Memory([Text("a b"), Text("b c d")])
    first = written(dataset(texts, texts, "text"), tmp_path / "one")
    second = written(first, tmp_path / "two")
    assert second.shape == first.shape
    assert dict(second.vocabulary) == dict(first.vocabulary)
    for one, two in zip(arrays_of(first.train), arrays_of(second.train), strict=True):
        assert np.array_equal(one, two)
    files = [
        sorted(path.relative_to(tmp_path / part) for path in (tmp_path / part).rglob("*")) for part in ("one", "two")
    ]
    assert files[0] == files[1]


def test_soft_labels_and_truth(tmp_path: Path) -> None:
    truth = np.array([[0, 1, 0.5]], np.float32)
    source = dataset(Memory([Text("a"), Text("b")]), Memory([Text("c")]), "text", truth=lambda: truth)
    source.train.labels[:] = [[0.25, 0, 1], [0, 0, 0]]
    back = written(source, tmp_path)
    found = back.truth()
    assert found is not None
    assert np.array_equal(found, truth)
    assert not back.test.labels.any()


def test_examples_that_cannot_be_read(tmp_path: Path) -> None:
    good = Encoded((png(noise(3, 3)),))
    source = dataset(Memory([good, None, good]), Memory([None, good]), "image")
    back = read_autodl(write_dataset(source, tmp_path))
    assert [(problem.where, problem.reason) for problem in source.problems] == [
        ("row 1", "broken"),
        ("row 0", "broken"),
    ]
    assert np.array_equal(back.train.labels, source.train.labels[[0, 2]])
    assert len(back.test) == 2
    assert back.test.source.example(1) == good
    with pytest.raises(Unreadable):
        back.test.source.example(0)


def test_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    uneven = Memory([Dense(np.zeros((1, 1, n, 1), np.float32)) for n in (2, 3)])
    with pytest.raises(DataError, match=r"of the size \(1, 2, 1\).* found \(1, 3, 1\)"):
        write_dataset(dataset(uneven, uneven, None), tmp_path)
    mixed = Memory([Encoded((png(noise(2, 2)),)), Dense(np.zeros((1, 2, 2, 3), np.float32))])
    with pytest.raises(DataError, match="COMPRESSED records, found a DENSE one"):
        write_dataset(dataset(mixed, mixed, "image"), tmp_path)
    with pytest.raises(DataError, match="found a text in a data set whose domain is not text"):
        write_dataset(dataset(Memory([Text("a")]), Memory([]), "image"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_existing_folders_and_impossible_names_are_refused(tmp_path: Path) -> None:
    source = dataset(Memory([Text("a")]), Memory([Text("b")]), "text")
    write_dataset(source, tmp_path, "x")
    with pytest.raises(DataError, match="x: expected no such folder yet"):
        write_dataset(source, tmp_path, "x")
    for name in ("", "..", "a/b"):
        with pytest.raises(DataError, match="expected a data set name"):
            write_dataset(source, tmp_path, name)


def test_description(tmp_path: Path) -> None:
    rows = table(np.ones((2, 3)), np.empty((2, 0)))
    root = write_dataset(dataset(rows, rows, "tabular"), tmp_path)
    metadata = read_metadata(root / "my.set [1].data" / "test")
    assert (metadata.sample_count, metadata.output_dim, metadata.is_sequence) == (2, 3, False)
    assert metadata.matrix_specs[0].has_locality_col is False
    assert (root / "my.set [1]_label.name").read_text(encoding="utf-8") == '001\né "x"\nTrue\n'
