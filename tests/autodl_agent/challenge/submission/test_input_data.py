"""What a submission is handed: streams kept small, and files that are used only where they surely are the stream."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodl_agent.challenge.api.metadata import AutoDLMetadata
from autodl_agent.challenge.submission import input_data
from autodl_agent.challenge.submission.input_data import (
    PackedSource,
    _packed,
    agrees,
    files_behind,
    read_descriptions,
    read_stream,
    sibling_dataset,
    stream_dataset,
)
from autodl_agent.learners.testing.contract import memory_dataset
from data_format.autodl.reader import read_autodl
from data_format.autodl.writer import write_dataset
from data_format.dataset import Source
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Example, Table, Text

RNG = np.random.default_rng(0)
LEVELS = (RNG.integers(0, 256, (1, 4, 5, 3)) / 255).astype(np.float32)


@pytest.mark.parametrize(
    ("array", "kept_as"),
    [
        (LEVELS, np.uint8),
        (LEVELS * 0, np.uint8),
        (LEVELS * 0.9, np.float32),
        (LEVELS * 2, np.float32),
        (-LEVELS, np.float32),
        (LEVELS[:, :1], np.float32),
        (LEVELS[:, :, :1], np.float32),
        (LEVELS[0], np.float32),
        (LEVELS[:0], np.float32),
    ],
)
def test_pictures_are_kept_as_bytes_and_come_back(array: np.ndarray, kept_as: type) -> None:
    packed = _packed(array)
    assert packed.dtype == kept_as
    assert np.allclose(PackedSource([packed]).example(0).array, array, atol=1e-6)  # type: ignore[union-attr]


def test_rows_of_a_stream_are_a_table() -> None:
    table = PackedSource([np.array([[[[1.0], [2.0]]]]), np.array([[[[3.0], [np.nan]]]])]).table()
    assert table.number_names == ("f0", "f1")
    assert np.array_equal(table.numbers, [[1, 2], [3, np.nan]], equal_nan=True)
    assert len(PackedSource([]).table()) == 0
    with pytest.raises(DataError, match=r"rows of one length expected, found lengths \[1, 2\]"):
        PackedSource([np.zeros(1), np.zeros(2)]).table()


@given(st.integers(0, 5), st.integers(1, 4))
def test_a_stream_is_read_in_its_order(n: int, classes: int) -> None:
    pairs = [(np.full((1, 1, 2, 1), i), np.eye(classes)[i % classes]) for i in range(n)]
    source, labels = read_stream(iter(pairs))
    assert [source.example(i).array[0, 0, 0, 0] for i in range(len(source))] == list(range(n))  # type: ignore[union-attr]
    assert labels.shape == ((n, classes) if n else (0, 0)) and labels.dtype == np.float32


def described(path: str = "somewhere/my.set.data/train", shape: tuple[int, ...] = (-1, 1, 1, 1)) -> Any:
    return SimpleNamespace(
        get_dataset_name=lambda: path,
        get_output_size=lambda: 3,
        get_tensor_shape=lambda: shape,
        get_label_to_index_map=lambda: {"b": 1},
        get_channel_to_index_map=lambda: {"word": 7},
    )


def test_a_stream_is_described_by_the_metadata() -> None:
    train = PackedSource([np.zeros((2, 1, 1, 1))] * 2), np.array([[2, -1, 0.5], [0, 1, 0]], np.float32)
    dataset = stream_dataset(described(), train, PackedSource([np.zeros((1, 1, 1, 1))]))
    assert (dataset.name, dataset.class_names) == ("my.set", ("0", "b", "2"))
    assert dataset.train.labels.tolist() == [[1, 0, 0.5], [0, 1, 0]]
    assert dataset.test.labels.shape == (1, 3) and not dataset.test.labels.any()
    assert dataset.vocabulary == {7: "word"}


def test_only_sequences_have_a_vocabulary() -> None:
    none = PackedSource([])
    dataset = stream_dataset(described(shape=(1, 1, 4, 1)), (none, np.zeros((0, 3), np.float32)), none)
    assert dataset.vocabulary == {}


@pytest.mark.parametrize(
    ("x", "domain", "kind"),
    [(["a b", "c"], "text", Text), ([np.arange(5), np.arange(3)], "speech", Dense)],
)
def test_lists_of_the_sibling_challenges(x: list, domain: str, kind: type) -> None:
    dataset = sibling_dataset({"class_num": 2}, (x, [[1, 0], [0, 3]]), x[:1])
    assert dataset.domain is not None and dataset.domain[0] == domain
    assert dataset.class_names == ("0", "1")
    assert dataset.train.labels.tolist() == [[1, 0], [0, 1]]
    assert isinstance(dataset.test.source.example(0), kind)
    assert sibling_dataset({}, (x, [[1, 0, 0]] * 2), []).class_names == ("0", "1", "2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NAME.data of a small table."""
    dataset, _ = memory_dataset("tabular", 6, 3)
    written = write_dataset(dataset, tmp_path_factory.mktemp("written") / "set")
    return next(written.glob("*.data"))


