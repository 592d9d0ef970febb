"""Write a LiteRT (.tflite) file: tensors, operators and constants put together in numpy, without TensorFlow.

Converting through TensorFlow takes 10 to 20 s and its 5 s of import; the format itself is a list of tensors and a list
of operators, written here in 0.1 s.
Format: tensorflow/lite/schema/schema.fbs, version 3 (the generated reader and writer come with the interpreter).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Tensor = int  # number of a tensor of the graph
Shape = Sequence[int]  # -1 for a size that only the input decides
SCHEMAS = ("ai_edge_litert.schema_py_generated", "tensorflow.lite.python.schema_py_generated")
MOST_OLD_CODES = 127  # operators of later numbers have only the new field


@cache
def schema() -> Any:
    """The generated schema module of whichever interpreter is installed; raises ImportError where none is."""
    for name in SCHEMAS:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise ImportError(f"none of {', '.join(SCHEMAS)} is installed")


class LiteFile(ABC):
    """A graph under construction; each kind of network has a class with its operators."""

    def __init__(self) -> None:
        self._s = schema()
        self._graph = self._s.SubGraphT()
        self._graph.tensors, self._graph.operators, self._graph.inputs = [], [], []
        self._buffers = [self._s.BufferT()]  # number 0 stands for "no constant"
        self._codes: list[tuple[int, int]] = []

    def add_input(self, name: str, shape: Shape) -> Tensor:
        """A float32 input; the order of calls is that of the file's inputs."""
        number = self._add_tensor(name, shape)
        self._graph.inputs.append(number)
        return number

    @abstractmethod
    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """Add an operator for the sum of two tensors, and give the tensor that it makes."""

    def finish(self, outputs: list[Tensor]) -> bytes:
        """The file: the graph from its inputs to `outputs`, in their order."""
        import flatbuffers

        graph, model = self._graph, self._s.ModelT()
        graph.outputs = outputs
        model.version, model.subgraphs, model.buffers = 3, [graph], self._buffers
        model.operatorCodes = [self._operator_code(*code) for code in self._codes]
        builder = flatbuffers.Builder(sum(b.data.nbytes for b in self._buffers[1:]) + (1 << 16))
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def shape_of(self, tensor: Tensor) -> list[int]:
        """With -1 for what only the input decides."""
        return list(self._graph.tensors[tensor].shapeSignature)

    def _operator(self, name: str, inputs: list[Tensor], shape: Shape, options: Any = None, version: int = 1) -> Tensor:
        """Add an operator of this name in the schema (CONV_2D …) and the float32 tensor that it makes."""
        return self._operators(name, inputs, [shape], options, version)[0]

    def _operators(
        self, name: str, inputs: list[Tensor], shapes: Sequence[Shape], options: Any = None, version: int = 1
    ) -> list[Tensor]:
        """The same of an operator that makes several."""
        code = (getattr(self._s.BuiltinOperator, name), version)
        if code not in self._codes:
            self._codes.append(code)
        operator = self._s.OperatorT()
        out = [self._add_tensor(f"t{len(self._graph.tensors)}", shape) for shape in shapes]
        operator.opcodeIndex, operator.inputs, operator.outputs = self._codes.index(code), inputs, out
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType, operator.builtinOptions = getattr(self._s.BuiltinOptions, kind), options
        self._graph.operators.append(operator)
        return out

    def _constant(self, values: NDArray[Any]) -> Tensor:
        types = self._s.TensorType
        kinds = {"float32": types.FLOAT32, "int32": types.INT32, "int8": types.INT8}
        buffer = self._s.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._buffers.append(buffer)
        number = self._add_tensor(f"t{len(self._graph.tensors)}", values.shape)
        tensor = self._graph.tensors[number]
        tensor.type, tensor.buffer = kinds[values.dtype.name], len(self._buffers) - 1
        return number

    def _in_steps(self, tensor: Tensor, scales: Any, zero: int, axis: int = 0) -> Tensor:
        """Say what bytes stand for: (byte - zero) · scale, with one scale or one for each place of `axis`."""
        made, found = self._s.QuantizationParametersT(), self._graph.tensors[tensor]
        made.scale, made.quantizedDimension = np.asarray(scales, np.float32), axis
        made.zeroPoint = np.full(len(scales), zero, np.int64)
        found.quantization = made
        return tensor

    def _operator_code(self, builtin: int, version: int) -> Any:
        code = self._s.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode = builtin, min(builtin, MOST_OLD_CODES)
        code.version = version
        return code

    def _add_tensor(self, name: str, shape: Shape) -> Tensor:
        tensor = self._s.TensorT()
        tensor.name, tensor.shape, tensor.shapeSignature = name, [max(1, size) for size in shape], list(shape)
        tensor.type, tensor.buffer = self._s.TensorType.FLOAT32, 0
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1
