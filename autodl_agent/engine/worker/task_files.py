"""The task as files in a folder, written by the coordinator and read by the worker: no second parsing, no pickle.

Texts and tables go as the reader understood them. AutoDL records are opened again where they lie. Other examples are
listed by path; those that exist in memory only are written into one file.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels
from autodl_agent.data.splits import Fold
from autodl_agent.data.task import Domain, Task
from autodl_agent.data.tensor_store import SplitName, TensorStore
from autodl_agent.system.errors import AutoDLError
from data_format.autodl.reader import read_autodl
from data_format.autodl.records import Records
from data_format.dataset import Dataset, Source, Split
from data_format.errors import Unreadable
from data_format.examples import Csr, Dense, Encoded, Example, MediaFile, Table, Text
from data_format.memory_source import MemorySource

SPLITS: tuple[SplitName, SplitName] = ("train", "test")
MOST_BYTES = 2 << 30  # of examples that exist in memory only


def write_handover(folder: Path, store: TensorStore, folds: tuple[Fold, ...], share: Path, memory_bytes: int) -> None:
    """Write everything that the worker needs. share: folder of the arrays that both processes see.

    Raises OSError, and AutoDLError for examples in memory that are too large to be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = store.dataset.train.labels
    rows, columns = np.nonzero(labels)
    np.savez(folder / "labels.npz", rows=rows, columns=columns, values=labels[rows, columns])
    parts = {f"{name}{k}": getattr(fold, name) for k, fold in enumerate(folds) for name in ("train", "held_out")}
    np.savez(folder / "folds.npz", **parts)
    facts: dict[str, Any] = {"task": store.task.facts(), "share": str(share), "memory_bytes": memory_bytes}
    facts["path"] = str(store.dataset.path)
    facts["kinds"] = {split: _write_split(folder, store, split) for split in SPLITS}
    (folder / "task.json").write_text(json.dumps(facts), "utf-8")


