"""What a submission is handed, as a Dataset: the files behind it where they are certain, else the stream, read once.

The challenge hands over a tf.data object of (example, labels) pairs in an order that only the object knows. The files
that it stands for are read directly when they lie where the metadata says and its first examples agree with ours.
"""

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset, DomainName, Source, Split
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Example, Table, Text
from data_format.memory_source import MemorySource

log = logging.getLogger(__name__)
Pairs = Iterable[Any]  # a tf.data.Dataset in eager mode, or any iterable of (example, labels)
COMPARED = 3  # first examples that must agree; up to 3 shards all show their first record among them
LOOKED_AT = 12  # examples among which so many are looked for where some cannot be read
MOST_BROKEN = 100  # examples in a row, after which a stream counts as broken for good
ENOUGH_VALUES = 2_000_000
CLOSE = 0.02  # mean difference on the 0..1 scale that two JPEG decoders may have


class AutoDLMetadata(Protocol):
    """The part of the official metadata object that is used here."""

    def get_dataset_name(self) -> str:
        """Path of the train folder."""

    def get_output_size(self) -> int:
        """Number of classes."""

    def get_tensor_shape(self, bundle_index: int = 0) -> tuple[int, int, int, int]:
        """(time, rows, columns, channels), -1 where it varies."""

    def get_label_to_index_map(self) -> Mapping[str, int]:
        """Class name -> column."""

    def get_channel_to_index_map(self) -> Mapping[str, int]:
        """Token -> integer; empty but for texts."""


class PackedSource(Source):
    """Tensors from a stream; pictures (multiples of 1/255) are kept as bytes, a quarter of the memory.

    arrays: None for each example that could not be read.
    """

    def __init__(self, arrays: Sequence[NDArray[Any] | None]) -> None:
        self._arrays = arrays

    def __len__(self) -> int:
        return len(self._arrays)

    def example(self, index: int) -> Example:
        """A dense float32 (time, rows, columns, channels) example. Raises Unreadable for one that could not be read."""
        array = self._arrays[index]
        if array is None:
            raise Unreadable("unreadable in the stream")
        return Dense(np.asarray(array / np.float32(255) if array.dtype == np.uint8 else array, np.float32))

    def table(self) -> Table:
        """One row an example, without values where it could not be read. Raises DataError for rows of two lengths."""
        sizes = {array.size for array in self._arrays if array is not None}
        if len(sizes) > 1:
            raise DataError(f"rows of one length expected, found lengths {sorted(sizes)[:5]}")
        width = sizes.pop() if sizes else 0
        empty = np.full(width, np.nan, np.float32)
        rows = [empty if array is None else array.ravel() for array in self._arrays]
        numbers = np.stack(rows) if rows else np.zeros((0, width))
        names = tuple(f"f{i}" for i in range(width))
        return Table(numbers, names, np.empty((len(numbers), 0), object), ())


def files_behind(metadata: AutoDLMetadata) -> Dataset | None:
    """The data set whose train folder the metadata names, with its test folder; None where they cannot be read."""
    from data_format.autodl.reader import read_autodl

    try:
        folder = Path(metadata.get_dataset_name())
        if folder.name != "train" or not (folder.parent / "test").is_dir():
            return None
        return read_autodl(folder.parent)
    except (DataError, OSError, TypeError, ValueError) as error:
        log.info("files behind the data set are not used: %s", error)
        return None


def read_descriptions(metadata: AutoDLMetadata) -> None:
    """Read the descriptions of both subsets, where they lie on this machine, so that later readers have them at once.

    They may name 100,000s of tokens; no example is looked at.
    """
    from data_format.autodl.metadata import read_metadata

    for subset in ("train", "test"):
        with suppress(DataError, OSError, TypeError, ValueError):
            read_metadata(Path(metadata.get_dataset_name()).parent / subset)


def agrees(split: Split, pairs: Pairs, metadata_file: Path) -> bool:
    """Whether the stream surely has the order of our reader: at most COMPARED shards, first examples alike.

    Examples that one side cannot read are passed over; a stream that gives none at all says nothing against the files.
    """
    from data_format.autodl.metadata import read_metadata
    from data_format.autodl.tensors import tensor

    shards = sum(entry.name.startswith("sample") for entry in metadata_file.parent.iterdir())
    if shards > COMPARED:
        return False
    description = read_metadata(metadata_file)
    compared = values = broken = 0
    for index, pair in enumerate(islice(each(_unhurried(pairs)), LOOKED_AT)):
        if isinstance(pair, Exception):
            broken += 1
            continue
        if index >= len(split):
            return False
        try:
            ours = tensor(split.source.example(index), description)
        except Unreadable:
            continue
        theirs = np.asarray(pair[0], np.float32)
        if not (_alike(ours, theirs) and _same_labels(split.labels[index], pair[1])):
            return False
        compared, values = compared + 1, values + theirs.size
        # A long clip takes both decoders a while.
        if compared == COMPARED or (shards == 1 and values > ENOUGH_VALUES):
            break
    return values > 0 or (broken > 0 and not compared)


