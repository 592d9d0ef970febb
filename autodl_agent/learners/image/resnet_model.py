"""A small residual network for pictures of 16 to 64 pixels a side, for any number of channels (He et al. 2016)."""

from typing import Any

from autodl_agent.learners.networks.layers import active, block
from autodl_agent.learners.networks.output_layer import output


def build(facts: dict[str, Any]) -> Any:
    """The uncompiled model. facts: side, channels, classes, widths (list), stride of the first convolution, dropout."""
    import keras
    from keras import layers

    pictures = layers.Input((facts["side"], facts["side"], facts["channels"]))
    size = 5 if facts["stride"] > 1 else 3
    x = layers.Conv2D(facts["widths"][0], size, facts["stride"], padding="same", use_bias=False)(pictures)
    for place, width in enumerate(facts["widths"]):
        x = block(x, width, 1 if place == 0 else 2)
    x = layers.GlobalAveragePooling2D()(active(x))
    if facts["dropout"]:
        x = layers.Dropout(facts["dropout"])(x)
    return keras.Model(pictures, output(x, facts["classes"]))
