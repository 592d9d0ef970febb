"""Read the tensors of a CTranslate2 model file (version 5 or 6) into numpy, without that library.

A file is a version, the name and revision of the model's kind, and a list of variables: name, shape, kind of value,
bytes. Every size is checked against the file before it is used. Format: github.com/OpenNMT/CTranslate2, model_spec.py.
"""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autodl_agent.system.errors import AutoDLError

Floats = NDArray[np.float32]
VERSIONS = (5, 6)
KINDS = (np.float32, np.int8, np.int16, np.int32, np.float16)


class CTranslateFileError(AutoDLError):
    """The file is not laid out as it should be."""


def read_floats(path: Path, prefix: str) -> dict[str, Floats]:
    """Floating-point variables whose names begin with `prefix`, by the rest of the name, in single precision.

    Raises CTranslateFileError(path and reason), OSError.
    """
    blob = np.memmap(path, np.uint8, "r")
    try:
        return dict(_variables(_Cursor(blob.data), prefix))
    except (struct.error, ValueError, IndexError, CTranslateFileError) as error:
        raise CTranslateFileError(f"{path}: a CTranslate2 model expected: {error}") from error


class _Cursor:
    def __init__(self, blob: memoryview) -> None:
        self.blob, self.at = blob, 0

    def number(self, code: str) -> int:
        (value,) = struct.unpack_from("<" + code, self.blob, self.at)
        self.at += struct.calcsize(code)
        return int(value)

    def take(self, size: int) -> memoryview:
        if self.at + size > len(self.blob):
            raise CTranslateFileError(f"{size} bytes at {self.at} expected in a file of {len(self.blob)}")
        self.at += size
        return self.blob[self.at - size : self.at]

    def name(self) -> str:
        return bytes(self.take(self.number("H"))).rstrip(b"\0").decode()


def _variables(cursor: _Cursor, prefix: str) -> list[tuple[str, Floats]]:
    version = cursor.number("I")
    if version not in VERSIONS:
        raise CTranslateFileError(f"version 5 or 6 expected, found {version}")
    cursor.name()
    cursor.number("I")
    found = []
    for _ in range(cursor.number("I")):
        name = cursor.name()
        shape = [cursor.number("I") for _ in range(cursor.number("B"))]
        kind = np.dtype(KINDS[cursor.number("B")])
        values = np.frombuffer(cursor.take(cursor.number("I")), kind)
        if values.size != int(np.prod(shape, dtype=np.int64)):
            raise CTranslateFileError(f"{name}: {shape} values expected, found {values.size}")
        if name.startswith(prefix) and kind.kind == "f":
            found.append((name.removeprefix(prefix), values.reshape(shape).astype(np.float32)))
    return found
