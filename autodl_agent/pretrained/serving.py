"""Run a LiteRT file on pictures: one single-threaded interpreter per core, in small batches that stay in its cache.

Interpreters side by side keep every core busy at any batch size, where the threads of one interpreter wait for each
other at every layer of a small network. LiteRT imports in 0.05 s and needs no TensorFlow.
"""

import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.errors import AutoDLError
from autodl_agent.machine import cores

Floats = NDArray[np.float32]
Prepare = Callable[[NDArray[Any]], Floats]
ERROR_STREAM = 2
MOST_INTERPRETERS = 8  # each holds its own packed copy of the weights
BATCH_PIXELS = 1 << 17
MOST_BATCH = 32
_quiet = threading.Lock()  # warning filters belong to the whole process


class InterpreterError(AutoDLError):
    """The file cannot be run: damaged, or made for another interpreter."""


def interpreter_class() -> Callable[..., Any]:
    """LiteRT's interpreter, or the one inside TensorFlow where only that is installed; raises ImportError."""
    try:
        made: Callable[..., Any] = import_module("ai_edge_litert.interpreter").Interpreter
    except ImportError:
        made = _without_notice(import_module("tensorflow.lite.python.interpreter").Interpreter)
    return made


def _without_notice(interpreter: Callable[..., Any]) -> Callable[..., Any]:
    """TensorFlow's interpreter warns, each time one is made, that LiteRT is to replace it; here LiteRT comes first."""

    def make(*arguments: Any, **options: Any) -> Any:
        with _quiet, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return interpreter(*arguments, **options)

    return make


def allocate(interpreter: Any) -> None:
    """Allocate an interpreter's tensors; at the first time it would announce that it computes with XNNPACK."""
    with _quiet, _news_left_out():
        interpreter.allocate_tensors()


@contextmanager
def _news_left_out() -> Iterator[None]:
    """Drop lines "INFO: …" that native code writes to the error stream, since it knows no setting for that.

    Any other line, of whatever thread, is passed on afterwards.
    """
    try:
        kept = os.dup(ERROR_STREAM)
    except OSError:  # no error stream: nothing can be said
        yield
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), ERROR_STREAM)
        try:
            yield
        finally:
            os.dup2(kept, ERROR_STREAM)
            os.close(kept)
            file.seek(0)
            if said := b"".join(line for line in file if not line.startswith(b"INFO: ")):
                os.write(ERROR_STREAM, said)


class LiteNetwork:
    """A network from (n, rows, columns, channels) float32 to (n, features), or to maps (n, rows, columns, features).

    It may be called from several threads.

    path: a .tflite file of one input of any size and one output. workers: interpreters side by side.
    Raises InterpreterError where the file cannot be run.
    """

    def __init__(self, path: Path, workers: int | None = None) -> None:
        self._path = path
        workers = max(1, min(workers or cores(), MOST_INTERPRETERS))
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="litert")
        self._own = threading.local()
        self.features = int(self._made().get_output_details()[0]["shape"][-1])

    def run(self, pictures: NDArray[Any], prepare: Prepare, shape: tuple[int, ...] = ()) -> Floats:
        """(n, features) of pictures (n, rows, columns, channels) of any kind; `prepare` makes input of a few of them.

        The input is made piece by piece by the thread that needs it, so that no float copy of everything exists.
        shape: of one output, of a network that gives maps.
        """
        size = batch_size(pictures.shape[1] * pictures.shape[2])
        out = np.empty((len(pictures), *(shape or (self.features,))), np.float32)

        def piece(start: int) -> None:
            part = pictures[start : start + size]
            out[start : start + size] = self._batch(prepare(part), size)

        list(self._pool.map(piece, range(0, len(pictures), size)))
        return out

    def _batch(self, x: Floats, size: int) -> Floats:
        """Features of up to `size` pictures; fewer are filled up, since another shape means another allocation."""
        rows = len(x)
        if rows < size:
            x = np.concatenate([x, np.zeros((size - rows, *x.shape[1:]), np.float32)])
        interpreter = self._sized(x.shape)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        found: Floats = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[:rows]
        return found

    def _sized(self, shape: tuple[int, ...]) -> Any:
        """This thread's interpreter, set to `shape`."""
        own = self._own
        if getattr(own, "shape", None) != shape:
            if not hasattr(own, "interpreter"):
                own.interpreter = self._made()
            own.interpreter.resize_tensor_input(own.interpreter.get_input_details()[0]["index"], list(shape))
            allocate(own.interpreter)
            own.shape = shape
        return own.interpreter

    def _made(self) -> Any:
        try:
            return interpreter_class()(str(self._path), num_threads=1)
        except (ValueError, RuntimeError, OSError) as error:
            raise InterpreterError(f"{self._path}: a LiteRT file expected: {error}") from error


def batch_size(pixels: int) -> int:
    """Pictures per batch: about BATCH_PIXELS in all, so that the layers' values stay in a core's cache."""
    return max(1, min(MOST_BATCH, BATCH_PIXELS // max(1, pixels)))


def interpreter_found() -> bool:
    """Whether an interpreter is there to import; TensorFlow's counts only once something else has paid for it."""
    return find_spec("ai_edge_litert") is not None or "tensorflow" in sys.modules
