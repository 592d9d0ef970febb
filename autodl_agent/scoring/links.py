"""Between scores and probabilities."""

import numpy as np
from numpy.typing import NDArray


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """1/(1+exp(-x)) without overflow, float32."""
    halves = 0.5 * np.asarray(logits, np.float32)
    return np.asarray(0.5 * (np.tanh(halves) + 1), np.float32)


def logit(probabilities: NDArray[np.floating]) -> NDArray[np.floating]:
    """log(p/(1-p)), of the precision given; infinite at 0 and 1, so clip before."""
    odds: NDArray[np.floating] = np.log(probabilities / (1 - probabilities))
    return odds


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """(n, classes) exp(x) over its sum over the classes without overflow, float32."""
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)
