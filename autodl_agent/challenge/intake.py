"""What a submission is handed, as a Dataset: the files behind it where they are certain, else the stream, read once.

The challenge hands over a tf.data object of (example, labels) pairs in an order that only the object knows. The files
that it stands for are read directly when they lie where the metadata says and its first examples agree with ours.
"""

import logging
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset, DomainName, Source, Split
from data_format.errors import DataError
from data_format.examples import Dense, Example, Table, Text
from data_format.memory import MemorySource

log = logging.getLogger(__name__)
Pairs = Iterable[Any]  # a tf.data.Dataset in eager mode, or any iterable of (example, labels)
COMPARED = 3  # first examples that must agree; up to 3 shards all show their first record among them
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
    """Tensors from a stream; pictures (multiples of 1/255) are kept as bytes, a quarter of the memory."""

    def __init__(self, arrays: list[NDArray[Any]]) -> None:
        self._arrays = arrays

    def __len__(self) -> int:
        return len(self._arrays)

    def example(self, index: int) -> Example:
        """A dense float32 (time, rows, columns, channels) example."""
        array = self._arrays[index]
        return Dense(np.asarray(array / np.float32(255) if array.dtype == np.uint8 else array, np.float32))

    def table(self) -> Table:
        """One row an example. Raises DataError when they have not the same number of values."""
        sizes = {array.size for array in self._arrays}
        if len(sizes) > 1:
            raise DataError(f"rows of one length expected, found lengths {sorted(sizes)[:5]}")
        width = sizes.pop() if sizes else 0
        numbers = np.stack([array.ravel() for array in self._arrays]) if self._arrays else np.zeros((0, width))
        names = tuple(f"f{i}" for i in range(width))
        return Table(numbers, names, np.empty((len(numbers), 0), object), ())


def files_behind(metadata: AutoDLMetadata) -> Dataset | None:
    """The data set whose train folder the metadata names, with its test folder; None where they cannot be read."""
    from data_format.autodl import read_autodl

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
    from data_format.metadata import read_metadata

    for subset in ("train", "test"):
        with suppress(DataError, OSError, TypeError, ValueError):
            read_metadata(Path(metadata.get_dataset_name()).parent / subset)


def agrees(split: Split, pairs: Pairs, metadata_file: Path) -> bool:
    """Whether the stream surely has the order of our reader: at most COMPARED shards, first examples alike."""
    from data_format.metadata import read_metadata
    from data_format.tensors import tensor

    shards = sum(entry.name.startswith("sample") for entry in metadata_file.parent.iterdir())
    if shards > COMPARED:
        return False
    description = read_metadata(metadata_file)
    compared = 0
    for index, pair in enumerate(islice(iter(_unhurried(pairs)), COMPARED)):
        if index >= len(split):
            return False
        theirs = np.asarray(pair[0], np.float32)
        compared += theirs.size
        ours = tensor(split.source.example(index), description)
        if theirs.shape != ours.shape:
            return False
        scale = max(1.0, float(np.nanmax(np.abs(ours), initial=1.0)))
        if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
            return False
        apart = np.abs(np.nan_to_num(ours) - np.nan_to_num(theirs))
        if apart.size and float(apart.mean()) > CLOSE * scale:  # an empty text has no values
            return False
        if split.labels[index].any() and not np.allclose(split.labels[index], np.asarray(pair[1]), atol=1e-4):
            return False
        if shards == 1 and compared > ENOUGH_VALUES:  # a long clip takes both decoders a while
            return True
    return compared > 0


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


def read_stream(pairs: Pairs) -> tuple[PackedSource, NDArray[np.float32]]:
    """Read a stream of (example, labels) once: the examples in order, and the labels (n, classes)."""
    arrays, labels = [], []
    for example, label in pairs:
        arrays.append(_packed(np.asarray(example)))
        labels.append(np.asarray(label, np.float32))
    return PackedSource(arrays), np.stack(labels) if labels else np.zeros((0, 0), np.float32)


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
    return Dense(np.asarray(value, np.float32).reshape(-1, 1, 1, 1))


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
