"""A LiteRT file as a function of arrays: one single-threaded interpreter for every thread that calls it.

LiteRT imports in 0.05 s and needs no TensorFlow.
"""

import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.system.errors import AutoDLError

Floats = NDArray[np.float32]
ERROR_STREAM = 2
_quiet = threading.Lock()  # warning filters belong to the whole process


class InterpreterError(AutoDLError):
    """The file cannot be run: damaged, or made for another interpreter."""


class LiteFunction:
    """From float32 arrays, in the order of the file's inputs, to its first output; shapes may change from call to call.

    path: a .tflite file. Raises InterpreterError where it cannot be run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = threading.local()
        self.features = int(self._interpreter().get_output_details()[0]["shape"][-1])

    def __call__(self, *inputs: Floats) -> Floats:
        """A copy of the output. Raises InterpreterError for shapes that the graph does not take."""
        interpreter, shapes = self._interpreter(), tuple(x.shape for x in inputs)
        places = [place["index"] for place in interpreter.get_input_details()]
        if self._own.shapes != shapes:
            self._own.shapes = None
            for place, shape in zip(places, shapes, strict=True):
                interpreter.resize_tensor_input(place, list(shape))
            try:
                allocate(interpreter)
            except (ValueError, RuntimeError) as error:
                raise InterpreterError(f"{self._path}: inputs of {shapes} do not fit: {error}") from error
            self._own.shapes = shapes
        for place, x in zip(places, inputs, strict=True):
            interpreter.set_tensor(place, x)
        interpreter.invoke()
        found: Floats = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        return found

    def _interpreter(self) -> Any:
        """This thread's own."""
        if not hasattr(self._own, "interpreter"):
            try:
                self._own.interpreter = interpreter_class()(str(self._path), num_threads=1)
            except (ValueError, RuntimeError, OSError) as error:
                raise InterpreterError(f"{self._path}: a LiteRT file expected: {error}") from error
            self._own.shapes = None
        return self._own.interpreter


def interpreter_class() -> Callable[..., Any]:
    """LiteRT's interpreter, or the one inside TensorFlow where only that is installed; raises ImportError."""
    try:
        made: Callable[..., Any] = import_module("ai_edge_litert.interpreter").Interpreter
    except ImportError:
        made = _without_notice(import_module("tensorflow.lite.python.interpreter").Interpreter)
    return made


def interpreter_found() -> bool:
    """Whether an interpreter is there to import; TensorFlow's counts only once something else has paid for it."""
    return find_spec("ai_edge_litert") is not None or "tensorflow" in sys.modules


def allocate(interpreter: Any) -> None:
    """Allocate an interpreter's tensors; at the first time it would announce that it computes with XNNPACK."""
    with _quiet, _news_left_out():
        interpreter.allocate_tensors()


def _without_notice(interpreter: Callable[..., Any]) -> Callable[..., Any]:
    """TensorFlow's interpreter warns, each time one is made, that LiteRT is to replace it; here LiteRT comes first."""

    def make(*arguments: Any, **options: Any) -> Any:
        with _quiet, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return interpreter(*arguments, **options)

    return make


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