def _alike(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> bool:
    if theirs.shape != ours.shape or not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return False
    scale = max(1.0, float(np.nanmax(np.abs(ours), initial=1.0)))
    apart = np.abs(np.nan_to_num(ours) - np.nan_to_num(theirs))
    return not apart.size or float(apart.mean()) <= CLOSE * scale  # an empty text has no values


def _same_labels(ours: NDArray[np.float32], theirs: Any) -> bool:
    return not ours.any() or np.allclose(ours, np.asarray(theirs), atol=1e-4)


def each(pairs: Pairs) -> Iterator[Any]:
    """The pairs of a stream; in the place of one that cannot be read its error, where the stream goes on after it."""
    iterator, broken = iter(pairs), 0
    while True:
        try:
            pair = next(iterator)
        except StopIteration:
            return
        except Exception as error:
            broken += 1
            if broken > MOST_BROKEN:
                raise
            yield error
        else:
            broken = 0
            yield pair


def _unhurried(pairs: Pairs) -> Pairs:
    """The same tf.data object on one thread: else it decodes several clips before it gives the first one."""
    if not hasattr(pairs, "with_options") or (tf := sys.modules.get("tensorflow")) is None:
        return pairs
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    one_by_one: Pairs = pairs.with_options(options)
    return one_by_one


def read_stream(pairs: Pairs, every_row: bool = False) -> tuple[PackedSource, NDArray[np.float32]]:
    """Read a stream of (example, labels) once: the examples in order, and the labels (n, classes).

    What cannot be read is left out, or keeps its place without labels: every_row. Raises the last error of a stream of
    which nothing can be read.
    """
    arrays: list[NDArray[Any] | None] = []
    labels: list[NDArray[np.float32] | None] = []
    failed: Exception | None = None
    for pair in each(pairs):
        try:
            example, label = _checked(pair)
        except Exception as error:
            if failed is None:
                log.warning("an example of the stream cannot be read: %s: %s", type(error).__name__, error)
            failed = error
            arrays += [None] * every_row
            labels += [None] * every_row
        else:
            arrays.append(example)
            labels.append(label)
    known = [label for label in labels if label is not None]
    if failed is not None and not known:
        raise failed
    nothing = np.zeros_like(known[0]) if known else np.zeros(0, np.float32)
    stacked = [nothing if label is None else label for label in labels]
    return PackedSource(arrays), np.stack(stacked) if stacked else np.zeros((0, 0), np.float32)


def _checked(pair: Any) -> tuple[NDArray[Any], NDArray[np.float32]]:
    if isinstance(pair, Exception):
        raise pair
    example, label = pair
    return _packed(np.asarray(example)), np.asarray(label, np.float32)


def stream_dataset(
    metadata: AutoDLMetadata, train: tuple[PackedSource, NDArray[np.float32]], test: PackedSource
) -> Dataset:
    """A Dataset of two streams, described by the official metadata object."""
    classes = int(metadata.get_output_size())
    names = {index: name for name, index in dict(metadata.get_label_to_index_map()).items()}
    shape = tuple(int(side) for side in metadata.get_tensor_shape())
    vocabulary = {int(index): str(token) for token, index in dict(metadata.get_channel_to_index_map()).items()}
    return Dataset(
        name=Path(metadata.get_dataset_name()).parent.name.removesuffix(".data") or "stream",
        path=Path(metadata.get_dataset_name()),
        class_names=tuple(names.get(c, str(c)) for c in range(classes)),
        shape=(shape[0], shape[1], shape[2], shape[3]),
        train=_split(train[0], train[1].clip(0, 1)),
        test=_split(test, np.zeros((len(test), classes), np.float32)),
        vocabulary=vocabulary if shape[0] != 1 else {},
    )


def sibling_dataset(metadata: Mapping[str, Any], train: tuple[Iterable[Any], Any], test: Iterable[Any]) -> Dataset:
    """A Dataset of the AutoNLP API (lists of lines) or of the AutoSpeech API (lists of 1-D arrays at 16 kHz)."""
    x, y = list(train[0]), np.asarray(train[1], np.float32)
    x_test = list(test)
    domain: DomainName = "text" if isinstance(next(iter(x), ""), str) else "speech"
    classes = int(metadata.get("class_num", y.shape[1]))
    return Dataset(
        name="sibling",
        path=Path("sibling"),
        class_names=tuple(str(c) for c in range(classes)),
        shape=(-1, 1, 1, 1),
        train=_split(MemorySource([_sibling_example(v) for v in x]), y.clip(0, 1)),
        test=_split(MemorySource([_sibling_example(v) for v in x_test]), np.zeros((len(x_test), classes), np.float32)),
        domain=(domain, "the sibling challenge's programs hand over lists of them"),
    )


def _sibling_example(value: Any) -> Example:
    if isinstance(value, str):
        return Text(value)
    try:
        return Dense(np.asarray(value, np.float32).reshape(-1, 1, 1, 1))
    except (TypeError, ValueError):  # no numbers: the row stays, and is silent
        return Dense(np.zeros((0, 1, 1, 1), np.float32))


def _split(source: Source, labels: NDArray[np.float32]) -> Split:
    return Split([str(i) for i in range(len(source))], labels, source)


def _packed(array: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(array, np.float32)
    if array.ndim == 4 and array.shape[1] > 1 and array.shape[2] > 1 and array.size:
        levels = array * 255
        rounded = np.rint(levels)
        if levels.min() >= 0 and levels.max() <= 255 and np.abs(levels - rounded).max() < 1e-2:
            return np.asarray(rounded, np.uint8)
    return array
