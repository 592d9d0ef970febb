"""Run a LiteRT file on pictures: one single-threaded interpreter per core, in small batches that stay in its cache.

Interpreters side by side keep every core busy at any batch size, where the threads of one interpreter wait for each
other at every layer of a small network.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.pretrained.runtime.interpreter import Floats, LiteFunction
from autodl_agent.system.resources import cores

Prepare = Callable[[NDArray[Any]], Floats]
MOST_INTERPRETERS = 8  # each holds its own packed copy of the weights
BATCH_PIXELS = 1 << 17
MOST_BATCH = 32


class LiteNetwork:
    """A network from (n, rows, columns, channels) float32 to (n, features), or to maps (n, rows, columns, features).

    It may be called from several threads.

    path: a .tflite file of one input of any size and one output. workers: interpreters side by side.
    Raises InterpreterError where the file cannot be run.
    """

    def __init__(self, path: Path, workers: int | None = None) -> None:
        self._function = LiteFunction(path)
        workers = max(1, min(workers or cores(), MOST_INTERPRETERS))
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="litert")
        self.features = self._function.features

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
        return self._function(x)[:rows]


def batch_size(pixels: int) -> int:
    """Pictures per batch: about BATCH_PIXELS in all, so that the layers' values stay in a core's cache."""
    return max(1, min(MOST_BATCH, BATCH_PIXELS // max(1, pixels)))
