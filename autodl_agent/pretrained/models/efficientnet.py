"""EfficientNet-Lite (ImageNet) as a LiteRT feature network, from the weights in a PyTorch file.

The Lite family has no squeeze-and-excitation and ReLU6 everywhere, so the whole network is convolutions, additions and
a mean; batch normalisation is folded into the convolutions. Any input size: the mean over rows and columns is last.
Input (n, rows, columns, 3) float32, (grey level - 127) / 128, RGB; output (n, 1280).
Source: github.com/tensorflow/tpu, models/official/efficientnet/lite (2020); EfficientNet, Tan & Le 2019.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from autodl_agent.pretrained.formats.pytorch import TorchFileError
from autodl_agent.pretrained.formats.tflite_conv import ConvGraph, Spread
from autodl_agent.pretrained.formats.tflite_conv_float import FloatGraph
from autodl_agent.pretrained.formats.tflite_conv_int8 import ByteGraph
from autodl_agent.pretrained.formats.tflite_writer import Tensor

Floats = NDArray[np.float32]
FEATURES = 1280
FAMILY = "efficientnet-"  # stands before the variant in the names of weights
EPSILON = 1e-3  # of batch normalisation
STEM = 32  # channels of the first convolution, not scaled in the Lite family
# (width, depth) multipliers
SCALES = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}


@dataclass(frozen=True)
class Stage:
    """Repeated inverted bottlenecks. expand: factor of the inner channels. stride: of the first repeat."""

    kernel: int
    repeats: int
    expand: int
    channels: int
    stride: int


STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 3, 6, 80, 2),
    Stage(5, 3, 6, 112, 1),
    Stage(5, 4, 6, 192, 2),
    Stage(3, 1, 6, 320, 1),
)


@dataclass(frozen=True)
class Block:
    """One inverted bottleneck. residual: its input is added to its output. channels: of its output."""

    expand: bool
    stride: int
    residual: bool
    channels: int


class Weights:
    """Tensors by PyTorch name, each handed out once, in LiteRT's order of axes with batch normalisation folded in."""

    def __init__(self, tensors: dict[str, NDArray[np.floating]]) -> None:
        self._left = {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}

    def conv(self, layer: str, norm: str) -> tuple[Floats, Floats, Spread]:
        """Weights (out, rows, columns, in) and bias (out,) of a convolution and the normalisation after it; spread."""
        weights = self._take(f"{layer}.weight").transpose(0, 2, 3, 1)
        factor, bias, spread = self._norm(norm)
        return _f32(weights * factor[:, None, None, None]), bias, spread

    def depthwise(self, layer: str, norm: str) -> tuple[Floats, Floats, Spread]:
        """Weights (1, rows, columns, channels), bias (channels,) and spread."""
        weights = self._take(f"{layer}.weight").transpose(1, 2, 3, 0)
        factor, bias, spread = self._norm(norm)
        return _f32(weights * factor), bias, spread

    def unused(self) -> list[str]:
        """Names that nobody asked for."""
        return sorted(self._left)

    def _norm(self, name: str) -> tuple[Floats, Floats, Spread]:
        gamma, beta = self._take(f"{name}.weight"), self._take(f"{name}.bias")
        mean, variance = self._take(f"{name}.running_mean"), self._take(f"{name}.running_var")
        factor = gamma / np.sqrt(variance + EPSILON)
        return _f32(factor), _f32(beta - mean * factor), (_f32(beta), _f32(np.abs(gamma)))

    def _take(self, name: str) -> NDArray[np.floating]:
        try:
            return self._left.pop(name)
        except KeyError:
            raise TorchFileError(f"tensor {name!r} expected, found only {len(self._left)} others") from None


def convert(
    variant: str, tensors: dict[str, NDArray[np.floating]], cut: int | None = None, in_bytes: bool = False
) -> bytes:
    """The .tflite file of a variant ("lite0" …). Raises TorchFileError where tensors are missing or left over.

    cut: number of the block whose input is wanted, see `map_shape`; None for the pooled features.
    in_bytes: compute these in 8 bits.
    """
    weights, graph = Weights(tensors), ByteGraph(3) if in_bytes else FloatGraph(3)
    x = graph.conv(graph.input, *weights.conv("_conv_stem", "_bn0"), stride=2, relu6=True)
    for number, block in enumerate(blocks(variant)):
        if number == cut:
            return graph.finish([x])
        x = _bottleneck(graph, weights, x, f"_blocks.{number}", block)
    x = graph.conv(x, *weights.conv("_conv_head", "_bn1"), relu6=True)
    surplus = [name for name in weights.unused() if not name.startswith("_fc.")]  # the ImageNet classifier
    if surplus:
        raise TorchFileError(f"{len(surplus)} tensors more than {variant} has, {surplus[0]!r} the first")
    return graph.finish([graph.mean(x)])


def blocks(variant: str) -> Iterator[Block]:
    """The bottlenecks of a variant, first to last."""
    width, depth = SCALES[variant]
    before = STEM
    for place, stage in enumerate(STAGES):
        fixed = place in (0, len(STAGES) - 1)  # nor is the depth of its first and last stage
        channels = scaled_channels(stage.channels, width)
        for repeat in range(stage.repeats if fixed else math.ceil(stage.repeats * depth)):
            stride = stage.stride if repeat == 0 else 1
            yield Block(stage.expand > 1, stride, stride == 1 and before == channels, channels)
            before = channels


def map_shape(variant: str, cut: int, rows: int, columns: int) -> tuple[int, int, int]:
    """(rows, columns, channels) of what block number `cut` is given of a picture of rows × columns."""
    stride, channels = 2, STEM
    for block in islice(blocks(variant), cut):
        stride, channels = stride * block.stride, block.channels
    return -(-rows // stride), -(-columns // stride), channels


def scaled_channels(channels: int, width: float) -> int:
    """Channels times width, to the nearest multiple of 8 that is not below 90 %."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def _bottleneck(graph: ConvGraph, weights: Weights, x: Tensor, name: str, block: Block) -> Tensor:
    inner = x
    if block.expand:
        inner = graph.conv(inner, *weights.conv(f"{name}._expand_conv", f"{name}._bn0"), relu6=True)
    filters = weights.depthwise(f"{name}._depthwise_conv", f"{name}._bn1")
    inner = graph.depthwise(inner, *filters, stride=block.stride, relu6=True)
    out = graph.conv(inner, *weights.conv(f"{name}._project_conv", f"{name}._bn2"))
    return graph.add(x, out) if block.residual else out


def _f32(values: NDArray[np.floating]) -> Floats:
    return np.ascontiguousarray(values, np.float32)
