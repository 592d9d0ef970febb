"""A network for tables: embedded levels, periodic numbers, and several members that share their layers.

Sources: Gorishniy, Rubachev & Babenko 2022 (periodic embeddings of numbers); Gorishniy, Kotelnikov & Babenko 2025
(TabM: one network, many cheaply different members, averaged).
"""

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Rows
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples
from autodl_agent.learners.networks.adapter import Arrays, InputAdapter, PredictionInputs, TrainingInputs
from autodl_agent.learners.networks.batches import Batch, Positions, cut
from autodl_agent.learners.networks.common import set_apart
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.learner import network_learner
from autodl_agent.learners.networks.output_layer import targets
from autodl_agent.learners.networks.trainer import Held, Network
from autodl_agent.learners.serialization import grouped
from autodl_agent.learners.tabular.config import TableNetworkConfig
from autodl_agent.learners.tabular.encoding import Encoded, TableEncoder
from autodl_agent.learners.tabular.mlp_model import build
from autodl_agent.learners.tabular.numeric_embedding import NumberView
from autodl_agent.system.clock import Deadline

Inputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class TableSpec:
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
class RowInputs(InputAdapter[TableSpec]):
    """Encoded rows; those of the sample are kept from one increment to the next."""

    config = TableNetworkConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self._rows: Rows = np.zeros(0, np.int64)  # that `_inputs` were made of
        self._inputs: Inputs = {}

    def usable(self, data: Examples) -> Examples:
        """Readable rows."""
        return data.readable()

    def first_spec(self, data: Examples, deadline: Deadline) -> TableSpec | None:
        """Rules by a sample; None where no column says anything."""
        sample = data.sample(self.config.encoder_rows, self.seed)
        encoder = TableEncoder.fit(sample.table())
        few = encoder.transform(sample.table())
        spec = TableSpec(encoder, NumberView.fit(few.numbers, self.config.most_ranked, self.seed))
        return spec if any(spec.facts().values()) else None

    def sample(self, data: Examples, spec: TableSpec, first: bool, deadline: Deadline) -> Examples:
        """A balanced sample at first, all rows that fit the memory afterwards."""
        config, facts = self.config, spec.facts()
        columns = max(1, facts["ranks"] + facts["plain"] + len(facts["levels"]))
        most = max(config.training.batch_rows, config.most_cells // columns)
        return data.sample(min(most, config.first_rows) if first else most, self.seed)

    def training(self, sample: Examples, spec: TableSpec, network: Network, deadline: Deadline) -> TrainingInputs:
        """A part of the rows judges."""
        inputs = self._encoded(sample, spec)
        wanted = targets(sample.labels, not self.task.multilabel, self.config.training.smoothing)
        apart = set_apart(sample.labels, self.seed)
        own, others = np.flatnonzero(~apart), np.flatnonzero(apart)
        held = Held(cut(inputs, others), sample.labels[others]) if len(others) else None

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            return cut(inputs, own[positions]), wanted[own[positions]]

        return TrainingInputs(sample.labels[own], make, held)

    def can_grow(self, data: Examples, sample: Examples, spec: TableSpec) -> bool:
        """No: every increment after the first takes all rows."""
        return False

    def prediction(self, data: Examples, spec: TableSpec) -> PredictionInputs:
        """Encoded rows."""

        def make(positions: Positions) -> Inputs:
            return spec.inputs(spec.encoder.transform(data.take(positions).table()))

        return PredictionInputs(np.arange(len(data)), make)

    def blueprint(self, spec: TableSpec) -> Blueprint:
        """Dense layers shared by the members, see `mlp_model`."""
        config = self.config
        facts = spec.facts() | {
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

    def state(self, spec: TableSpec) -> tuple[dict[str, Any], Arrays]:
        """The rules."""
        arrays = {f"encoder.{name}": array for name, array in spec.encoder.arrays().items()}
        arrays |= {f"numbers.{name}": array for name, array in spec.numbers.arrays().items()}
        return {"encoder": spec.encoder.facts()}, arrays

    def restored(self, facts: dict[str, Any], arrays: Arrays) -> TableSpec:
        """The inverse of `state`."""
        encoder = TableEncoder.restore(facts["encoder"], grouped(arrays, "encoder"))
        return TableSpec(encoder, NumberView(**grouped(arrays, "numbers")))

    def snapshot(self) -> Self:
        """Without the training rows."""
        return type(self)(self.task, self.seed)

    def _encoded(self, sample: Examples, spec: TableSpec) -> Inputs:
        if not np.array_equal(sample.rows, self._rows):
            self._inputs = spec.inputs(spec.encoder.transform(sample.table()))
            self._rows = sample.rows
        return self._inputs


TableNetwork = network_learner(
    "TableNetwork",
    __name__,
    RowInputs,
    "First increments on a balanced sample, then on all rows that fit the memory.",
)
