"""Text data sets in memory, through the real store."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.task import Domain, Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.learners.base import Examples
from autodl_agent.system.clock import Deadline
from data_format.dataset import Dataset, Source, Split
from data_format.errors import DataError, Unreadable
from data_format.examples import Example, Table, Text

Sets = tuple[Task, Examples, Examples]
MakeSets = Callable[..., Sets]


class Texts(Source):
    """Texts in memory; None stands for one that cannot be read."""

    def __init__(self, texts: Sequence[str | None]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def example(self, index: int) -> Example:
        text = self.texts[index]
        if text is None:
            raise Unreadable("no text")
        return Text(text)

    def table(self) -> Table:
        raise DataError("texts are not rows of a table")


@pytest.fixture
def make_sets() -> MakeSets:
    def make(train: Sequence[str | None], labels: np.ndarray, test: Sequence[str | None]) -> Sets:
        n, classes = labels.shape
        labels = labels.astype(np.float32)
        names = tuple(f"class {k}" for k in range(classes))
        blind = np.zeros((len(test), classes), np.float32)
        dataset = Dataset(
            "texts",
            Path("texts"),
            names,
            (-1, 1, 1, 1),
            Split([f"train {i}" for i in range(n)], labels, Texts(train)),
            Split([f"test {i}" for i in range(len(test))], blind, Texts(test)),
        )
        multilabel = bool((labels.sum(1) != 1).any())
        counts = tuple(int(c) for c in (labels > 0).sum(0))
        task = Task("texts", Domain.TEXT, "test", names, n, len(test), (-1, 1, 1, 1), multilabel, counts)
        store = TensorStore(dataset, task, Deadline(np.inf))
        rows = Examples(store, "train", np.arange(n), labels)
        return task, rows, Examples(store, "test", np.arange(len(test)), blind)

    return make
