"""Write a LiteRT (.tflite) file: a graph of float32 layers put together in numpy, without TensorFlow.

Converting through TensorFlow takes 10 to 20 s and its 5 s of import; the format itself is a list of tensors and a list
of operators, written here in 0.1 s. Only the few operators that convolutional networks are made of.
Format: tensorflow/lite/schema/schema.fbs, version 3 (the generated reader and writer come with the interpreter).
"""

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Tensor = int  # number of a tensor of the graph
Spread = tuple[Floats, Floats]  # mean and deviation of every channel
SCHEMAS = ("ai_edge_litert.schema_py_generated", "tensorflow.lite.python.schema_py_generated")


@cache
def schema() -> Any:
    """The generated schema module of whichever interpreter is installed; raises ImportError where none is."""
    for name in SCHEMAS:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise ImportError(f"none of {', '.join(SCHEMAS)} is installed")


class LiteGraph:
    """A graph under construction: every method adds an operator and gives the tensor that it makes.

    channels: of the input, float32 (n, rows, columns, channels) of any n and size.
    spread: what comes out of a layer before its activation, for graphs that have to know.
    """

    CONV, DEPTHWISE, ADD = 1, 1, 1  # versions of the operators

    def __init__(self, channels: int) -> None:
        self._s = schema()
        self._graph = self._s.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._buffers = [self._s.BufferT()]  # number 0 stands for "no constant"
        self._codes: list[tuple[int, int]] = []
        self.input = self._add_tensor("input", [1, 1, 1, channels], [-1, -1, -1, channels])

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
        code = (self._s.BuiltinOperator.CONV_2D, self.CONV)
        inputs = self._layer(x, weights, bias, 0)
        out = self._operator(code, self._s.BuiltinOptions.Conv2DOptions, options, inputs, len(weights))
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
        code = (self._s.BuiltinOperator.DEPTHWISE_CONV_2D, self.DEPTHWISE)
        inputs = self._layer(x, weights, bias, 3)
        out = self._operator(code, self._s.BuiltinOptions.DepthwiseConv2DOptions, options, inputs, weights.shape[3])
        return self._reaching(out, spread, relu6)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum of two tensors of the same shape."""
        options = self._s.AddOptionsT()
        options.fusedActivationFunction = self._activation(False)
        channels = self._graph.tensors[x].shape[3]
        return self._operator(
            (self._s.BuiltinOperator.ADD, self.ADD), self._s.BuiltinOptions.AddOptions, options, [x, y], channels
        )

    def mean(self, x: Tensor) -> Tensor:
        """Mean over rows and columns: (n, channels)."""
        options = self._s.ReducerOptionsT()
        options.keepDims = False
        code = (self._s.BuiltinOperator.MEAN, 1)
        inputs = [x, self._constant(np.array([1, 2], np.int32))]
        channels = self._graph.tensors[x].shape[3]
        return self._operator(code, self._s.BuiltinOptions.ReducerOptions, options, inputs, channels, rank=2)

    def finish(self, outputs: list[Tensor]) -> bytes:
        """The file: the graph from its input to `outputs`, in their order."""
        import flatbuffers

        graph, model = self._graph, self._s.ModelT()
        graph.inputs, graph.outputs = [self.input], outputs
        model.version, model.subgraphs, model.buffers = 3, [graph], self._buffers
        model.operatorCodes = [self._operator_code(*code) for code in self._codes]
        builder = flatbuffers.Builder(sum(b.data.nbytes for b in self._buffers[1:]) + (1 << 16))
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _layer(self, x: Tensor, weights: Floats, bias: Floats, axis: int) -> list[Tensor]:
        """What a layer is given: its input, weights and bias as constants. axis: of the output channels."""
        return [x, self._constant(weights), self._constant(bias)]

    def _reaching(self, out: Tensor, spread: Spread | None, relu6: bool) -> Tensor:
        """Called with what every layer makes, for graphs whose values have a range."""
        return out

    def _activation(self, relu6: bool) -> int:
        kinds = self._s.ActivationFunctionType
        return int(kinds.RELU6 if relu6 else kinds.NONE)

    def _operator(
        self, code: tuple[int, int], kind: int, options: Any, inputs: list[Tensor], channels: int, rank: int = 4
    ) -> Tensor:
        if code not in self._codes:
            self._codes.append(code)
        operator = self._s.OperatorT()
        shape = [1] * (rank - 1) + [channels]
        out = self._add_tensor(f"t{len(self._graph.tensors)}", shape, [-1] * (rank - 1) + [channels])
        operator.opcodeIndex, operator.inputs, operator.outputs = self._codes.index(code), inputs, [out]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self._graph.operators.append(operator)
        return out

    def _operator_code(self, builtin: int, version: int) -> Any:
        code = self._s.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = version
        return code

    def _constant(self, values: NDArray[Any]) -> Tensor:
        types = self._s.TensorType
        kinds = {"float32": types.FLOAT32, "int32": types.INT32, "int8": types.INT8}
        buffer = self._s.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._buffers.append(buffer)
        number = self._add_tensor(f"t{len(self._graph.tensors)}", list(values.shape), None)
        tensor = self._graph.tensors[number]
        tensor.type, tensor.buffer = kinds[values.dtype.name], len(self._buffers) - 1
        return number

    def _add_tensor(self, name: str, shape: list[int], signature: list[int] | None) -> Tensor:
        tensor = self._s.TensorT()
        tensor.name, tensor.shape, tensor.shapeSignature = name, shape, signature
        tensor.type, tensor.buffer = self._s.TensorType.FLOAT32, 0
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1
