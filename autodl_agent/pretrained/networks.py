"""Frozen networks by name, ready to run: found, converted once, loaded once a process."""

import logging
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from autodl_agent.pretrained.cache import cache_dir, cached
from autodl_agent.pretrained.catalog import Weights, known
from autodl_agent.pretrained.formats.pytorch import Tensors, read_tensors
from autodl_agent.pretrained.lookup import likely, look
from autodl_agent.pretrained.runtime.image_network import LiteNetwork
from autodl_agent.pretrained.runtime.interpreter import LiteFunction, interpreter_found
from autodl_agent.system.errors import AutoDLError

log = logging.getLogger(__name__)
# Modules that know how, by `converted(path)`, where it is not `efficientnet`.
CONVERTERS = {
    "e5-small": "autodl_agent.pretrained.models.e5_tflite",
    "use-multilingual": "autodl_agent.pretrained.models.use_tflite",
    "whisper-tiny-en": "autodl_agent.pretrained.models.whisper_tflite",
}
Loaded = TypeVar("Loaded")
CONVERSION = 2  # part of the name of a converted file: a new number makes every cache convert anew


class MissingWeightsError(AutoDLError):
    """Weights that something needs are nowhere to be found, or cannot be run."""


_loaded: dict[tuple[str, int | None], LiteNetwork] = {}
_lock = threading.Lock()


def can_serve(name: str) -> bool:
    """Whether `network(name)` will most likely work: a few file look-ups, nothing is read or imported."""
    weights = known(name)
    return interpreter_found() and (converted_path(weights).is_file() or likely(weights))


def can_train(name: str) -> bool:
    """Whether `tensors_of(name)` will most likely work: the file as shipped is needed, a converted one is not."""
    return interpreter_found() and likely(known(name))


def network(name: str, cut: int | None = None) -> LiteNetwork:
    """The network of this name. Raises MissingWeightsError with the reason where it cannot be had.

    cut: number of the block whose input is wanted, see `efficientnet.map_shape`; None for the whole network.
    """
    with _lock:
        if (name, cut) not in _loaded:
            _loaded[name, cut] = _load(known(name), cut, LiteNetwork)
        return _loaded[name, cut]


def function(name: str) -> LiteFunction:
    """The file of this name as a function of arrays, made anew with each call. Raises MissingWeightsError."""
    return _load(known(name), None, LiteFunction)


def tensors_of(name: str) -> Tensors:
    """The weights of this name as arrays by PyTorch name. Raises MissingWeightsError."""
    try:
        return read_tensors(_genuine(known(name)))
    except (AutoDLError, OSError) as error:
        raise MissingWeightsError(f"{name} cannot be read: {error}") from error


def prepare(weights: Weights, cut: int | None = None) -> Path:
    """The file that is run: converted and cached where it must be. Raises MissingWeightsError."""
    if not weights.converts:
        return _genuine(weights)
    try:
        return cached(converted_path(weights, cut).name, lambda: _convert(weights, cut))
    except (AutoDLError, OSError, ImportError) as error:
        raise MissingWeightsError(f"{weights.name} cannot be converted: {error}") from error


def _load(weights: Weights, cut: int | None, make: Callable[[Path], Loaded]) -> Loaded:
    path = prepare(weights, cut)
    try:
        try:
            return make(path)
        except AutoDLError:
            if not weights.converts:
                raise
            log.warning("%s is damaged and is made anew", path)
            path.unlink(missing_ok=True)
            return make(prepare(weights, cut))
    except (AutoDLError, OSError, ImportError) as error:
        raise MissingWeightsError(f"{weights.name} cannot be run: {error}") from error


def _convert(weights: Weights, cut: int | None) -> bytes:
    if weights.name in CONVERTERS:
        module = import_module(CONVERTERS[weights.name])
        made: bytes = module.converted(_genuine(weights))
        return made
    from autodl_agent.pretrained.models.efficientnet import FAMILY, convert

    # Maps are what a network in single precision is trained on; pooled features lose nothing in bytes (decision 0005).
    return convert(weights.name.removeprefix(FAMILY), read_tensors(_genuine(weights)), cut, in_bytes=cut is None)


def _genuine(weights: Weights) -> Path:
    found = look(weights)
    if found.path is None:
        raise MissingWeightsError(f"{weights.name} not found ({'; '.join(found.reasons)})")
    return found.path


def converted_path(weights: Weights, cut: int | None = None) -> Path:
    """Where the converted file of these weights is, or would be; one that ends before block `cut` has its own."""
    part = "-8bit" if cut is None else f"-to{cut}"
    return cache_dir() / f"{weights.name}-{weights.sha256[:16]}-v{CONVERSION}{part}.tflite"


def unpacked_path(weights: Weights) -> Path:
    """Where that part of these weights is, or would be, which is looked up and not computed."""
    return cache_dir() / f"{weights.name}-{weights.sha256[:16]}-v{CONVERSION}.npy"
