"""Arrays in mapped files that two processes fill and read together: what one has computed, the other need not.

Each array has a file of values and a file with one byte a row that says whether the row is ready. A row is written
before its byte is; two processes that compute the same row at the same time write the same values.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def shared_array(
    folder: Path, key: str, shape: tuple[int, ...], dtype: str
) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
    """The values (shape) and the ready rows (shape[0],) of the array with this key; None where the disk is too small.

    The space is reserved, so that a disk that fills up later cannot end a process that writes into the mapping.
    """
    name = hashlib.sha256(f"{key}|{shape}|{dtype}".encode()).hexdigest()[:24]
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    try:
        values = _mapped(folder / f"{name}.values", size)
        ready = _mapped(folder / f"{name}.ready", shape[0])
    except (OSError, ValueError):
        return None
    return values.view(dtype).reshape(shape), ready.view(np.bool_)


def _mapped(path: Path, size: int) -> NDArray[np.uint8]:
    if size == 0:
        return np.zeros(0, np.uint8)
    if not path.exists():
        new = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            with new.open("xb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
            with suppress(FileExistsError):  # the other process was faster
                os.link(new, path)
        finally:
            new.unlink(missing_ok=True)
    return np.memmap(path, np.uint8, "r+", shape=(size,))