def test_the_files_behind_a_stream_are_found(folder: Path) -> None:
    found = files_behind(AutoDLMetadata(folder / "train"))
    assert found is not None and len(found.train) == 6 and len(found.test) == 3
    read_descriptions(AutoDLMetadata(folder / "train"))


@pytest.mark.parametrize("path", ["nowhere/set.data/train", "", "train", "/"])
def test_files_that_are_not_there_are_no_error(path: str) -> None:
    assert files_behind(described(path)) is None
    read_descriptions(described(path))


def stream_of(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    split = read_autodl(folder).train
    return [(split.source.example(i).array.copy(), split.labels[i].copy()) for i in range(len(split))]  # type: ignore[union-attr]


def agree(folder: Path, pairs: Any) -> bool:
    return agrees(read_autodl(folder).train, pairs, folder / "train" / "metadata.textproto")


def test_the_stream_of_the_files_agrees(folder: Path) -> None:
    pairs = stream_of(folder)
    assert agree(folder, pairs)
    assert agree(folder, [(example + 1e-3, labels) for example, labels in pairs])
    assert agree(folder, pairs[:1])


@pytest.mark.parametrize(
    "change",
    [
        lambda pairs: pairs[::-1],
        lambda pairs: [],
        lambda pairs: [(example + 9, labels) for example, labels in pairs],
        lambda pairs: [(example, labels[::-1] * 0.5) for example, labels in pairs],
        lambda pairs: [(example[:, :, 1:], labels) for example, labels in pairs],
        # The code of the second row's word is 0, which a missing value must not be taken for.
        lambda pairs: [(np.where(example == 0, np.nan, example), labels) for example, labels in pairs],
    ],
)  # fmt: skip
def test_another_stream_does_not(folder: Path, change: Any) -> None:
    assert not agree(folder, change(stream_of(folder)))


def test_a_stream_that_is_longer_than_the_files_does_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_data, "COMPARED", 99)
    pairs = stream_of(folder)
    assert agree(folder, pairs)
    assert not agree(folder, [*pairs, pairs[0]])


def test_a_text_without_words_is_compared_too(tmp_path: Path) -> None:
    dataset, _ = memory_dataset("text", 6, 3)
    dataset.train.source.examples[0] = Text("")  # type: ignore[attr-defined]
    folder = next(write_dataset(dataset, tmp_path / "set").glob("*.data"))
    pairs = stream_of(folder)
    assert pairs[0][0].shape[0] == 0
    assert agree(folder, pairs)
    assert not agree(folder, [pairs[0], *pairs[2:]])


