"""Files as PyTorch writes them, made without PyTorch; shared by the tests of this folder."""

import collections
import io
import pickle
import sys
import types
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autodl_agent.pretrained.models import efficientnet
from autodl_agent.pretrained.models.efficientnet import scaled_channels


class Tensor:
    """Pickles as `_rebuild_tensor_v2` of a storage; shape, strides and offset may lie."""

    def __init__(self, values: np.ndarray, key: str, shape: Any = None, strides: Any = None, offset: int = 0) -> None:
        self.values, self.key, self.offset = values.ravel(), key, offset
        self.shape = values.shape if shape is None else shape
        self.strides = tuple(s // values.itemsize for s in values.strides) if strides is None else strides


@contextmanager
def pickled():
    """Yield a function object -> bytes with torch's names resolvable while it runs."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def rebuild(*parts: Any) -> None:
        raise AssertionError("only its name is written")

    rebuild.__module__, rebuild.__name__, rebuild.__qualname__ = (
        "torch._utils",
        "_rebuild_tensor_v2",
        "_rebuild_tensor_v2",
    )
    utils._rebuild_tensor_v2 = rebuild
    kinds = {}
    for name, kind in (("FloatStorage", "f4"), ("LongStorage", "i8"), ("StringStorage", "S1")):
        made = type(name, (), {"__module__": "torch"})
        setattr(torch, name, made)
        kinds[kind] = made

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            if isinstance(value, _Storage):
                kind = kinds[value.values.dtype.str[1:]]
                return ("storage", kind, value.key, "cpu", len(value.values), None)
            return None

        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, Tensor):
                storage = _Storage(value.values, value.key)
                return rebuild, (storage, value.offset, value.shape, value.strides, False, collections.OrderedDict())
            return NotImplemented

    def dump(value: Any) -> bytes:
        file = io.BytesIO()
        Pickler(file, 2).dump(value)
        return file.getvalue()

    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        yield dump
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


class _Storage:
    def __init__(self, values: np.ndarray, key: str) -> None:
        self.values, self.key = values, key


def write_stream(path: Path, state: Any, magic: int = 0x1950A86A20F9469CFC6C) -> Path:
    """The format until PyTorch 1.5. state: nested dictionaries of Tensor."""
    tensors = sorted(_tensors(state), key=lambda t: t.key)
    with pickled() as dump:
        parts = [dump(magic), dump(1001), dump({"little_endian": True}), dump(state), dump([t.key for t in tensors])]
    blobs = [len(t.values).to_bytes(8, "little") + t.values.tobytes() for t in tensors]
    path.write_bytes(b"".join(parts + blobs))
    return path


def write_zip(path: Path, state: Any) -> Path:
    """The format since PyTorch 1.6."""
    with pickled() as dump, zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", dump(state))
        for tensor in _tensors(state):
            archive.writestr(f"model/data/{tensor.key}", tensor.values.tobytes())
    return path


def _tensors(state: Any) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    return [t for value in state.values() for t in _tensors(value)] if isinstance(state, dict) else []


def _made_up(variant, rng):
    """Tensors under PyTorch's names, of the right shapes."""
    out = {}

    def layer(name, shape, norm, channels):
        fan_in = np.prod(shape[1:])
        out[f"{name}.weight"] = (rng.normal(size=shape) / np.sqrt(fan_in)).astype(np.float32)
        out[f"{norm}.weight"] = rng.uniform(0.5, 1.5, channels).astype(np.float32)
        out[f"{norm}.bias"] = rng.normal(size=channels).astype(np.float32) * 0.1
        out[f"{norm}.running_mean"] = rng.normal(size=channels).astype(np.float32) * 0.1
        out[f"{norm}.running_var"] = rng.uniform(0.5, 1.5, channels).astype(np.float32)
        out[f"{norm}.num_batches_tracked"] = np.array(7)

    width, depth = efficientnet.SCALES[variant]
    layer("_conv_stem", (32, 3, 3, 3), "_bn0", 32)
    before, number = 32, 0
    for place, stage in enumerate(efficientnet.STAGES):
        after = scaled_channels(stage.channels, width)
        repeats = stage.repeats if place in (0, 6) else int(np.ceil(stage.repeats * depth))
        for _ in range(repeats):
            name, inner = f"_blocks.{number}", before * stage.expand
            if stage.expand > 1:
                layer(f"{name}._expand_conv", (inner, before, 1, 1), f"{name}._bn0", inner)
            layer(f"{name}._depthwise_conv", (inner, 1, stage.kernel, stage.kernel), f"{name}._bn1", inner)
            layer(f"{name}._project_conv", (after, inner, 1, 1), f"{name}._bn2", after)
            before, number = after, number + 1
    layer("_conv_head", (1280, before, 1, 1), "_bn1", 1280)
    return out


@pytest.fixture
def made_up():
    """made_up(variant, rng): tensors of an EfficientNet-Lite."""
    return _made_up


@pytest.fixture
def torch_stream():
    """write_stream(path, state)."""
    return write_stream


@pytest.fixture
def torch_zip():
    """write_zip(path, state)."""
    return write_zip


@pytest.fixture
def torch_tensor():
    """The class Tensor."""
    return Tensor


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A cache folder of the test's own, and no folder of weights."""
    monkeypatch.setenv("AUTODL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("AUTODL_WEIGHTS_DIR", raising=False)
    return tmp_path / "cache"
