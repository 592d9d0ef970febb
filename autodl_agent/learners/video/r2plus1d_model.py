"""EfficientNet-Lite over the frames of a clip, with convolutions over time between its blocks: (2+1)D by factoring.

Every convolution in space is one of the pretrained network; where a stage begins, a branch over time is added to its
maps: three steps of each channel by itself, then a mixture of the channels that starts at zero. So the untrained model
is the network's mean over the frames. Sources: Tran et al. 2018, "A Closer Look at Spatiotemporal Convolutions";
Qiu et al. 2017 (branches beside pretrained layers).
"""

from functools import cache, partial
from typing import Any

from autodl_agent.learners.networks.output_layer import output
from autodl_agent.pretrained.models.efficientnet import FAMILY
from autodl_agent.pretrained.models.efficientnet_keras import TrainableBlocks
from autodl_agent.pretrained.networks import tensors_of

STEPS = 3  # frames that a branch over time sees together


def branch_over_time(maps: Any, name: str, frames: int) -> Any:
    """(n · frames, rows, columns, channels) -> the same, with what neighbouring frames of a clip say added."""
    from keras import layers, ops

    shape = maps.shape[1:]
    clips = ops.reshape(maps, (-1, frames, *shape))
    moved = steps_in_time()(name=f"{name}_steps")(clips)
    mixed = layers.Dense(shape[-1], use_bias=False, kernel_initializer="zeros", name=f"{name}_time")(moved)
    return ops.reshape(layers.Add()([clips, mixed]), (-1, *shape))


@cache
def steps_in_time() -> Any:
    """The layer class of convolutions over time, each channel by itself; made when Keras is there."""
    from keras import layers, ops

    class StepsInTime(layers.Layer):  # type: ignore[misc]
        """(n, frames, rows, columns, channels) -> the same; beyond its ends a clip is still."""

        def build(self, shape: Any) -> None:
            """One weight a step and channel, the sum of a channel's about 1."""
            self.kernel = self.add_weight(shape=(STEPS, shape[-1]), initializer="glorot_uniform", name="kernel")

        def call(self, clips: Any) -> Any:
            """Sum over STEPS neighbouring frames."""
            padded = ops.concatenate([clips[:, :1], clips, clips[:, -1:]], 1)
            kernel = ops.cast(self.kernel, clips.dtype)
            frames = clips.shape[1]
            return sum(padded[:, step : step + frames] * kernel[step] for step in range(STEPS))

    return StepsInTime


def build(facts: dict[str, Any]) -> Any:
    """The uncompiled model. facts: network, shape (frames, rows, columns, 3), classes, dropout.

    Raises MissingWeightsError.
    """
    import keras
    from keras import layers, ops

    frames = facts["shape"][0]
    variant, over_time = facts["network"].removeprefix(FAMILY), partial(branch_over_time, frames=frames)
    tail = TrainableBlocks(variant, tensors_of(facts["network"]), 0, over_time)
    clips = layers.Input(facts["shape"])
    features = tail(ops.reshape(clips, (-1, *facts["shape"][1:])))
    pooled = ops.mean(ops.reshape(features, (-1, frames, features.shape[-1])), 1)
    model = keras.Model(clips, output(layers.Dropout(facts["dropout"])(pooled), facts["classes"]))
    tail.pour()
    return model
