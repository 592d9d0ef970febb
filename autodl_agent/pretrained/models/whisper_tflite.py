"""The encoder of Whisper tiny.en as a LiteRT graph in bytes: what `whisper` computes, in less time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from autodl_agent.pretrained.formats.ctranslate2 import CTranslateFileError, read_floats
from autodl_agent.pretrained.formats.tflite_transformer_int8 import AttentionWeights, Dense, SequenceGraph
from autodl_agent.pretrained.formats.tflite_writer import Tensor
from autodl_agent.pretrained.models.whisper import BANDS, EPS, HEADS, LAYERS, WIDTH, mel_frames
from autodl_agent.pretrained.runtime.length_batching import Floats

PREFIX = "encoder/"
Arrays = dict[str, Floats]


def converted(path: Path) -> bytes:
    """The .tflite file: (1, 1, 2 · LAYERS · WIDTH), mean and mean square deviation over time after each layer in turn.

    Inputs: (1, 1, frames, BANDS) of sound; (1, steps, WIDTH) what stands for the places of every second frame;
    (1, 1, steps) the share of each of them. Raises CTranslateFileError, OSError, ImportError.
    """
    w = read_floats(path, PREFIX)
    try:
        return _graph(w)
    except KeyError as error:
        raise CTranslateFileError(f"{path}: the encoder's variable {error} expected") from error


class WhisperLite:
    """Sounds to moments of every layer; safe to call from several threads. Raises CTranslateFileError, OSError.

    path: of the weights. function: the graph that `converted` wrote.
    """

    def __init__(self, path: Path, function: Callable[..., Floats]) -> None:
        self._places = read_floats(path, f"{PREFIX}position_encodings/")["encodings"]
        self._function = function

    def moments(self, wave: Floats) -> Floats:
        """(layers, 2 · 384): mean and standard deviation over time after each layer, of 16 kHz samples (n,)."""
        frames = mel_frames(wave)
        steps = (len(frames) + 1) // 2
        shares = np.full((1, 1, steps), 1 / steps, np.float32)
        found = self._function(frames[None, None], self._places[None, :steps], shares).reshape(LAYERS, 2, WIDTH)
        found[:, 1] = np.sqrt(np.maximum(found[:, 1], 0))
        return found.reshape(LAYERS, 2 * WIDTH)


def _graph(w: Arrays) -> bytes:
    graph, moments = SequenceGraph(1), []
    x = graph.add_input("frames", (1, 1, -1, BANDS))
    places = graph.add_input("places", (1, -1, WIDTH))
    shares = graph.add_input("shares", (1, 1, -1))
    for number in (1, 2):
        filters = w[f"conv{number}/weight"].transpose(0, 2, 1)[:, None]
        x = graph.gelu(graph.conv(x, filters, w[f"conv{number}/bias"], step=number))
    x = graph.add(graph.reshaped(x, [1, -1, WIDTH]), places)
    for number in range(LAYERS):
        x = _layer(graph, x, w, f"layer_{number}/")
        told = _normed(graph, x, w, "layer_norm") if number == LAYERS - 1 else x
        mean = graph.product(shares, told)
        apart = graph.centred(told, mean)
        moments += [mean, graph.product(shares, graph.multiply(apart, apart))]
    return graph.finish([graph.side_by_side(moments)])


def _layer(graph: SequenceGraph, x: Tensor, w: Arrays, name: str) -> Tensor:
    attention, network = f"{name}self_attention/", f"{name}ffn/"
    weights, biases = (np.split(w[f"{attention}linear_0/{part}"], 3) for part in ("weight", "bias"))
    query, key, value = zip(weights, biases, strict=True)
    parts = AttentionWeights(query, key, value, _dense(w, f"{attention}linear_1"), HEADS)
    x = graph.add(x, graph.attention(_normed(graph, x, w, f"{attention}layer_norm"), parts))
    inner = graph.gelu(graph.dense(_normed(graph, x, w, f"{network}layer_norm"), _dense(w, f"{network}linear_0")))
    return graph.add(x, graph.dense(inner, _dense(w, f"{network}linear_1")))


def _normed(graph: SequenceGraph, x: Tensor, w: Arrays, name: str) -> Tensor:
    return graph.standardised(x, w[f"{name}/gamma"], w[f"{name}/beta"], float(EPS))


def _dense(w: Arrays, name: str) -> Dense:
    return w[f"{name}/weight"], w[f"{name}/bias"]
