"""LiteRT graphs on images: the few operators that convolutional networks are made of, whatever they compute in."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from autodl_agent.pretrained.formats.tflite_writer import Floats, LiteFile, Tensor

Spread = tuple[Floats, Floats]  # mean and deviation of every channel


class ConvGraph(LiteFile):
    """A graph under construction: every method adds an operator and gives the tensor that it makes.

    channels: of the input, float32 (n, rows, columns, channels) of any n and size.
    spread: what comes out of a layer before its activation, for graphs that have to know.
    CONV, DEPTHWISE, ADD: versions of the operators.
    """

    CONV: ClassVar[int]
    DEPTHWISE: ClassVar[int]
    ADD: ClassVar[int]

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = self.add_input("input", [-1, -1, -1, channels])

    def conv(
        self,
        x: Tensor,
        weights: Floats,
        bias: Floats,
        spread: Spread | None = None,
        stride: int = 1,
        relu6: bool = False,
    ) -> Tensor:
        """Convolution, "same" padding. weights: (out, rows, columns, in). bias: (out,)."""
        options = self._s.Conv2DOptionsT()
        options.padding, options.strideH, options.strideW = self._s.Padding.SAME, stride, stride
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = self._activation(relu6)
        out = self._map("CONV_2D", self._layer(x, weights, bias, 0), len(weights), options, self.CONV)
        return self._reaching(out, spread, relu6)

    def depthwise(
        self,
        x: Tensor,
        weights: Floats,
        bias: Floats,
        spread: Spread | None = None,
        stride: int = 1,
        relu6: bool = False,
    ) -> Tensor:
        """Convolution of every channel by itself, "same" padding. weights: (1, rows, columns, channels)."""
        options = self._s.DepthwiseConv2DOptionsT()
        options.padding, options.strideH, options.strideW = self._s.Padding.SAME, stride, stride
        options.depthMultiplier = options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = self._activation(relu6)
        inputs = self._layer(x, weights, bias, 3)
        out = self._map("DEPTHWISE_CONV_2D", inputs, weights.shape[3], options, self.DEPTHWISE)
        return self._reaching(out, spread, relu6)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum of two tensors of the same shape."""
        options = self._s.AddOptionsT()
        options.fusedActivationFunction = self._activation(False)
        return self._map("ADD", [x, y], self.shape_of(x)[3], options, self.ADD)

    def mean(self, x: Tensor) -> Tensor:
        """Mean over rows and columns: (n, channels)."""
        options = self._s.ReducerOptionsT()
        options.keepDims = False
        inputs = [x, self._constant(np.array([1, 2], np.int32))]
        return self._operator("MEAN", inputs, [-1, self.shape_of(x)[3]], options)

    def _map(self, name: str, inputs: list[Tensor], channels: int, options: Any, version: int = 1) -> Tensor:
        return self._operator(name, inputs, [-1, -1, -1, channels], options, version)

    @abstractmethod
    def _layer(self, x: Tensor, weights: Floats, bias: Floats, axis: int) -> list[Tensor]:
        """What a layer is given: its input, weights and bias as constants. axis: of the output channels."""

    @abstractmethod
    def _reaching(self, out: Tensor, spread: Spread | None, relu6: bool) -> Tensor:
        """Called with what every layer makes, for graphs whose values have a range."""

    def _activation(self, relu6: bool) -> int:
        kinds = self._s.ActivationFunctionType
        return int(kinds.RELU6 if relu6 else kinds.NONE)
