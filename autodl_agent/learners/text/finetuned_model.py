"""The trained layers of E5 under a last layer for the task's classes."""

from typing import Any

from autodl_agent.learners.networks.output_layer import output
from autodl_agent.pretrained.encoders import e5_file
from autodl_agent.pretrained.models.e5_keras import E5Layers


def build(facts: dict[str, Any]) -> Any:
    """The uncompiled model, for texts of any length. facts: layers (whose means are read), classes, dropout.

    Its inputs are those of `TextPieces.inputs`. Raises MissingWeightsError.
    """
    import keras
    from keras import layers

    encoder = E5Layers(e5_file())
    pieces = layers.Input((None, encoder.file.width), dtype="float16", name="pieces")
    there = layers.Input((None,), dtype="float32", name="there")
    x = encoder(pieces, there, tuple(facts["layers"]))
    x = layers.Dropout(facts["dropout"], dtype="float32")(x)
    model = keras.Model({"pieces": pieces, "there": there}, output(x, facts["classes"]))
    encoder.pour()
    return model
