"""The layers of `TableNetwork`: plain Keras layers only, so that every backend runs them."""

import math
from typing import Any

from autodl_agent.learners.networks.output_layer import members_output


def build(facts: dict[str, Any]) -> Any:
    """The uncompiled model; facts as `TableNetwork` lists them. Outputs (n, members, classes)."""
    import keras
    from keras import layers

    inputs, parts = {}, []
    if facts["ranks"]:
        inputs["ranks"] = layers.Input((facts["ranks"],), name="ranks")
        parts += [inputs["ranks"], _periodic(inputs["ranks"], facts)]
    if facts["plain"]:
        inputs["plain"] = layers.Input((facts["plain"],), name="plain")
        parts.append(inputs["plain"])
    if facts["levels"]:
        inputs["levels"] = layers.Input((len(facts["levels"]),), dtype="int32", name="levels")
        parts += [_embedded(inputs["levels"], place, count, facts) for place, count in enumerate(facts["levels"])]
    x = layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    x = _apart(x, facts["members"])
    for width in facts["widths"]:
        x = layers.Dense(width, activation="relu")(x)
        x = layers.Dropout(facts["dropout"])(x) if facts["dropout"] else x
    return keras.Model(inputs, members_output(x, facts["members"], facts["classes"]))


def _periodic(ranks: Any, facts: dict[str, Any]) -> Any:
    """Sines and cosines of every number at learned frequencies, through a small layer of its own."""
    import keras
    from keras import layers, ops

    columns, waves, width = facts["ranks"], facts["waves"], facts["wave_width"]
    start = keras.initializers.RandomNormal(stddev=2 * math.pi * facts["wave_spread"])
    phase = layers.EinsumDense("bf,fp->bfp", (columns, waves), kernel_initializer=start)(ranks)
    x = layers.Concatenate()([ops.sin(phase), ops.cos(phase)])
    x = layers.EinsumDense("bfq,fqd->bfd", (columns, width), bias_axes="fd", activation="relu")(x)
    return layers.Flatten()(x)


def _embedded(levels: Any, place: int, count: int, facts: dict[str, Any]) -> Any:
    """A vector for every level of one column, longer where there are more levels."""
    from keras import layers

    width = int(min(facts["most_embedded"], max(2, round(1.6 * math.sqrt(count)))))
    return layers.Embedding(count, width)(levels[:, place])


def _apart(x: Any, members: int) -> Any:
    """(n, width) -> (n, members, width): every member sees the inputs with signs and sizes of its own."""
    import keras
    from keras import layers

    start = keras.initializers.RandomNormal(mean=1.0, stddev=0.5)
    return layers.EinsumDense("bi,ki->bki", (members, x.shape[-1]), kernel_initializer=start)(x)
