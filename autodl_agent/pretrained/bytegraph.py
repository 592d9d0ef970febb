"""LiteRT graphs that compute in bytes: in about half the time of single precision, features that hardly differ.

Weights have a scale for each output channel, values one for each tensor. How far values reach is not looked up in
pictures: after a convolution with batch normalisation their mean and deviation are the normalisation's offset and
factor, so the range follows from the weights. What is only averaged afterwards is turned back to float32 first.
Sources: Jacob et al. 2018 (integer arithmetic); Nagel et al. 2019 (ranges without data).
"""

from typing import Any

import numpy as np

from autodl_agent.pretrained.litegraph import Floats, LiteGraph, Spread, Tensor

REACH = 5.0  # deviations from its mean that a value may have before it is cut
TOP = 6.0  # of ReLU6
LARGEST = 2**30  # of a bias, in steps of its scale
INPUT_SCALE = 1 / 128  # pictures are (grey level - 127) / 128: every level but the last is met


class ByteGraph(LiteGraph):
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
        options = self._s.DequantizeOptionsT()
        code = (self._s.BuiltinOperator.DEQUANTIZE, 2)
        channels = self._graph.tensors[x].shape[3]
        return super().mean(self._operator(code, self._s.BuiltinOptions.DequantizeOptions, options, [x], channels))

    def _quantized(self, x: Tensor) -> Tensor:
        options = self._s.QuantizeOptionsT()
        code, channels = (self._s.BuiltinOperator.QUANTIZE, 1), self._graph.tensors[x].shape[3]
        out = self._operator(code, self._s.BuiltinOptions.QuantizeOptions, options, [x], channels)
        return self._scaled(out, np.array([INPUT_SCALE]), 0)

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
        return self._scaled(out, np.array([scale]), round(-128 - low / scale))

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
        return [x, self._scaled(kernel, scales, 0, axis), self._scaled(added, together, 0)]

    def _scaled(self, tensor: Tensor, scales: Any, zero: int, axis: int = 0) -> Tensor:
        made, found = self._s.QuantizationParametersT(), self._graph.tensors[tensor]
        made.scale, made.quantizedDimension = scales.astype(np.float32), axis
        made.zeroPoint = np.full(len(scales), zero, np.int64)
        found.quantization = made
        if found.type == self._s.TensorType.FLOAT32:  # values: constants have their type
            found.type = self._s.TensorType.INT8
        return tensor