def read_handover(folder: Path) -> tuple[Dataset, Task, tuple[Fold, ...], Path, int]:
    """The data set (without names of rows and truth), the task, the folds, the shared folder, bytes for decoded data.

    Raises AutoDLError when the records changed since the coordinator opened them, OSError, DataError.
    """
    facts = json.loads((folder / "task.json").read_text("utf-8"))
    task = Task.from_facts(facts["task"])
    with np.load(folder / "labels.npz", allow_pickle=False) as stored:
        labels = np.zeros((task.n_train, task.n_classes), np.float32)
        labels[stored["rows"], stored["columns"]] = stored["values"]
    with np.load(folder / "folds.npz", allow_pickle=False) as stored:
        folds = tuple(Fold(stored[f"train{k}"], stored[f"held_out{k}"]) for k in range(len(stored.files) // 2))
    records = read_autodl(Path(facts["path"])) if "records" in facts["kinds"].values() else None
    sources = {split: _read_split(folder, split, facts["kinds"][split], records) for split in SPLITS}
    sizes = {"train": task.n_train, "test": task.n_test}
    for split, source in sources.items():
        if len(source) != sizes[split]:
            raise AutoDLError(f"{facts['path']}, {split}: expected {sizes[split]} rows as before, found {len(source)}")
    nothing = np.zeros((task.n_test, task.n_classes), np.float32)
    dataset = Dataset(
        name=task.name,
        path=Path(facts["path"]),
        class_names=task.class_names,
        shape=task.shape,
        train=Split([str(i) for i in range(task.n_train)], labels, sources["train"]),
        test=Split([str(i) for i in range(task.n_test)], nothing, sources["test"]),
    )
    return dataset, task, folds, Path(facts["share"]), int(facts["memory_bytes"])


def _write_split(folder: Path, store: TensorStore, split: SplitName) -> str:
    """Write one split; returns its kind."""
    source = store.split(split).source
    if store.task.domain is Domain.TEXT:
        _write_json(folder / f"{split}.json", store.texts(split))
        return "texts"
    if store.task.domain is Domain.TABULAR:
        _write_table(folder, split, store.table(split))
        return "table"
    if isinstance(source, Records):
        return "records"
    _write_examples(folder, split, source)
    return "examples"


def _read_split(folder: Path, split: SplitName, kind: str, records: Dataset | None) -> Source:
    if kind == "records" and records is not None:
        return (records.train if split == "train" else records.test).source
    if kind == "table":
        return MemorySource(table=_read_table(folder, split))
    listed = json.loads((folder / f"{split}.json").read_text("utf-8", "surrogatepass"))
    if kind == "texts":
        return MemorySource([Text(text) for text in listed])
    return PackedExamples(folder / f"{split}.bin", listed)


def _write_json(path: Path, value: object) -> None:
    # Names of files may hold halves of surrogate pairs.
    path.write_text(json.dumps(value, ensure_ascii=False), "utf-8", "surrogatepass")


def _write_table(folder: Path, split: SplitName, table: Table) -> None:
    np.save(folder / f"{split}-numbers.npy", np.ascontiguousarray(table.numbers))
    if table.sparse is not None:
        sparse = table.sparse
        np.savez(folder / f"{split}-sparse.npz", indptr=sparse.indptr, indices=sparse.indices, values=sparse.values)
    codes, levels = [], []
    for column in table.strings.T:
        number: dict[str, int] = {}
        codes.append(np.fromiter((number.setdefault(cell, len(number)) for cell in column), np.int32, len(table)))
        levels.append(list(number))
    np.save(folder / f"{split}-codes.npy", np.stack(codes, 1) if codes else np.zeros((len(table), 0), np.int32))
    facts = {
        "levels": levels,
        "numbers": table.number_names,
        "strings": table.string_names,
        "kinds": table.kinds,
        "columns": table.sparse.n_columns if table.sparse is not None else None,
    }
    _write_json(folder / f"{split}.json", facts)


def _read_table(folder: Path, split: SplitName) -> Table:
    facts = json.loads((folder / f"{split}.json").read_text("utf-8", "surrogatepass"))
    numbers = np.load(folder / f"{split}-numbers.npy", mmap_mode="r", allow_pickle=False)
    codes = np.load(folder / f"{split}-codes.npy", allow_pickle=False)
    strings = np.empty(codes.shape, object)
    for column, levels in enumerate(facts["levels"]):
        strings[:, column] = np.array(levels, object)[codes[:, column]]
    sparse = None
    if facts["columns"] is not None:
        with np.load(folder / f"{split}-sparse.npz", allow_pickle=False) as stored:
            sparse = Csr(stored["indptr"], stored["indices"], stored["values"], facts["columns"])
    kinds = tuple((name, kind) for name, kind in facts["kinds"])
    return Table(numbers, tuple(facts["numbers"]), strings, tuple(facts["strings"]), sparse, kinds)


def _write_examples(folder: Path, split: SplitName, source: Source) -> None:
    """The index as JSON, one entry an example, and the bytes of those that are no files."""
    index: list[Any] = []
    with (folder / f"{split}.bin").open("wb") as file:
        for row in range(len(source)):
            try:
                entry, pieces = _entry(source.example(row), file.tell())
            except Unreadable as error:
                entry, pieces = {"bad": str(error)}, []
            for piece in pieces:
                file.write(piece)
            if file.tell() > MOST_BYTES:
                raise AutoDLError(f"examples in memory of at most {MOST_BYTES >> 20} MB expected, found more")
            index.append(entry)
    _write_json(folder / f"{split}.json", index)


def _entry(example: Example, offset: int) -> tuple[dict[str, Any], list[bytes]]:
    if isinstance(example, MediaFile):
        return {"file": str(example.path.absolute())}, []
    if isinstance(example, Encoded):
        return {"frames": [len(frame) for frame in example.frames], "offset": offset}, list(example.frames)
    if isinstance(example, Dense):
        array = np.ascontiguousarray(example.array, np.float32)
        return {"shape": array.shape, "offset": offset}, [array.tobytes()]
    raise Unreadable(f"no handover of {type(example).__name__} examples")


class PackedExamples(Source):
    """Examples by the index that `write_handover` wrote."""

    def __init__(self, data: Path, index: list[dict[str, Any]]) -> None:
        self._index = index
        self._bytes: NDArray[np.uint8] = (
            np.memmap(data, np.uint8, "r") if data.stat().st_size else np.zeros(0, np.uint8)
        )

    def __len__(self) -> int:
        return len(self._index)

    def example(self, index: int) -> Example:
        """One example. Raises Unreadable for one that the coordinator could not read."""
        entry = self._index[index]
        if "bad" in entry:
            raise Unreadable(entry["bad"])
        if "file" in entry:
            return MediaFile(Path(entry["file"]))
        start = entry["offset"]
        if "frames" in entry:
            ends = start + np.cumsum([0, *entry["frames"]])
            return Encoded(tuple(self._bytes[a:b].tobytes() for a, b in zip(ends[:-1], ends[1:], strict=True)))
        shape = tuple(entry["shape"])
        size = int(np.prod(shape)) * 4
        return Dense(self._bytes[start : start + size].view(np.float32).reshape(shape))

    def table(self) -> Table:
        """Never asked for: tables have a handover of their own."""
        raise AutoDLError("examples expected to be no rows of a table")


def read_results(folder: Path, shapes: dict[str, tuple[int, int]]) -> dict[str, Labels]:
    """The arrays of a finished slice: float32 logits, finite, of these shapes. Raises AutoDLError for others."""
    found = {}
    for name, shape in shapes.items():
        try:
            array = np.load(folder / f"{name}.npy", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise AutoDLError(f"{name} logits cannot be read: {error}") from None
        if array.shape != shape or array.dtype != np.float32:
            raise AutoDLError(f"{name}: float32 of shape {shape} expected, found {array.dtype} {array.shape}")
        if not np.isfinite(array).all():
            raise AutoDLError(f"{name}: {int((~np.isfinite(array)).sum())} values are not finite")
        found[name] = array
    return found
