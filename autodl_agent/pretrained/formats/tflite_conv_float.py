"""LiteRT graphs on images that compute in float32."""

from typing import final

from autodl_agent.pretrained.formats.tflite_conv import ConvGraph, Spread
from autodl_agent.pretrained.formats.tflite_writer import Floats, Tensor


@final
class FloatGraph(ConvGraph):
    """Weights and values as they are."""

    CONV, DEPTHWISE, ADD = 1, 1, 1

    def _layer(self, x: Tensor, weights: Floats, bias: Floats, axis: int) -> list[Tensor]:
        return [x, self._constant(weights), self._constant(bias)]

    def _reaching(self, out: Tensor, spread: Spread | None, relu6: bool) -> Tensor:
        return out
