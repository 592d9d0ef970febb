"""The task as files: what the worker reads is what the coordinator had."""

from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.splits import make_folds
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.worker.task_files import read_handover, read_results, write_handover
from autodl_agent.learners.testing.contract import memory_dataset
from autodl_agent.system.clock import Budget
from autodl_agent.system.errors import AutoDLError
from data_format import open_dataset
from data_format.autodl.writer import write_dataset
from data_format.dataset import Dataset, DomainName, Split
from data_format.errors import Unreadable
from data_format.examples import Csr, Dense, Encoded, MediaFile, Sparse, Table, Text
from data_format.memory_source import MemorySource


def store_of(dataset: Dataset) -> TensorStore:
    return TensorStore(dataset, make_task(dataset, 3), Budget.from_now(60).deadline(60))


def carried(dataset: Dataset, folder: Path) -> tuple[Dataset, TensorStore]:
    store = store_of(dataset)
    folds = make_folds(dataset.train.labels, 3)
    write_handover(folder / "task", store, folds, folder / "share", 1 << 20)
    found, task, again, share, memory = read_handover(folder / "task")
    assert task == store.task
    assert (share, memory) == (folder / "share", 1 << 20)
    for one, other in zip(folds, again, strict=True):
        assert np.array_equal(one.train, other.train)
        assert np.array_equal(one.held_out, other.held_out)
    assert np.array_equal(found.train.labels, dataset.train.labels)
    assert not found.test.labels.any()
    return found, store


@pytest.mark.parametrize("domain", ["image", "video", "speech"])
def test_examples_in_memory(domain: DomainName, tmp_path: Path) -> None:
    dataset, _ = memory_dataset(domain, 8, 4)
    found, _ = carried(dataset, tmp_path)
    for split in ("train", "test"):
        old, new = getattr(dataset, split).source, getattr(found, split).source
        assert len(old) == len(new)
        for row in range(len(old)):
            assert np.array_equal(old.example(row).array, new.example(row).array)


@pytest.mark.parametrize("domain", ["image", "speech", "text"])
def test_records_are_opened_again(domain: DomainName, tmp_path: Path) -> None:
    made, _ = memory_dataset(domain, 8, 4)
    dataset = open_dataset(write_dataset(made, tmp_path / "set"))
    found, store = carried(dataset, tmp_path)
    if domain == "text":
        assert [found.test.source.example(i) for i in range(4)] == [Text(text) for text in store.texts("test")]
    else:
        assert np.array_equal(found.test.source.example(3).array, dataset.test.source.example(3).array)


def test_records_that_changed_meanwhile_are_refused(tmp_path: Path) -> None:
    made, _ = memory_dataset("image", 8, 4)
    folder = write_dataset(made, tmp_path / "set")
    store = store_of(open_dataset(folder))
    write_handover(tmp_path / "task", store, make_folds(made.train.labels, 0), tmp_path, 1)
    folder.rename(tmp_path / "away")
    write_dataset(memory_dataset("image", 9, 4)[0], tmp_path / "set")
    with pytest.raises(AutoDLError, match="expected 8 rows as before, found 9"):
        read_handover(tmp_path / "task")


def test_a_table_with_everything(tmp_path: Path) -> None:
    numbers = np.array([[1.5, np.nan], [np.inf, 2.0], [0.0, -1.0], [7.0, 8.0]] * 4)
    strings = np.array([["a\x00", ""], ["é", "b"], ["a\x00", "x y"], ["None", "b"]] * 4, object)
    kinds = (("n", "number"), ("s", "category"))
    table = Table(numbers, ("n", "m"), strings, ("s", "t"), None, kinds)
    labels = np.eye(2, dtype=np.float32)[np.arange(16) % 2]
    splits = [Split([str(i) for i in range(16)], labels, MemorySource(table=table)) for _ in range(2)]
    dataset = Dataset("t", tmp_path, ("x", "y"), (1, 1, 2, 1), splits[0], splits[1], ("tabular", "told"))
    found, _ = carried(dataset, tmp_path)
    new = found.train.source.table()
    assert np.array_equal(new.numbers, numbers, equal_nan=True)
    assert new.strings.tolist() == strings.tolist()
    assert (new.number_names, new.string_names, new.kinds) == (("n", "m"), ("s", "t"), kinds)


def test_a_sparse_table(tmp_path: Path) -> None:
    csr = Csr(np.arange(13), np.arange(12) % 5, np.linspace(0, 1, 12, dtype=np.float32), 5)
    empty = np.empty((12, 0), object)
    table = Table(np.zeros((12, 0)), (), empty, (), csr)
    labels = np.eye(2, dtype=np.float32)[np.arange(12) % 2]
    splits = [Split([str(i) for i in range(12)], labels, MemorySource(table=table)) for _ in range(2)]
    dataset = Dataset("t", tmp_path, ("x", "y"), (1, 1, 5, 1), splits[0], splits[1], ("tabular", "told"))
    sparse = carried(dataset, tmp_path)[0].test.source.table().sparse
    assert sparse is not None
    assert np.array_equal(sparse.values, csr.values)
    assert (sparse.n_columns, sparse.indptr.tolist()) == (5, list(range(13)))


def test_files_encoded_pictures_and_bad_rows(tmp_path: Path) -> None:
    class Mixed(MemorySource):
        def example(self, index: int) -> Encoded | MediaFile | Dense:
            if index == 2:
                raise Unreadable("broken")
            kinds = (Encoded((b"ab", b"", b"cde")), MediaFile(Path("x.png")), Dense(np.zeros((1, 2, 2, 3), np.float32)))
            return kinds[index % 3]

        def __len__(self) -> int:
            return 12

    labels = np.eye(2, dtype=np.float32)[np.arange(12) % 2]
    splits = [Split([str(i) for i in range(12)], labels, Mixed()) for _ in range(2)]
    dataset = Dataset("t", tmp_path, ("x", "y"), (1, 2, 2, 3), splits[0], splits[1], ("image", "told"))
    source = carried(dataset, tmp_path)[0].train.source
    assert source.example(0) == Encoded((b"ab", b"", b"cde"))
    assert source.example(1) == MediaFile(Path("x.png").absolute())
    with pytest.raises(Unreadable, match="broken"):
        source.example(2)


def test_sparse_examples_that_are_no_table_are_bad_rows(tmp_path: Path) -> None:
    nothing = np.zeros(0, np.int64)
    examples = [Sparse(nothing, nothing, nothing, np.zeros(0, np.float32))] * 12
    labels = np.eye(2, dtype=np.float32)[np.arange(12) % 2]
    splits = [Split([str(i) for i in range(12)], labels, MemorySource(examples)) for _ in range(2)]
    dataset = Dataset("t", tmp_path, ("x", "y"), (1, 8, 8, 3), splits[0], splits[1], ("image", "told"))
    with pytest.raises(Unreadable, match="Sparse"):
        carried(dataset, tmp_path)[0].train.source.example(0)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((3, 2), np.float32), None),
        (np.zeros((3, 2), np.float64), "float64"),
        (np.zeros((2, 3), np.float32), r"\(2, 3\)"),
        (np.full((3, 2), np.nan, np.float32), "not finite"),
        (None, "cannot be read"),
    ],
)
def test_results_are_checked(array: np.ndarray | None, said: str | None, tmp_path: Path) -> None:
    if array is not None:
        np.save(tmp_path / "test.npy", array)
    if said is None:
        assert read_results(tmp_path, {"test": (3, 2)})["test"].shape == (3, 2)
    else:
        with pytest.raises(AutoDLError, match=said):
            read_results(tmp_path, {"test": (3, 2)})
