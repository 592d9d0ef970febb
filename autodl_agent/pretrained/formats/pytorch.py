"""Read the tensors of a PyTorch file into numpy, without PyTorch and without running anything that the file says.

Such a file is a pickle that names storages, and the raw bytes of the storages: in one stream (the format until 1.5) or
as members of a zip (since 1.6). The unpickler here knows a fixed list of names and refuses every other; sizes,
offsets and strides are checked against the storage before anything is read through them.
Format: torch/serialization.py of PyTorch 1.0 and 1.6.
"""

import collections
import io
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from autodl_agent.system.errors import AutoDLError

Tensors = dict[str, NDArray[Any]]
STREAM_MAGIC = 0x1950A86A20F9469CFC6C
MOST_STORAGE_BYTES = 1 << 31
DTYPES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


class TorchFileError(AutoDLError):
    """The file is no PyTorch file of tensors, or says something that is not allowed."""


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: Path) -> Tensors:
    """Tensors by name, nested names joined with dots; entries that are no tensors are left out.

    Raises TorchFileError(path and reason), OSError where the file cannot be read.
    """
    try:
        if zipfile.is_zipfile(path):
            root, blobs = _read_zip(path)
        else:
            root, blobs = _read_stream(path)
        return dict(_flat("", root, blobs))
    except TorchFileError as error:
        raise TorchFileError(f"{path}: {error}") from error
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise TorchFileError(f"{path}: a PyTorch file of tensors expected: {error}") from error


class _Unpickler(pickle.Unpickler):  # noqa: S301 - knows a fixed list of names, see find_class
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Only what a dictionary of tensors needs; everything else, `os.system` included, is refused."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _parameter
        if module == "torch" and name in DTYPES:
            return name
        raise TorchFileError(f"the name {module}.{name} is not allowed")

    def persistent_load(self, pid: Any) -> _Storage:
        """A storage: ("storage", type name, key, device, number of values, …)."""
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage" or pid[1] not in DTYPES:
            raise TorchFileError(f"a storage expected, found {str(pid)[:80]!r}")
        storage = _Storage(str(pid[2]), np.dtype(DTYPES[pid[1]]), int(pid[4]))
        if not 0 <= storage.count * storage.dtype.itemsize <= MOST_STORAGE_BYTES:
            raise TorchFileError(f"storage {storage.key} of {storage.count} values")
        self.storages[storage.key] = storage
        return storage


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *ignored: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise TorchFileError(f"a tensor of a storage expected, found {type(storage).__name__}")
    return _Tensor(storage, int(offset), tuple(int(n) for n in shape), tuple(int(n) for n in strides))


def _parameter(tensor: Any, *ignored: Any) -> Any:
    return tensor


def _read_zip(path: Path) -> tuple[Any, Tensors]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise TorchFileError(f"one data.pkl expected in the archive, found {len(names)}")
        folder = names[0].removesuffix("data.pkl")
        unpickler = _Unpickler(io.BytesIO(archive.read(names[0])))
        root = unpickler.load()
        blobs = {}
        for key, storage in unpickler.storages.items():
            blobs[key] = _values(archive.read(f"{folder}data/{key}"), storage)
        return root, blobs


def _read_stream(path: Path) -> tuple[Any, Tensors]:
    """Magic number, protocol, machine facts, the object, the storage keys: five pickles; then counts and bytes."""
    with path.open("rb") as file:
        if _Unpickler(file).load() != STREAM_MAGIC:
            raise TorchFileError("the magic number of a PyTorch file expected")
        for _ in range(2):
            _Unpickler(file).load()
        unpickler = _Unpickler(file)
        root = unpickler.load()
        blobs = {}
        for key in _Unpickler(file).load():
            storage = unpickler.storages[str(key)]
            count = int.from_bytes(file.read(8), "little")
            if count != storage.count:
                raise TorchFileError(f"storage {key} of {storage.count} values expected, found {count}")
            blobs[str(key)] = _values(file.read(count * storage.dtype.itemsize), storage)
        return root, blobs


def _values(blob: bytes, storage: _Storage) -> NDArray[Any]:
    expected = storage.count * storage.dtype.itemsize
    if len(blob) < expected:
        raise TorchFileError(f"storage {storage.key} of {expected} bytes expected, found {len(blob)}")
    return np.frombuffer(blob, storage.dtype, storage.count)


def _flat(name: str, value: Any, blobs: Tensors) -> list[tuple[str, NDArray[Any]]]:
    if isinstance(value, _Tensor):
        return [(name, _array(name, value, blobs))]
    if isinstance(value, Mapping):
        prefix = f"{name}." if name else ""
        return [pair for key, inner in value.items() for pair in _flat(f"{prefix}{key}", inner, blobs)]
    return []


def _array(name: str, tensor: _Tensor, blobs: Tensors) -> NDArray[Any]:
    """A copy of the tensor; refuses one that would look outside its storage."""
    values, shape, strides = blobs[tensor.storage.key], tensor.shape, tensor.strides
    if len(shape) != len(strides) or min((tensor.offset, *shape, *strides), default=0) < 0:
        raise TorchFileError(f"tensor {name}: shape {shape}, strides {strides}, offset {tensor.offset}")
    last = tensor.offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if 0 not in shape and last >= len(values):
        raise TorchFileError(f"tensor {name}: value {last} of a storage of {len(values)} asked for")
    steps = [step * values.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(values[tensor.offset :], shape, steps).copy()
