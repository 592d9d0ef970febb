"""The end of EfficientNet-Lite as Keras layers that can be trained on, from one of its blocks to the pooled features.

Batch normalisation stays apart from the convolutions: its statistics are those of ImageNet, whatever batches come by,
and its factors and offsets are trained. Statistics of small or unusual batches would undo what the weights know.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, final

from numpy.typing import NDArray

from autodl_agent.pretrained.models.efficientnet import EPSILON, Block, blocks

Tensors = dict[str, NDArray[Any]]


@final
class TrainableBlocks:
    """Layers from block number `cut` on, called on a Keras tensor; then `pour` puts the weights in.

    variant: "lite0" …. tensors: of the PyTorch file. cut: 0 begins with the first convolution, on normalised images;
    any other takes the maps that `efficientnet.convert` with the same cut makes. stage_end: called with the maps at the
    end of each first block of a stage (those without a shortcut) and a name for further layers; gives what goes on.
    """

    def __init__(
        self, variant: str, tensors: Tensors, cut: int, stage_end: Callable[[Any, str], Any] = lambda maps, name: maps
    ) -> None:
        self.variant, self.tensors, self.cut, self.stage_end = variant, tensors, cut, stage_end
        self._made: list[tuple[Any, list[NDArray[Any]]]] = []

    def __call__(self, x: Any) -> Any:
        """Maps (or pictures) -> (n, 1280) features."""
        from keras import layers

        every = list(blocks(self.variant))
        if self.cut == 0:
            x = self._conv(x, f"group{len(every) + 2}_stem", "_conv_stem", "_bn0", stride=2)
        for number in range(self.cut, len(every)):
            x = self._bottleneck(x, f"group{len(every) + 1 - number}", f"_blocks.{number}", every[number])
        x = self._conv(x, "group1_top", "_conv_head", "_bn1")
        return layers.GlobalAveragePooling2D()(x)

    def pour(self) -> None:
        """Put the weights into the layers, once a model has been made of them."""
        for layer, values in self._made:
            layer.set_weights(values)

    def _bottleneck(self, x: Any, ours: str, theirs: str, block: Block) -> Any:
        from keras import layers

        inner = x
        if block.expand:
            inner = self._conv(inner, f"{ours}_expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
        inner = self._depthwise(inner, f"{ours}_depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1", block.stride)
        out = self._conv(inner, f"{ours}_project", f"{theirs}._project_conv", f"{theirs}._bn2", relu6=False)
        return layers.Add()([x, out]) if block.residual else self.stage_end(out, ours)

    def _conv(self, x: Any, ours: str, theirs: str, norm: str, stride: int = 1, relu6: bool = True) -> Any:
        from keras import layers

        kernel = self.tensors[f"{theirs}.weight"].transpose(2, 3, 1, 0)
        layer = layers.Conv2D(kernel.shape[3], kernel.shape[0], stride, padding="same", use_bias=False, name=ours)
        self._made.append((layer, [kernel]))
        return self._norm(layer(x), ours, norm, relu6)

    def _depthwise(self, x: Any, ours: str, theirs: str, norm: str, stride: int) -> Any:
        from keras import layers

        kernel = self.tensors[f"{theirs}.weight"].transpose(2, 3, 0, 1)
        layer = layers.DepthwiseConv2D(kernel.shape[0], stride, padding="same", use_bias=False, name=ours)
        self._made.append((layer, [kernel]))
        return self._norm(layer(x), ours, norm, relu6=True)

    def _norm(self, x: Any, ours: str, theirs: str, relu6: bool) -> Any:
        from keras import layers

        layer = frozen_norm()(epsilon=EPSILON, name=f"{ours}_norm")
        names = ("weight", "bias", "running_mean", "running_var")
        self._made.append((layer, [self.tensors[f"{theirs}.{name}"] for name in names]))
        return layers.ReLU(6.0)(layer(x)) if relu6 else layer(x)


@cache
def frozen_norm() -> Any:
    """The class of a batch normalisation whose statistics never change, while factors and offsets are trained."""
    from keras import layers

    # A model overrules `training=False` given to a layer when it is built, and `trainable=False` would stop all.
    class FrozenNorm(layers.BatchNormalization):  # type: ignore[misc]
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            return super().call(inputs, training=False, mask=mask)

    return FrozenNorm


def rank(path: str) -> int:
    """Group of the variable with this path: 0 of what stands on the tail, 1 of its last convolution, 2 … of blocks."""
    found = re.search(r"group(\d+)_", path)
    return int(found[1]) if found else 0
