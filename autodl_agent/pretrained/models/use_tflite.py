"""What the Universal Sentence Encoder does to word pieces as a LiteRT graph in bytes: the expensive part of `use`."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import final

import numpy as np

from autodl_agent.pretrained.formats.tflite_transformer_int8 import SequenceGraph
from autodl_agent.pretrained.models.use import BEGIN, BRANCHES, END, FEATURES, WIDTH, UseEncoder
from autodl_agent.pretrained.runtime.length_batching import Floats, Numbers, filled_up, in_groups

GROUP = 8  # texts computed together


def unpacked(path: Path) -> bytes:
    """The pieces' vectors of the weights' own file as an .npy file, which can be mapped. Raises UseFileError."""
    out = BytesIO()
    np.save(out, UseEncoder(path).table, allow_pickle=False)
    return out.getvalue()


def converted(path: Path) -> bytes:
    """The .tflite file of the weights' own file: (GROUP, 1, 1, features) sums over each text's pieces.

    Inputs: (GROUP, 1, steps, 512) vectors of pieces; (GROUP, 1, steps, 1) 1 for a step of the text, 0 behind its end;
    (GROUP, 1, 1, steps) the same turned. Raises UseFileError, OSError, ImportError.
    """
    encoder = UseEncoder(path)
    graph, w = SequenceGraph(GROUP), encoder.weights
    own = graph.add_input("pieces", (GROUP, 1, -1, FEATURES))
    there = graph.add_input("there", (GROUP, 1, -1, 1))
    turned = graph.add_input("turned", (GROUP, 1, 1, -1))
    enter, enter_bias, gain, bias = encoder.entry
    x = graph.standardised(graph.dense(own, (enter.T, enter_bias)), gain, bias, encoder.eps)
    found = [own]
    for (width, _), branch in zip(BRANCHES, graph.parts(graph.multiply(x, there), len(BRANCHES)), strict=True):
        for layer in ("1", "2"):
            filters = w[f"w{layer}_{width}"].reshape(width, WIDTH, WIDTH).transpose(2, 0, 1)[:, None]
            seen = graph.conv(branch, filters, w[f"b{layer}_{width}"], relu=True)
            branch = graph.multiply(graph.add(branch, seen), there)  # beyond a text's end there is nothing to be seen
        found.append(branch)
    features = graph.standardised(graph.side_by_side(found), w["ln_g"], w["ln_b"], encoder.eps)
    return graph.finish([graph.product(turned, features)])


@final
class UseLite:
    """Word pieces to vectors; safe to call from several threads.

    encoder: has the pieces' vectors and computes what follows the sums. function: the graph that `converted` wrote.
    """

    def __init__(self, encoder: UseEncoder, function: Callable[..., Floats]) -> None:
        self._encoder, self._function = encoder, function

    def encode(self, texts: Sequence[Numbers]) -> Floats:
        """See `UseEncoder.encode`."""
        return self._encoder.encode_with(lambda some: in_groups(some, GROUP, self._group), texts)

    def _group(self, texts: Sequence[Numbers]) -> Floats:
        numbers, there = filled_up(texts, GROUP, BEGIN, END)
        real = there.astype(np.float32)
        vectors = self._encoder.vectors(numbers)[:, None]
        return self._function(vectors, real[:, None, :, None], real[:, None, None])[: len(texts), 0, 0]
