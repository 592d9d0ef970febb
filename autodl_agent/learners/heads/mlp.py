"""A small network on top of frozen features: one hidden layer, softmax or sigmoids, trained by Adam in numpy.

Where classes exclude each other a softmax ranks texts far better than one regression a class does, and a hidden layer
sees what no single direction of the encoder tells. Sources: dropout, Srivastava et al. 2014; Adam, Kingma & Ba 2015;
cosine decay, Loshchilov & Hutter 2017.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.heads.arrays import Floats, float32, inverse_spread
from autodl_agent.learners.heads.config import HeadConfig, RidgeConfig
from autodl_agent.learners.heads.cost import ridge_s
from autodl_agent.learners.heads.ridge import RidgeHead, fit_ridge
from autodl_agent.scoring.links import logit, sigmoid, softmax
from autodl_agent.system.clock import Deadline

FLOPS = 4e10  # a second, of products of small batches on one slow core


@dataclass(frozen=True)
class NetHead:
    """centre, scale: (d,). enter: (d, hidden), bias: (hidden,). leave: (hidden, classes), offset: (classes,).

    exclusive: (1,) 1 for a softmax over the classes, 0 for one sigmoid each.
    """

    centre: Floats
    scale: Floats
    enter: Floats
    bias: Floats
    leave: Floats
    offset: Floats
    exclusive: Floats

    def probabilities(self, features: Floats) -> Floats:
        """(n, classes) in [0, 1]."""
        x = (features - self.centre) * self.scale
        hidden = np.maximum(x @ self.enter + self.bias, 0)
        return (softmax if self.exclusive[0] else sigmoid)(hidden @ self.leave + self.offset)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For `save_state`; `NetHead(**arrays)` is the inverse."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Heads:
    """Ridge regression, and where there were rows and time enough a network, averaged as log-odds."""

    ridge: RidgeHead
    net: NetHead | None = None

    def probabilities(self, features: Floats) -> Floats:
        """(n, classes) in [0, 1]."""
        if self.net is None:
            return self.ridge.probabilities(features)
        shares = self.net.probabilities(features).clip(1e-6, 1 - 1e-6)
        odds = self.ridge.scores(features) * self.ridge.slope + self.ridge.offset
        return sigmoid((odds + logit(shares)) / 2)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For `save_state`; `restore` is the inverse."""
        net = {} if self.net is None else {f"net.{name}": array for name, array in self.net.arrays().items()}
        return {**self.ridge.arrays(), **net}

    @classmethod
    def restore(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Read what `arrays` gave."""
        net = {name[4:]: array for name, array in arrays.items() if name.startswith("net.")}
        ridge = {name: array for name, array in arrays.items() if not name.startswith("net.")}
        return cls(RidgeHead(**ridge), NetHead(**net) if net else None)


def fit_heads(
    x: Floats,
    labels: Labels,
    exclusive: bool,
    config: HeadConfig,
    penalties: tuple[float, ...],
    seed: int,
    deadline: Deadline,
) -> Heads:
    """Both heads on features (n, d) and labels (n, classes). Raises OutOfTimeError without time for the first."""
    if deadline.remaining() < ridge_s(*x.shape):
        raise OutOfTimeError(f"a head on {len(x)} rows")
    ridge = fit_ridge(x, labels, RidgeConfig(penalties))
    net = None
    if (
        len(x) >= config.least_rows
        and seconds_of_net(len(x), x.shape[1], labels.shape[1], config) < deadline.remaining()
    ):
        # The estimate is rough; without the network the regression still stands.
        with suppress(OutOfTimeError):
            net = fit_net(x, labels, exclusive, config, seed, deadline)
    return Heads(ridge, net)


def seconds_of_net(rows: int, width: int, classes: int, config: HeadConfig) -> float:
    """Rough cost of `fit_net` on one slow core."""
    epochs = _epochs(rows, config)
    return 0.05 + 6.0 * rows * epochs * config.hidden * (width + classes) / FLOPS


def fit_net(x: Floats, labels: Labels, exclusive: bool, config: HeadConfig, seed: int, deadline: Deadline) -> NetHead:
    """Fit on features (n, d) and labels (n, classes). Raises OutOfTimeError where the deadline passes.

    exclusive: exactly one label a row (others are left out of the loss).
    """
    rng = np.random.default_rng(seed)
    n, d = x.shape
    centre, scale = x.mean(0), inverse_spread(x.std(0))
    x = float32((x - centre) * scale)
    rate = float32((labels.sum(0) + 0.5) / (n + 1))
    start = np.log(rate) if exclusive else logit(rate)
    weights = [
        float32(rng.normal(size=(d, config.hidden)) * np.sqrt(1 / d)),
        np.zeros(config.hidden, np.float32),
        float32(rng.normal(size=(config.hidden, labels.shape[1])) * np.sqrt(1 / config.hidden)) * np.float32(0.1),
        float32(start),
    ]
    steps = _Adam(weights, config)
    epochs, batch = _epochs(n, config), min(config.batch, max(8, n // 8))
    total = epochs * -(-n // batch)
    done = 0
    for _ in range(epochs):
        order = rng.permutation(n)
        for at in range(0, n, batch):
            if deadline.passed:
                raise OutOfTimeError(f"step {done} of {total} of a head on {n} texts")
            rows = order[at : at + batch]
            gradients = _gradients(x[rows], labels[rows], weights, exclusive, config, rng)
            steps.take(gradients, 0.5 + 0.5 * np.cos(np.pi * done / total))
            done += 1
    enter, bias, leave, offset = weights
    return NetHead(float32(centre), scale, enter, bias, leave, offset, np.array([exclusive], np.float32))


def _gradients(
    x: Floats, y: Labels, weights: list[Floats], exclusive: bool, config: HeadConfig, rng: np.random.Generator
) -> list[Floats]:
    enter, bias, leave, offset = weights
    kept = rng.random(x.shape, np.float32) >= config.input_dropout
    x = x * kept * np.float32(1 / (1 - config.input_dropout))
    hidden = np.maximum(x @ enter + bias, 0)
    alive = (rng.random(hidden.shape, np.float32) >= config.dropout) * np.float32(1 / (1 - config.dropout))
    hidden *= alive
    rest = (softmax if exclusive else sigmoid)(hidden @ leave + offset) - y
    if exclusive:
        rest *= y.sum(1, keepdims=True)  # a row without a label says nothing
    rest /= len(x)
    back = (rest @ leave.T) * alive * (hidden > 0)
    return [x.T @ back, back.sum(0), hidden.T @ rest, rest.sum(0)]


class _Adam:
    """Adam with decoupled decay of the weight matrices, changing `weights` in place."""

    def __init__(self, weights: list[Floats], config: HeadConfig) -> None:
        self._weights, self._config, self._count = weights, config, 0
        self._mean = [np.zeros_like(w) for w in weights]
        self._square = [np.zeros_like(w) for w in weights]

    def take(self, gradients: list[Floats], pace: float) -> None:
        """One step; pace: share of the full learning rate."""
        self._count += 1
        rate = np.float32(self._config.learning_rate * pace)
        early = np.float32(np.sqrt(1 - 0.999**self._count) / (1 - 0.9**self._count))
        for w, g, mean, square in zip(self._weights, gradients, self._mean, self._square, strict=True):
            mean += np.float32(0.1) * (g - mean)
            square += np.float32(0.001) * (g * g - square)
            if w.ndim == 2:
                w -= rate * np.float32(self._config.decay) * w
            w -= rate * early * mean / (np.sqrt(square) + np.float32(1e-8))


def _epochs(n: int, config: HeadConfig) -> int:
    return int(np.clip(config.most_steps * config.batch // max(1, n), config.least_epochs, config.most_epochs))
