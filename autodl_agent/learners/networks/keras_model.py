"""A compiled Keras model that many learners take turns in: what each of them knows is put in before it is used.

Compiling and tracing cost seconds, weights milliseconds. So the models of all folds are one model, and a learner's
state is a tuple of NumPy arrays that nothing changes: a copy of the learner predicts the same for ever.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.networks import output_layer
from autodl_agent.learners.networks.batches import Batch, Inputs, cut, length
from autodl_agent.learners.networks.config import TrainingConfig
from autodl_agent.learners.networks.device import Device, device, out_of_memory, seeded
from autodl_agent.learners.networks.optimiser import adamw

Arrays = tuple[NDArray[Any], ...]
MOST_ENGINES = 4
SMALL_ROWS, LARGE_ROWS = 16, 256  # rows of a prediction batch: two shapes, so that tracing is paid at most twice
FEWEST_ROWS = 8  # a batch that does not fit the memory is halved down to this


@dataclass(frozen=True)
class Blueprint:
    """How a model is built: a function of JSON facts, so that a saved network can be built again.

    build: makes the uncompiled Keras model from the facts; its last layer is `heads.output`.
    rank: path of a variable -> number of its group of layers, 0 at the output; None where all learn alike.
    """

    build: Callable[[dict[str, Any]], Any]
    facts: str
    softmax: bool
    training: TrainingConfig
    rank: Callable[[str], int] | None = None

    @classmethod
    def of(
        cls,
        build: Callable[[dict[str, Any]], Any],
        facts: dict[str, Any],
        softmax: bool,
        training: TrainingConfig,
        rank: Callable[[str], int] | None = None,
    ) -> "Blueprint":
        """With the facts as a dict."""
        return cls(build, json.dumps(facts, sort_keys=True), softmax, training, rank)


@dataclass(frozen=True)
class State:
    """What one network knows: all variables (the optimiser's too), the averaged weights, and steps done."""

    variables: Arrays
    average: Arrays
    steps: int = 0


class Engine:
    """One Keras model. `load` before `step` or `predict`; one thread at a time."""

    def __init__(self, blueprint: Blueprint) -> None:
        import keras

        self.blueprint, self.device = blueprint, device()
        self.model = self._build(0)
        training = blueprint.training
        with _scope(self.device):
            optimiser = adamw(training, blueprint.rank)
            jax = (
                keras.backend.backend() == "jax"
            )  # TensorFlow's graphs gain nothing from it here, and trace for longer
            optimiser.exclude_from_weight_decay(var_names=["bias", "beta", "gamma", "embeddings"])
            self.model.compile(optimiser, output_layer.loss(blueprint.softmax), jit_compile=jax)
            optimiser.build(self.model.trainable_variables)
        self._blank = _values(optimiser.variables)
        self._holds: Arrays | None = None

    def fresh(self, seed: int, given: Mapping[str, NDArray[np.float32]]) -> State:
        """An untrained network, drawn from the seed but for what is given: values by the end of a variable's path."""
        model = self._build(seed)
        own = list(_values(model.variables))
        for place, variable in enumerate(model.variables):
            for name, value in given.items():
                if variable.path.endswith(name):
                    own[place] = np.broadcast_to(value, own[place].shape).copy()
        weights = {id(variable): value for variable, value in zip(model.variables, own, strict=True)}
        return State((*own, *self._blank), tuple(weights[id(variable)] for variable in model.weights))

    def train_with(self, state: State, increment: int = 0) -> None:
        """Put in all variables of a network that is to go on learning. increment: its number, from 0."""
        self._put([*self.model.variables, *self.model.optimizer.variables], state.variables)
        if self.blueprint.rank is not None:
            self.model.optimizer.open(self.blueprint.training.opening * (increment + 1))

    def predict_with(self, state: State) -> None:
        """Put in the averaged weights of a network that is to predict."""
        self._put(self.model.weights, state.average)

    def variables(self) -> Arrays:
        """What `train_with` takes, as it is now."""
        return _values([*self.model.variables, *self.model.optimizer.variables])

    def weights(self) -> Arrays:
        """What `predict_with` takes, as it is now."""
        return _values(self.model.weights)

    def step(self, batch: Batch, rate: float) -> float:
        """One step on a batch, several on a group of them; returns the loss. What does not fit is taken in halves."""
        self._holds = None
        self.model.optimizer.learning_rate = rate
        try:
            return self._step(batch)
        except Exception as error:
            rows = length(batch[0])
            if not out_of_memory(error) or rows < 2 * FEWEST_ROWS:
                raise
        halves = (slice(0, rows // 2), slice(rows // 2, rows))
        return float(np.mean([self.step((cut(batch[0], half), batch[1][half]), rate) for half in halves]))

    def predict(self, inputs: Inputs) -> NDArray[np.float32]:
        """(n, classes) raw outputs of any number of rows."""
        n, parts = length(inputs), []
        rows = SMALL_ROWS if n <= SMALL_ROWS else LARGE_ROWS
        for start in range(0, n, rows):
            parts.append(self._outputs(cut(inputs, slice(start, start + rows)), rows))
        return np.concatenate(parts) if parts else np.zeros((0, self.model.output_shape[-1]), np.float32)

    def _outputs(self, inputs: Inputs, rows: int) -> NDArray[np.float32]:
        held = length(inputs)
        try:
            whole = cut(inputs, np.arange(rows) % held) if held < rows else inputs
            found = np.asarray(self.model.predict_on_batch(whole), np.float32)[:held]
            return found.mean(1) if found.ndim == 3 else found
        except Exception as error:
            if not out_of_memory(error) or rows < 2 * FEWEST_ROWS:
                raise
        return (
            self._outputs(cut(inputs, slice(0, rows // 2)), rows // 2)
            if held <= rows // 2
            else np.concatenate(
                [self._outputs(cut(inputs, part), rows // 2) for part in (slice(0, rows // 2), slice(rows // 2, held))]
            )
        )

    def _step(self, batch: Batch) -> float:
        if len(self.model.output_shape) == 3:  # several members in one
            batch = (batch[0], batch[1][:, None])
        if self.device.replicas == 1:
            return float(np.ravel(self.model.train_on_batch(*batch))[0])
        rows = max(1, length(batch[0]) // self.device.group)
        found = self.model.fit(*batch, batch_size=rows, epochs=1, shuffle=False, verbose=0)
        return float(found.history["loss"][0])

    def _put(self, variables: Sequence[Any], values: Arrays) -> None:
        if self._holds is values:
            return
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self._holds = values

    def _build(self, seed: int) -> Any:
        with _scope(self.device), seeded(seed):
            return self.blueprint.build(json.loads(self.blueprint.facts))


_engines: OrderedDict[Blueprint, Engine] = OrderedDict()


def engine(blueprint: Blueprint) -> Engine:
    """The model of this blueprint, compiled once; the least recently used of too many is dropped."""
    if blueprint not in _engines:
        _engines[blueprint] = Engine(blueprint)
        while len(_engines) > MOST_ENGINES:
            _engines.popitem(last=False)
    _engines.move_to_end(blueprint)
    return _engines[blueprint]


def _values(variables: Sequence[Any]) -> Arrays:
    return tuple(np.array(variable.numpy()) for variable in variables)


def _scope(where: Device) -> Any:
    from contextlib import nullcontext

    return where.strategy.scope() if where.strategy is not None else nullcontext()