class Unreadables(Source):
    """A source of which some examples cannot be read."""

    def __init__(self, source: Source, bad: set[int]) -> None:
        self.source, self.bad = source, bad

    def __len__(self) -> int:
        return len(self.source)

    def example(self, index: int) -> Example:
        if index in self.bad:
            raise Unreadable("broken")
        return self.source.example(index)

    def table(self) -> Table:
        return self.source.table()


def stream(pairs: Sequence[Any], bad: set[int]) -> Iterator[Any]:
    """The pairs, as tf.data gives them: an error in the place of some."""

    def pair(index: int) -> Any:
        if index in bad:
            raise RuntimeError(f"record {index}")
        return pairs[index]

    return map(pair, range(len(pairs)))


@pytest.mark.parametrize("ours", [set(), {0}, {1}, {0, 1, 2}])
@pytest.mark.parametrize("theirs", [set(), {0}, {2, 3}])
def test_what_one_side_cannot_read_is_passed_over(folder: Path, ours: set[int], theirs: set[int]) -> None:
    split, pairs = read_autodl(folder).train, stream_of(folder)
    split = replace(split, source=Unreadables(split.source, ours))
    file = folder / "train" / "metadata.textproto"
    assert agrees(split, stream(pairs, theirs), file)
    assert not agrees(split, stream(pairs[::-1], theirs), file)


def test_files_that_cannot_be_read_at_all_do_not_agree_and_such_a_stream_is_no_objection(folder: Path) -> None:
    split, pairs = read_autodl(folder).train, stream_of(folder)
    file, everything = folder / "train" / "metadata.textproto", set(range(6))
    assert not agrees(replace(split, source=Unreadables(split.source, everything)), pairs, file)
    assert agrees(split, stream(pairs, everything), file)


@pytest.mark.parametrize("bad", [{0}, {2, 3}, {5}])
def test_bad_records_of_a_stream_are_left_out_or_keep_their_places(bad: set[int]) -> None:
    pairs = [(np.full((1, 1, 2, 1), k, np.float32), np.eye(3)[k % 3]) for k in range(6)]
    good = [k for k in range(6) if k not in bad]
    source, labels = read_stream(stream(pairs, bad))
    assert [int(source.example(i).array[0, 0, 0, 0]) for i in range(len(source))] == good  # type: ignore[union-attr]
    assert labels.argmax(1).tolist() == [k % 3 for k in good]
    every, labels = read_stream(stream(pairs, bad), every_row=True)
    assert len(every) == len(labels) == 6
    numbers = every.table().numbers[:, 0]
    assert [k for k in range(6) if np.isnan(numbers[k])] == sorted(bad)
    for k in bad:
        assert not labels[k].any()
        with pytest.raises(Unreadable):
            every.example(k)


@pytest.mark.parametrize("bad", [lambda: stream([0] * 9, set(range(9))), lambda: [(1,), (2,)], lambda: repeat_error()])
def test_a_stream_of_which_nothing_can_be_read_is_an_error(bad: Any) -> None:
    with pytest.raises((RuntimeError, ValueError)):
        read_stream(bad())


def repeat_error() -> Iterator[Any]:
    """One that stands still at a bad record, as a reader may."""

    def fail(_: int) -> Any:
        raise RuntimeError("the same record again")

    return map(fail, count())


def test_a_sound_that_is_no_numbers_is_silent() -> None:
    dataset = sibling_dataset({"class_num": 2}, ([np.ones(4), [1, [2]]], [[1, 0], [0, 1]]), [None, np.ones(3)])
    assert [dataset.train.source.example(i).array.size for i in range(2)] == [4, 0]  # type: ignore[union-attr]
    assert len(dataset.test) == 2


def test_more_shards_than_are_compared_leave_the_order_open(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(folder, tmp_path / folder.name))
    for number in range(3):
        (copy / "train" / f"sample-more{number}").touch()
    assert not agrees(read_autodl(folder).train, stream_of(folder), copy / "train" / "metadata.textproto")
