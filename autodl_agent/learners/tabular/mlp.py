"""A network for tables: embedded levels, periodic numbers, and several members that share their layers.

Sources: Gorishniy, Rubachev & Babenko 2022 (periodic embeddings of numbers); Gorishniy, Kotelnikov & Babenko 2025
(TabM: one network, many cheaply different members, averaged).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.networks.batches import Batch, Positions, cut
from autodl_agent.learners.networks.common import reserve_prediction_time, set_apart
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.output_layer import targets
from autodl_agent.learners.networks.trainer import Held, Network
from autodl_agent.learners.prior import class_priors
from autodl_agent.learners.serialization import grouped, load_state, save_state
from autodl_agent.learners.tabular.config import TableNetworkConfig
from autodl_agent.learners.tabular.encoding import Encoded, TableEncoder
from autodl_agent.learners.tabular.mlp_model import build
from autodl_agent.learners.tabular.numeric_embedding import NumberView
from autodl_agent.system.clock import Deadline

Inputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class TableInputs:
    """How rows come to the network: fitted rules, immutable."""

    encoder: TableEncoder
    numbers: NumberView

    def inputs(self, rows: Encoded) -> Inputs:
        """Arrays by input name, those without columns left out."""
        found = {
            "ranks": self.numbers.ranks(rows.numbers),
            "plain": np.concatenate([self.numbers.plain(rows.numbers), rows.bags], 1),
            "levels": rows.codes + 1,  # 0 is missing
        }
        return {name: values for name, values in found.items() if values.shape[1]}

    def facts(self) -> dict[str, Any]:
        """Sizes that the network is built from."""
        bags = sum(len(column.vocabulary) for column in self.encoder.strings if column.kind == "words")
        return {
            "ranks": self.numbers.ranked,
            "plain": self.numbers.width + bags,
            "levels": [count + 1 for count in self.encoder.level_counts],
        }


@final
class TableNetwork(Learner):
    """First increments on a balanced sample, then on all rows that fit the memory."""

    helpers = ("_network",)

    config = TableNetworkConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.shares = class_priors(task)
        self._view: TableInputs | None = None
        self._network: Network | None = None
        self._rows: NDArray[np.int64] = np.zeros(0, np.int64)  # that `_inputs` were made of
        self._inputs: Inputs = {}

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment. Raises OutOfTimeError; what was known before then stands."""
        data = data.readable()
        if not len(data) or self.task.n_classes == 0:
            return False
        deadline = reserve_prediction_time(data, deadline, self._network.row_s if self._network else 0.0)
        view = self._view or self._fit_view(data)
        if not any(view.facts().values()):
            return False
        sample = self._sample(data, view)
        inputs = self._encode(sample, view)
        softmax, smoothing = not self.task.multilabel, self.config.training.smoothing
        wanted = targets(sample.labels, softmax, smoothing)
        apart = set_apart(sample.labels, self.seed)
        own, others = np.flatnonzero(~apart), np.flatnonzero(apart)
        held = Held(cut(inputs, others), sample.labels[others]) if len(others) else None

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            return cut(inputs, own[positions]), wanted[own[positions]]

        network = self._network or Network(self._blueprint(view), self.seed)
        more = network.increment(sample.labels[own], make, deadline, held)
        self._view, self._network = view, network
        self.shares = ((sample.labels.sum(0) + 0.5) / (len(sample) + 1)).astype(np.float32)
        return more

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; class shares before the first fit."""
        view, network = self._view, self._network
        if view is None or network is None or network.shown is None or not len(data):
            return np.tile(self.shares, (len(data), 1))

        def make(positions: Positions) -> Inputs:
            return view.inputs(view.encoder.transform(data.take(positions).table()))

        return network.predict(len(data), make, data.store.end.now)

    def snapshot(self) -> Self:
        """What predicts, without the training rows."""
        twin = super().snapshot()
        twin._rows, twin._inputs = np.zeros(0, np.int64), {}
        return twin

    def save(self, folder: Path) -> None:
        """Write the rules and the weights."""
        facts: dict[str, Any] = {}
        arrays: dict[str, NDArray[Any]] = {"shares": self.shares}
        if self._view is not None and self._network is not None:
            facts["encoder"] = self._view.encoder.facts()
            arrays |= {f"encoder.{k}": v for k, v in self._view.encoder.arrays().items()}
            arrays |= {f"numbers.{k}": v for k, v in self._view.numbers.arrays().items()}
            arrays |= self._network.arrays()
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`; fitted again, it starts afresh with the same rules."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner.shares = arrays["shares"]
        if "encoder" in facts:
            encoder = TableEncoder.restore(facts["encoder"], grouped(arrays, "encoder"))
            learner._view = TableInputs(encoder, NumberView(**grouped(arrays, "numbers")))
            learner._network = Network(learner._blueprint(learner._view), task.seed)
            learner._network.restore(arrays)
        return learner

    def _fit_view(self, data: Examples) -> TableInputs:
        sample = data.sample(self.config.encoder_rows, self.seed)
        encoder = TableEncoder.fit(sample.table())
        few = encoder.transform(sample.table())
        return TableInputs(encoder, NumberView.fit(few.numbers, self.config.most_ranked, self.seed))

    def _sample(self, data: Examples, view: TableInputs) -> Examples:
        config, facts = self.config, view.facts()
        columns = max(1, facts["ranks"] + facts["plain"] + len(facts["levels"]))
        most = max(config.training.batch_rows, config.most_cells // columns)
        if self._network is None:
            most = min(most, config.first_rows)
        return data.sample(most, self.seed)

    def _encode(self, sample: Examples, view: TableInputs) -> Inputs:
        if not np.array_equal(sample.rows, self._rows):
            self._inputs = view.inputs(view.encoder.transform(sample.table()))
            self._rows = sample.rows
        return self._inputs

    def _blueprint(self, view: TableInputs) -> Blueprint:
        config = self.config
        facts = view.facts() | {
            "classes": self.task.n_classes,
            "members": config.members,
            "widths": list(config.widths),
            "waves": config.waves,
            "wave_width": config.wave_width,
            "wave_spread": config.wave_spread,
            "most_embedded": config.most_embedded,
            "dropout": config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, config.training)
