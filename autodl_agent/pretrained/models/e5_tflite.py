"""Multilingual E5 small as a LiteRT graph in bytes: the encoder of `e5`, in a quarter of its time.

What is behind a text's end is hidden from it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autodl_agent.pretrained.formats.tflite_transformer_int8 import AttentionWeights, Dense, SequenceGraph
from autodl_agent.pretrained.formats.tflite_writer import Tensor
from autodl_agent.pretrained.models.e5 import E5_LAYERS, E5File
from autodl_agent.pretrained.models.transformer import HIDDEN, Floats, standardised
from autodl_agent.pretrained.runtime.length_batching import Numbers, filled_up, in_groups

GROUP = 4


def converted(path: Path) -> bytes:
    """The .tflite file of the weights' own file. Raises E5FileError, OSError, ImportError."""
    return convert(E5File(path), E5_LAYERS)


def convert(file: E5File, layers: tuple[int, ...]) -> bytes:
    """The .tflite file: (GROUP, 1, len(layers) · width) means over each text's pieces after these layers, rising.

    Inputs: (GROUP, steps, width) vectors of pieces and places; (GROUP, 1, 1, steps) what hides a step, HIDDEN or 0;
    (GROUP, 1, steps) the share of each step in the mean.
    """
    graph, means = SequenceGraph(GROUP), []
    x = graph.add_input("pieces", (GROUP, -1, file.width))
    hidden = graph.add_input("hidden", (GROUP, 1, 1, -1))
    shares = graph.add_input("shares", (GROUP, 1, -1))
    for number in range(max(layers)):
        x = _layer(graph, x, hidden, file, f"l{number}.")
        if number + 1 in layers:
            means.append(graph.product(shares, x))
    return graph.finish([graph.side_by_side(means)])


class E5Lite:
    """Word pieces to vectors; safe to call from several threads. function: the graph that `convert` made."""

    def __init__(self, file: E5File, function: Callable[..., Floats]) -> None:
        self._file, self._function = file, function
        self._place, self._eps = file.places(), np.float32(file.eps)
        self._norm = file.vector("emb.ln.w"), file.vector("emb.ln.b")

    def encode(self, texts: Sequence[Numbers]) -> Floats:
        """(n, features) of n texts, each the numbers of its pieces, LONGEST at most; begin and end are added."""
        return in_groups(texts, GROUP, self._group)

    def _group(self, texts: Sequence[Numbers]) -> Floats:
        """(n, features) of GROUP texts at the most."""
        numbers, there = filled_up(texts, GROUP, self._file.begin, self._file.end)
        shares = np.asarray(there / there.sum(1, keepdims=True), np.float32)
        hidden = np.where(there, np.float32(0), HIDDEN)
        return self._function(self._entered(numbers), hidden[:, None, None], shares[:, None])[: len(texts), 0]

    def _entered(self, numbers: NDArray[np.int64]) -> Floats:
        """(n, steps, width) of (n, steps) numbers of pieces: what the first layer is given."""
        n, steps = numbers.shape
        vectors = self._file.vectors(numbers.ravel()).reshape(n, steps, -1)
        places = np.minimum(np.arange(steps), len(self._place) - 1)  # of the filling, any will do
        return standardised(vectors + self._place[places], *self._norm, self._eps)


def _layer(graph: SequenceGraph, x: Tensor, hidden: Tensor, file: E5File, name: str) -> Tensor:
    query, key, value, leave = (_dense(file, f"{name}{part}", file.width) for part in ("q", "k", "v", "ao"))
    seen = graph.attention(x, AttentionWeights(query, key, value, leave, file.heads), hidden)
    x = _normed(graph, graph.add(x, seen), file, f"{name}aln")
    inner = graph.gelu(graph.dense(x, _dense(file, f"{name}fi", file.width)))
    return _normed(graph, graph.add(x, graph.dense(inner, _dense(file, f"{name}fo", file.inner))), file, f"{name}oln")


def _normed(graph: SequenceGraph, x: Tensor, file: E5File, name: str) -> Tensor:
    return graph.standardised(x, file.vector(f"{name}.w"), file.vector(f"{name}.b"), file.eps)


def _dense(file: E5File, name: str, columns: int) -> Dense:
    return file.matrix(f"{name}.w", columns).T, file.vector(f"{name}.b")
