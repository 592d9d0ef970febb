"""One example before it is decoded: the few shapes that every reader yields and every decoder takes.

Reading is cheap and exact here; scaling, resizing and colour belong to the decoders (`images`, `videos`, `sounds`).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Encoded:
    """Encoded images (JPEG, PNG, BMP, GIF …), one per frame: a COMPRESSED record; an image has one frame."""

    frames: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file on disk holding an image, a clip or a sound; its content, not its name, says which."""

    path: Path


@dataclass(frozen=True, slots=True)
class Dense:
    """A float32 array of shape (time, rows, columns, channels), unscaled: a DENSE record."""

    array: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sparse:
    """Parallel lists of a SPARSE record: integer row, column and channel indices, float values, all of shape (nnz,)."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    channels: NDArray[np.int64]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Text:
    """One text, exactly as it is in the data."""

    text: str


Example = Encoded | MediaFile | Dense | Sparse | Text


@dataclass(frozen=True)
class Csr:
    """Compressed sparse rows: `indices[indptr[i]:indptr[i+1]]` are the columns of row i, `values` likewise."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    values: NDArray[np.float32]
    n_columns: int


@dataclass(frozen=True)
class Table:
    """Rows of a table, column kinds already determined by the reader (from the training file alone).

    numbers: (n, f) float array, NaN = missing, ±inf as read; strings: (n, g) object array of str, "" = missing.
    `sparse` is set instead of `numbers` (then (n, 0)) for wide sparse records.
    kinds: (name, kind of its cells, see `raw.tables.column_types.Kind`) of every column in file order, by which new
    rows are read; empty where all columns are plain numbers in the order of `number_names`.
    """

    numbers: NDArray[np.floating]
    number_names: tuple[str, ...]
    strings: NDArray[np.object_]
    string_names: tuple[str, ...]
    sparse: Csr | None = None
    kinds: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)
