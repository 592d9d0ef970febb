"""From labels to targets and from a network's outputs to probabilities: softmax for one label a row, else sigmoids."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def loss(softmax: bool) -> Callable[[Any, Any], Any]:
    """A Keras loss on raw outputs; rows without a label add nothing under softmax.

    Works on (n, classes), and on (n, members, classes) against targets (n, 1, classes): members are judged each alone.
    """
    from keras import ops

    def softmax_loss(wanted: Any, outputs: Any) -> Any:
        return -ops.sum(wanted * ops.log_softmax(outputs, axis=-1), axis=-1)

    def sigmoid_loss(wanted: Any, outputs: Any) -> Any:
        return ops.mean(ops.softplus(outputs) - wanted * outputs, axis=-1)

    return softmax_loss if softmax else sigmoid_loss


def output(x: Any, classes: int) -> Any:
    """The last layer: raw outputs, float32 whatever the other layers compute in."""
    from keras import layers

    return layers.Dense(classes, dtype="float32", name="head")(x)


def members_output(x: Any, members: int, classes: int) -> Any:
    """The same for (n, members, width): every member has weights of its own; (n, members, classes)."""
    from keras import layers

    shape = (members, classes)
    return layers.EinsumDense("bki,kio->bko", shape, bias_axes="ko", dtype="float32", name="head")(x)


def targets(labels: Floats, softmax: bool, smoothing: float) -> Floats:
    """(n, classes) what the network is to answer; a single label gives some of itself to all classes."""
    if not softmax:
        return labels
    filled = labels.sum(1, keepdims=True) > 0
    spread = labels * np.float32(1 - smoothing) + np.float32(smoothing / max(1, labels.shape[1]))
    return np.asarray(np.where(filled, spread, 0), np.float32)


def first_bias(labels: Floats, softmax: bool) -> Floats:
    """(classes,) outputs that answer with the share of rows in each class."""
    share = (labels.sum(0, dtype=np.float64) + 0.5) / (len(labels) + 1)
    share = share.clip(1e-4, 1 - 1e-4)
    return np.asarray(np.log(share) if softmax else np.log(share / (1 - share)), np.float32)


def probabilities(outputs: Floats, softmax: bool) -> Floats:
    """(n, classes) in [0, 1] from raw outputs; what is not finite counts as undecided."""
    raw = np.nan_to_num(outputs.astype(np.float32), nan=0.0, posinf=50.0, neginf=-50.0).clip(-50, 50)
    if softmax and raw.shape[1] > 1:
        powers = np.exp(raw - raw.max(1, keepdims=True))
        return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)
    return np.asarray(1 / (1 + np.exp(-raw)), np.float32)


def mixed(inputs: Floats, labels: Floats, strength: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Every row blended with another of its batch (mixup, Zhang et al. 2018), its own part the larger one."""
    share = rng.beta(strength, strength, len(inputs)).astype(np.float32)
    share = np.maximum(share, 1 - share)
    other = rng.permutation(len(inputs))
    wide = share.reshape(-1, *[1] * (inputs.ndim - 1))
    return inputs * wide + inputs[other] * (1 - wide), labels * share[:, None] + labels[other] * (1 - share[:, None])
