"""The trained part of an EfficientNet-Lite under a last layer for the task's classes."""

from typing import Any

from autodl_agent.learners.networks.output_layer import output
from autodl_agent.pretrained.models.efficientnet import FAMILY
from autodl_agent.pretrained.models.efficientnet_keras import TrainableBlocks
from autodl_agent.pretrained.networks import tensors_of


def build(facts: dict[str, Any]) -> Any:
    """The uncompiled model. facts: network, cut, shape (of its input), classes, dropout.

    Raises MissingWeightsError.
    """
    import keras
    from keras import layers

    tail = TrainableBlocks(facts["network"].removeprefix(FAMILY), tensors_of(facts["network"]), facts["cut"])
    maps = layers.Input(facts["shape"])
    x = layers.Dropout(facts["dropout"])(tail(maps))
    model = keras.Model(maps, output(x, facts["classes"]))
    tail.pour()
    return model
