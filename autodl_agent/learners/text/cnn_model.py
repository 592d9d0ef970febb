"""The layers of `TextNetwork`: embedded tokens, averaged and through convolutions (Kim 2014; Joulin et al. 2017)."""

from typing import Any

from autodl_agent.learners.networks.output_layer import output


def build(facts: dict[str, Any]) -> Any:
    """The uncompiled model. facts: length, buckets, classes, embedded, kernels (list), filters, dropout."""
    import keras
    from keras import layers, ops

    numbers = layers.Input((facts["length"],), dtype="int32")
    x = layers.Embedding(1 + facts["buckets"], facts["embedded"], embeddings_initializer=_small())(numbers)
    there = ops.expand_dims(ops.cast(ops.not_equal(numbers, 0), x.dtype), -1)
    x = x * there
    mean = ops.sum(x, 1) / ops.maximum(ops.sum(there, 1), 1.0)
    parts = [layers.LayerNormalization()(mean)]
    x = layers.SpatialDropout1D(facts["dropout"] / 2)(x)
    for kernel in facts["kernels"]:
        found = layers.Conv1D(facts["filters"], kernel, padding="same", activation="relu")(x)
        parts.append(layers.GlobalMaxPooling1D()(found))
    x = layers.Dropout(facts["dropout"])(layers.Concatenate()(parts))
    return keras.Model(numbers, output(x, facts["classes"]))


def _small() -> Any:
    import keras

    return keras.initializers.RandomNormal(stddev=0.1)
