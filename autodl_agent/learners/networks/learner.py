"""What every learner on a trained network does; an `InputAdapter` gives what is particular to it."""

from copy import copy
from pathlib import Path
from typing import Any, Generic, Self, final

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.composition import composed_learner
from autodl_agent.learners.networks.adapter import Arrays, InputAdapter, Spec
from autodl_agent.learners.networks.common import completed, reserve_prediction_time
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.system.clock import Deadline


@final
class NetworkBody(Generic[Spec]):
    """The body of a learner on a trained network; see `LearnerBody`."""

    next_s: float | None = None

    def __init__(self, adapter: InputAdapter[Spec]) -> None:
        self.adapter = adapter
        self.shares = adapter.task.class_priors
        self.spec: Spec | None = None
        self.network: Network | None = None
        self.increments = 0

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment. Raises OutOfTimeError, MissingWeightsError; what was known before then stands."""
        adapter, usable = self.adapter, self.adapter.usable(data)
        if usable is None or not len(usable) or adapter.task.n_classes == 0:
            return False
        row_s = self.network.row_s if self.network else 0.0
        deadline = reserve_prediction_time(usable, deadline, row_s, held_out=adapter.slow_prediction)
        if self.spec is None:  # kept, should the first increment run out of time: it may have taken long to find
            self.spec = spec = adapter.first_spec(usable, deadline)
        else:
            spec = adapter.next_spec(usable, self.spec, self.increments, deadline)
        if spec is None:
            return False
        sample = adapter.sample(usable, spec, self.network is None, deadline)
        if not len(sample):
            return False
        network = self._network_for(sample, spec, deadline)
        training = adapter.training(sample, spec, network, deadline)
        more = network.increment(training.labels, training.make, deadline, training.held)
        self.spec, self.network, self.increments = spec, network, self.increments + 1
        self.shares = ((sample.labels.sum(0) + 0.5) / (len(sample) + 1)).astype(np.float32)
        return more or adapter.can_grow(usable, sample, spec)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; rows that cannot be read, and all before the first increment: class shares."""
        network = self.network
        if self.spec is None or network is None or network.shown is None or not len(data):
            return np.tile(self.shares, (len(data), 1))
        inputs = self.adapter.prediction(data, self.spec)
        if not len(inputs):
            return np.tile(self.shares, (len(data), 1))
        found = network.predict(len(inputs), inputs.make, data.store.end.now)
        network.row_s *= len(inputs) / len(inputs.rows)
        return completed(data, self.shares, inputs.rows, inputs.averaged(found))

    def snapshot(self) -> Self:
        """For predictions: with a network that later increments leave alone."""
        twin = copy(self)
        twin.adapter, twin.network = self.adapter.snapshot(), copy(self.network)
        return twin

    def save(self, folder: Path) -> None:
        """Write the spec and the trained weights; frozen ones are looked up after `restore` as in this run."""
        facts: dict[str, Any] = {}
        arrays: Arrays = {}
        if self.spec is not None and self.network is not None:
            facts, arrays = self.adapter.state(self.spec)
            arrays = arrays | self.network.arrays()
        save_state(folder, facts, {"shares": self.shares, **arrays})

    def restore(self, folder: Path) -> None:
        """The inverse of `save`; fitted again, it trains a new network."""
        facts, arrays = load_state(folder)
        self.shares = arrays["shares"]
        if any(name.startswith("weights_") for name in arrays):
            self.spec = self.adapter.restored(facts, arrays)
            self.network = Network(self.adapter.blueprint(self.spec), self.adapter.seed)
            self.network.restore(arrays)

    def _network_for(self, sample: Examples, spec: Spec, deadline: Deadline) -> Network:
        """The present network, or a new one where there is none of this blueprint."""
        blueprint, present = self.adapter.blueprint(spec), self.network
        if present is not None and present.blueprint == blueprint:
            return present
        network = Network(blueprint, self.adapter.seed, self.adapter.first_weights(sample, spec, deadline))
        if present is not None:  # it is to be better than the one before from its first increment on
            network.planned = present.planned
        return network


def network_learner(name: str, module: str, adapter: type[InputAdapter[Any]], doc: str) -> type[Learner]:
    """The class of a learner that trains networks on what such an adapter gives; see `composed_learner`."""
    return composed_learner(name, module, lambda task, seed: NetworkBody(adapter(task, seed)), doc)
