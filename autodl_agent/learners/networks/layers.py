"""Building blocks of the convolutional networks (He et al. 2016, pre-activation)."""

from typing import Any


def active(x: Any) -> Any:
    """Normalised over the batch and cut at zero."""
    from keras import layers

    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def block(x: Any, width: int, stride: int) -> Any:
    """Two convolutions, normalised and cut at zero before each; the shortcut is projected where shapes differ."""
    from keras import layers

    before = active(x)
    short = x
    if stride > 1 or x.shape[-1] != width:
        short = layers.Conv2D(width, 1, stride, use_bias=False)(before)
    x = layers.Conv2D(width, 3, stride, padding="same", use_bias=False)(before)
    x = layers.Conv2D(width, 3, padding="same", use_bias=False)(active(x))
    return layers.Add()([short, x])
