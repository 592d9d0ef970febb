"""LiteRT graphs that compute in bytes: in about half the time of single precision, features that hardly differ.

Weights have a scale for each output channel, values one for each tensor. How far values reach is not looked up in
pictures: after a convolution with batch normalisation their mean and deviation are the normalisation's offset and
factor, so the range follows from the weights. What is only averaged afterwards is turned back to float32 first.
Sources: Jacob et al. 2018 (integer arithmetic); Nagel et al. 2019 (ranges without data).
"""

from typing import final

import numpy as np

from autodl_agent.pretrained.formats.tflite_conv import ConvGraph, Spread
from autodl_agent.pretrained.formats.tflite_writer import Floats, Tensor

REACH = 5.0  # deviations from its mean that a value may have before it is cut
TOP = 6.0  # of ReLU6
LARGEST = 2**30  # of a bias, in steps of its scale
INPUT_SCALE = 1 / 128  # pictures are (grey level - 127) / 128: every level but the last is met


@final
class ByteGraph(ConvGraph):
    """A graph whose convolutions and sums are in bytes, each from a normalised layer; input and means are float32."""

    CONV, DEPTHWISE, ADD = 3, 3, 2

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self._spreads: dict[Tensor, Spread] = {}
        self._first = self._quantized(self.input)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum of two tensors of the same shape, both without activation."""
        (mean, deviation), (other_mean, other_deviation) = self._spreads[x], self._spreads[y]
        return self._reaching(super().add(x, y), (mean + other_mean, np.hypot(deviation, other_deviation)), False)

    def mean(self, x: Tensor) -> Tensor:
        """Mean over rows and columns in float32: (n, channels)."""
        return super().mean(self._map("DEQUANTIZE", [x], self.shape_of(x)[3], self._s.DequantizeOptionsT(), 2))

    def _quantized(self, x: Tensor) -> Tensor:
        out = self._map("QUANTIZE", [x], self.shape_of(x)[3], self._s.QuantizeOptionsT())
        return self._in_bytes(out, INPUT_SCALE, 0)

    def _reaching(self, out: Tensor, spread: Spread | None, relu6: bool) -> Tensor:
        """Give the values of `out` the scale that their spread asks for."""
        if spread is None:
            raise ValueError("a layer in bytes needs the spread of its values")
        mean, deviation = spread
        high = max(float((mean + REACH * deviation).max()), 1e-3)
        low = 0.0 if relu6 else min(float((mean - REACH * deviation).min()), 0.0)
        high = min(high, TOP) if relu6 else high
        scale = (high - low) / 255
        self._spreads[out] = spread
        return self._in_bytes(out, scale, round(-128 - low / scale))

    def _layer(self, x: Tensor, weights: Floats, bias: Floats, axis: int) -> list[Tensor]:
        x = self._first if x == self.input else x
        others = tuple(k for k in range(weights.ndim) if k != axis)
        scale = float(self._graph.tensors[x].quantization.scale[0])
        # A channel of hardly any weight still has to hold its bias.
        least = np.maximum(np.abs(bias.astype(float)) / (scale * LARGEST), 1e-12)
        scales = np.maximum(np.abs(weights).max(others).astype(float) / 127, least)
        shape = [-1 if k == axis else 1 for k in range(weights.ndim)]
        kernel = self._constant(np.rint(weights / scales.reshape(shape)).astype(np.int8))
        together = scales * scale
        added = self._constant(np.rint(bias / together).astype(np.int32))
        return [x, self._in_steps(kernel, scales, 0, axis), self._in_steps(added, together, 0)]

    def _in_bytes(self, values: Tensor, scale: float, zero: int) -> Tensor:
        self._graph.tensors[values].type = self._s.TensorType.INT8
        return self._in_steps(values, [scale], zero)
