"""LiteRT graphs over sequences (transformers) whose products are in bytes: a fraction of the time of single precision.

Weights have a scale for each output; every row of values is scaled by itself when it comes to a product (dynamic
quantisation), so that no range has to be known beforehand; everything between products is float32.
Sources: Vaswani et al. 2017; Zafrir et al. 2019, "Q8BERT".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from autodl_agent.pretrained.formats.tflite_writer import Floats, LiteFile, Tensor

DENSE, CONV = 12, 5  # versions of the operators with one scale for each output and values that are scaled row by row
LARGEST = 127
FEWEST = 1e-12
Dense = tuple[Floats, Floats]  # weights (out, in) and bias (out,)


@dataclass(frozen=True)
class AttentionWeights:
    """Of self-attention of several heads: queries, keys, values, and the projection of what is attended to."""

    query: Dense
    key: Dense
    value: Dense
    leave: Dense
    heads: int


@final
class SequenceGraph(LiteFile):
    """A graph under construction: every method adds operators and gives the tensor that they make.

    n: sequences that are computed together. Tensors are (n, steps, width), of any number of steps.
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def dense(self, x: Tensor, layer: Dense) -> Tensor:
        """(…, out) of (…, in)."""
        weights, bias = layer
        options = self._s.FullyConnectedOptionsT()
        options.keepNumDims = options.asymmetricQuantizeInputs = True
        inputs = [x, *self._kernel(weights, bias)]
        return self._operator("FULLY_CONNECTED", inputs, [*self.shape_of(x)[:-1], len(weights)], options, DENSE)

    def conv(self, x: Tensor, weights: Floats, bias: Floats, step: int = 1, relu: bool = False) -> Tensor:
        """Convolution over steps: (n, 1, steps, out) of (n, 1, steps, in), with zeros beyond the ends.

        weights: (out, 1, neighbours, in); of an even number of neighbours one more stands behind than before.
        """
        options, neighbours = self._s.Conv2DOptionsT(), weights.shape[2]
        options.padding, options.strideH, options.strideW = self._s.Padding.SAME, 1, step
        options.dilationHFactor = options.dilationWFactor = 1
        kinds = self._s.ActivationFunctionType
        options.fusedActivationFunction = kinds.RELU if relu else kinds.NONE
        if step > 1:  # "same" would put the zeros behind, or on both sides, by the number of steps
            options.padding = self._s.Padding.VALID
            x = self._surrounded(x, (neighbours - 1) // 2, neighbours // 2)
        inputs = [x, *self._kernel(weights, bias)]
        return self._operator("CONV_2D", inputs, [*self.shape_of(x)[:-1], len(weights)], options, CONV)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum; y may be smaller and is repeated."""
        return self._operator("ADD", [x, y], self.shape_of(x), self._s.AddOptionsT())

    def multiply(self, x: Tensor, y: Tensor) -> Tensor:
        """Product of each pair of numbers; y may be smaller and is repeated."""
        return self._operator("MUL", [x, y], self.shape_of(x), self._s.MulOptionsT())

    def standardised(self, x: Tensor, gain: Floats, bias: Floats, eps: float) -> Tensor:
        """Layer normalisation of rows."""
        centred = self.centred(x, self._row_mean(x))
        spread = self._row_mean(self.multiply(centred, centred))
        spread = self.add(spread, self._constant(np.array([eps], np.float32)))
        scaled = self.multiply(centred, self._operator("RSQRT", [spread], self.shape_of(spread)))
        return self.add(self.multiply(scaled, self._constant(gain)), self._constant(bias))

    def gelu(self, x: Tensor) -> Tensor:
        """x · Φ(x) in its tanh form."""
        options = self._s.GeluOptionsT()
        options.approximate = True
        return self._operator("GELU", [x], self.shape_of(x), options)

    def attention(self, x: Tensor, weights: AttentionWeights, hidden: Tensor | None = None) -> Tensor:
        """Self-attention. hidden: (n, 1, 1, steps), added to the scores of every step."""
        heads, width = weights.heads, self.shape_of(x)[2]
        root = np.float32((width // heads) ** -0.5)
        query = (weights.query[0] * root, weights.query[1] * root)
        q, k, v = (self._by_head(self.dense(x, part), heads) for part in (query, weights.key, weights.value))
        scores = self.product(q, k, turned=True)
        scores = scores if hidden is None else self.add(scores, hidden)
        options = self._s.SoftmaxOptionsT()
        options.beta = 1.0
        shares = self._operator("SOFTMAX", [scores], self.shape_of(scores), options)
        attended = self._swapped(self.product(shares, v))
        return self.dense(self.reshaped(attended, [self.n, -1, width]), weights.leave)

    def product(self, x: Tensor, y: Tensor, turned: bool = False) -> Tensor:
        """Matrix product of the last two axes; turned: of x and the transposed y."""
        options = self._s.BatchMatMulOptionsT()
        options.adjY = turned
        shape = [*self.shape_of(x)[:-1], self.shape_of(y)[-2 if turned else -1]]
        return self._operator("BATCH_MATMUL", [x, y], shape, options)

    def side_by_side(self, tensors: Sequence[Tensor]) -> Tensor:
        """Joined along the last axis."""
        options = self._s.ConcatenationOptionsT()
        shape = self.shape_of(tensors[0])
        options.axis = len(shape) - 1
        shape[-1] = sum(self.shape_of(tensor)[-1] for tensor in tensors)
        return self._operator("CONCATENATION", list(tensors), shape, options)

    def parts(self, x: Tensor, count: int) -> list[Tensor]:
        """Cut into `count` equal parts of the last axis."""
        options, shape = self._s.SplitOptionsT(), self.shape_of(x)
        options.numSplits = count
        axis = self._constant(np.array(len(shape) - 1, np.int32))
        return self._operators("SPLIT", [axis, x], [[*shape[:-1], shape[-1] // count]] * count, options)

    def centred(self, x: Tensor, mean: Tensor) -> Tensor:
        """Difference; the mean may be smaller and is repeated."""
        return self._operator("SUB", [x, mean], self.shape_of(x), self._s.SubOptionsT())

    def reshaped(self, x: Tensor, shape: list[int]) -> Tensor:
        """The same numbers in another shape, of which one size, -1, follows from the others."""
        options = self._s.ReshapeOptionsT()
        options.newShape = shape
        return self._operator("RESHAPE", [x, self._constant(np.array(shape, np.int32))], shape, options)

    def _surrounded(self, x: Tensor, before: int, behind: int) -> Tensor:
        """More steps of zeros."""
        zeros = self._constant(np.array([[0, 0], [0, 0], [before, behind], [0, 0]], np.int32))
        return self._operator("PAD", [x, zeros], self.shape_of(x), self._s.PadOptionsT())

    def _kernel(self, weights: Floats, bias: Floats) -> list[Tensor]:
        """Weights (out, …) in bytes with a scale for each output, and the bias."""
        flat = weights.reshape(len(weights), -1)
        scales = np.maximum(np.abs(flat).max(1) / LARGEST, FEWEST)
        kernel = self._constant(np.rint(flat / scales[:, None]).astype(np.int8).reshape(weights.shape))
        return [self._in_steps(kernel, scales, 0), self._constant(np.asarray(bias, np.float32))]

    def _row_mean(self, x: Tensor) -> Tensor:
        options = self._s.ReducerOptionsT()
        options.keepDims = True
        shape = self.shape_of(x)
        axis = self._constant(np.array([len(shape) - 1], np.int32))
        return self._operator("MEAN", [x, axis], [*shape[:-1], 1], options)

    def _by_head(self, x: Tensor, heads: int) -> Tensor:
        """(n, heads, steps, width / heads) of (n, steps, width)."""
        return self._swapped(self.reshaped(x, [self.n, -1, heads, self.shape_of(x)[2] // heads]))

    def _swapped(self, x: Tensor) -> Tensor:
        """The second and third of four axes exchanged."""
        order, shape = [0, 2, 1, 3], self.shape_of(x)
        inputs = [x, self._constant(np.array(order, np.int32))]
        return self._operator("TRANSPOSE", inputs, [shape[axis] for axis in order], self._s.TransposeOptionsT())
