"""Data as AutoNLP and AutoSpeech hand it to a submission: a dict, lists of texts or waves, a matrix of labels.

Read from their own layout (`meta.json`, `train.data` or `train.pkl`, `train.solution`), or from AutoDL records.
A `.pkl` is read by an unpickler that can build lists of numpy arrays and nothing else.
"""

import pickle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autodl_agent.challenge.api.task_folder import TaskFolder, read_meta
from data_format.autodl.reader import read_autodl
from data_format.dataset import Source
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Sparse
from data_format.predictions import read_prediction

SAMPLE_RATE = 16_000
# All that numpy's own pickles of plain arrays refer to, in numpy 1 and 2 and under Python 2.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
_MAX_PICKLE_BYTES = 1 << 34


class SiblingData(NamedTuple):
    """metadata: the dict that the model's constructor gets. x: texts (newline kept) or 1-D float arrays.

    y: (train rows, classes) float64.
    """

    metadata: dict[str, Any]
    x_train: list[Any]
    y_train: NDArray[np.float64]
    x_test: list[Any]


def load_sibling(task: TaskFolder, time_budget: float) -> SiblingData:
    """Read a task for the AutoNLP or AutoSpeech API. Raises DataError naming the file that does not fit."""
    return _from_raw(task, time_budget) if task.raw else _from_records(task, time_budget)


def read_waves(file: Path) -> list[NDArray[Any]]:
    """1-D arrays from a pickled list of numpy arrays, or from the arrays arr_0, arr_1, … of an .npz file.

    Raises DataError naming the file when it holds anything else.
    """
    try:
        if file.stat().st_size > _MAX_PICKLE_BYTES:
            raise DataError(f"{file}: expected at most {_MAX_PICKLE_BYTES} bytes, found {file.stat().st_size}")
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as stored:
                waves: Any = [stored[f"arr_{k}"] for k in range(len(stored.files))]
        else:
            with file.open("rb") as stream:
                waves = _ArraysOnly(stream).load()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error})") from None
    except DataError:
        raise
    # A pickle is a program: a damaged one can fail in any way.
    except Exception as error:
        raise DataError(f"{file}: expected a list of arrays of samples ({type(error).__name__}: {error})") from None
    if not isinstance(waves, list | tuple):
        raise DataError(f"{file}: expected a list of arrays of samples, found {type(waves).__name__}")
    return [_wave(wave, f"{file}, entry {k}") for k, wave in enumerate(waves)]


class _ArraysOnly(pickle.Unpickler):
    """Builds lists, numbers and numpy arrays; every other class or function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """The few names that numpy's arrays need. Raises DataError for all others."""
        if (module, name) == ("_codecs", "encode"):  # bytes before protocol 3: encode(text, "latin1"), or bytes()
            return _latin1
        if name == "bytes" and module in ("builtins", "__builtin__"):
            return _no_bytes
        if (module, name) not in _ALLOWED:
            raise DataError(f"a pickle with arrays only expected, found {module}.{name}")
        # The old name still exists in numpy 2, but warns.
        new = "numpy._core" if hasattr(np, "_core") else "numpy.core"
        return super().find_class(module.replace("numpy.core", new).replace("numpy._core", new), name)


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    return text.encode(encoding if encoding in ("latin1", "utf-8") else "latin1")


def _no_bytes() -> bytes:
    return b""


def _wave(value: Any, where: str) -> NDArray[Any]:
    array = np.asarray(value) if isinstance(value, list | tuple) else value
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise DataError(f"{where}: expected an array of numbers, found {type(value).__name__}")
    return array.reshape(-1)


def _from_raw(task: TaskFolder, time_budget: float) -> SiblingData:
    meta = {**read_meta(task.folder), "time_budget": _whole(time_budget)}
    x_train, x_test = _raw_split(task, "train"), _raw_split(task, "test")
    solution = task.folder / "train.solution"
    y_train = read_prediction(solution)
    wanted = (len(x_train), task.n_classes)
    if y_train.shape != wanted:
        raise DataError(f"{solution}: expected {wanted[0]} rows x {wanted[1]} classes, found {y_train.shape}")
    if len(x_test) != task.n_test:
        raise DataError(f"{task.folder}: expected {task.n_test} test rows as in meta.json, found {len(x_test)}")
    return SiblingData(meta, x_train, y_train, x_test)


def _raw_split(task: TaskFolder, subset: str) -> list[Any]:
    if task.api == "autonlp":
        file = task.folder / f"{subset}.data"
        try:
            # Only a line feed ends a line here: other signs that Python splits at belong to the text.
            with file.open(encoding="utf-8-sig", errors="replace", newline="\n") as lines:
                return list(lines)
        except OSError as error:
            raise DataError(f"{file}: cannot be read ({error.strerror or error})") from None
    pickled = task.folder / f"{subset}.pkl"
    return read_waves(pickled if pickled.is_file() else pickled.with_suffix(".npz"))


def _from_records(task: TaskFolder, time_budget: float) -> SiblingData:
    dataset = read_autodl(task.folder)
    meta: dict[str, Any] = {
        "class_num": task.n_classes,
        "train_num": len(dataset.train),
        "test_num": task.n_test,
        "time_budget": _whole(time_budget),
    }
    if task.api == "autonlp":
        if not dataset.vocabulary:
            raise DataError(f"{task.folder}: expected texts (a channel_to_index_map) for the API autonlp, found none")
        chinese = all(len(dataset.vocabulary[index]) == 1 for index in sorted(dataset.vocabulary)[:101])
        meta["language"] = "ZH" if chinese else "EN"
        between = "" if chinese else " "
        parts = [_texts(split.source, dataset.vocabulary, between) for split in (dataset.train, dataset.test)]
    else:
        meta |= {"file_format": "wav", "sample_rate": SAMPLE_RATE}
        parts = [_waves(split.source) for split in (dataset.train, dataset.test)]
    return SiblingData(meta, parts[0], dataset.train.labels.astype(np.float64), parts[1])


def _texts(source: Source, vocabulary: Any, between: str) -> list[Any]:
    return [
        between.join(vocabulary.get(index, "") for index in _series(source, row).astype(np.int64).tolist()) + "\n"
        for row in range(len(source))
    ]


def _waves(source: Source) -> list[Any]:
    return [_series(source, row) for row in range(len(source))]


def _series(source: Source, row: int) -> NDArray[np.float32]:
    """All values of an example in one line; a single zero for one that cannot be read."""
    try:
        example = source.example(row)
    except Unreadable:
        return np.zeros(1, np.float32)
    if isinstance(example, Sparse):
        return example.channels.astype(np.float32)
    if not isinstance(example, Dense):
        raise DataError(f"expected texts or sounds, found a {type(example).__name__} record")
    return example.array.reshape(-1)


def _whole(seconds: float) -> float:
    return int(seconds) if float(seconds).is_integer() else seconds
