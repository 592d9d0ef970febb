"""The reader's result: a `Dataset` with a train and a test `Split`, the same for every format on disk."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_format.examples import Example, Table

DomainName = Literal["image", "video", "speech", "text", "tabular"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something skipped or repaired: where (file, record, row, field), and a short reason that can be counted."""

    where: str
    reason: str


class Source(ABC):
    """The examples of one split; `example` may be called from several threads at once.

    columns: names of the columns that a text was joined from; empty elsewhere.
    """

    columns: tuple[str, ...] = ()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def example(self, index: int) -> Example:
        """Read example `index`. Raises Unreadable when this one cannot be read."""

    @abstractmethod
    def table(self) -> Table:
        """All rows as a table. Raises DataError where the examples are not rows of a table."""


@dataclass(frozen=True)
class Split:
    """Examples with stable ids and labels.

    ids: one string a row (relative file path, row number or record id).
    labels: (n, classes) float32 in [0, 1]; all zero for a test split, whose truth is never stored here.
    """

    ids: Sequence[str]
    labels: NDArray[np.float32]
    source: Source

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Dataset:
    """A labelled data set as it is on disk.

    shape: (time, rows, columns, channels), -1 where it varies or is not known before decoding.
    domain: what raw data are by their content, with the reason; None for AutoDL records, whose shape decides.
    vocabulary: token index -> token for integer-token texts, else empty.
    truth: reads the (n_test, classes) truth, or returns None where there is none. Called only after the last
    prediction: nothing that trains or predicts may depend on it.
    problems: what was skipped; readers and decoders append to it while they work.
    """

    name: str
    path: Path
    class_names: tuple[str, ...]
    shape: tuple[int, int, int, int]
    train: Split
    test: Split
    domain: tuple[DomainName, str] | None = None
    vocabulary: Mapping[int, str] = field(default_factory=dict)
    truth: Callable[[], NDArray[np.float32] | None] = lambda: None
    problems: list[Problem] = field(default_factory=list)
