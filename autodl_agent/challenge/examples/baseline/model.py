"""A baseline submission for data of any kind: 64 means and spreads of an example; the nearest class mean wins."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Model:
    """Nearest class mean, trained once."""

    def __init__(self, metadata: Any) -> None:
        self.done_training = False

    def train(self, dataset: Any, remaining_time_budget: float | None = None) -> None:
        """Average the features of each class."""
        pairs = [(features(example.numpy()), labels.numpy()) for example, labels in dataset]
        x, y = (np.stack(part) for part in zip(*pairs, strict=True))
        self.mean, self.scale = x.mean(0), x.std(0) + 1e-6
        self.centres = y.T @ ((x - self.mean) / self.scale) / np.maximum(y.sum(0), 1)[:, None]
        self.done_training = True

    def test(self, dataset: Any, remaining_time_budget: float | None = None) -> NDArray[np.float64]:
        """(rows, classes): the nearer to a class than to the others, the higher."""
        x = np.stack([features(example.numpy()) for example, _ in dataset])
        distance = (((x - self.mean) / self.scale)[:, None] - self.centres) ** 2
        near = np.exp(-distance.mean(2)) + 1e-12
        return np.asarray(near / near.sum(1, keepdims=True))


def features(example: NDArray[np.float32]) -> NDArray[np.float64]:
    """64 numbers that describe a tensor of any shape."""
    pieces = np.array_split(np.nan_to_num(example.ravel()), 32)
    return np.array([f(piece) if len(piece) else 0.0 for f in (np.mean, np.std) for piece in pieces])
