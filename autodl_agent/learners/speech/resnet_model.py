"""The layers of `SoundNetwork`: a residual network over time and bands, bands kept apart, pooled over time."""

from typing import Any

from autodl_agent.learners.networks.layers import active, block
from autodl_agent.learners.networks.output_layer import output


def build(facts: dict[str, Any]) -> Any:
    """The uncompiled model. facts: frames, bands, classes, widths (list), time_step, dense, dropout."""
    import keras
    from keras import layers

    crops = layers.Input((facts["frames"], facts["bands"]))
    x = layers.Reshape((facts["frames"], facts["bands"], 1))(crops)
    x = layers.Conv2D(facts["widths"][0], 5, (facts["time_step"], 2), padding="same", use_bias=False)(x)
    for place, width in enumerate(facts["widths"]):
        x = block(x, width, 1 if place == 0 else 2)
    x = active(x)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)  # where in the spectrum something is matters
    x = layers.Dense(facts["dense"], activation="relu")(x)
    x = layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])
    x = layers.Dropout(facts["dropout"])(x) if facts["dropout"] else x
    return keras.Model(crops, output(x, facts["classes"]))
