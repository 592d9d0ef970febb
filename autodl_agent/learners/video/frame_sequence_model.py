"""The layers of `FrameSequence`: frame features narrowed, their changes beside them, convolutions over time, pooled."""

from typing import Any

from autodl_agent.learners.networks.output_layer import output


def build(facts: dict[str, Any]) -> Any:
    """The uncompiled model. facts: frames, features, classes, narrow, filters, layers, dropout."""
    import keras
    from keras import layers, ops

    frames = layers.Input((facts["frames"], facts["features"]))
    x = layers.Dropout(facts["dropout"])(frames)
    x = layers.LayerNormalization()(layers.Dense(facts["narrow"])(x))
    change = ops.pad(x[:, 1:] - x[:, :-1], ((0, 0), (1, 0), (0, 0)))
    x = layers.Concatenate()([x, change])
    x = layers.Conv1D(facts["filters"], 1, activation="gelu")(x)
    for _ in range(facts["layers"]):
        step = layers.Conv1D(facts["filters"], 3, padding="same", activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dropout(facts["dropout"])(step)])
    pooled = layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])
    return keras.Model(frames, output(layers.Dropout(facts["dropout"])(pooled), facts["classes"]))
