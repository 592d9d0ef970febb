"""Multilingual E5 small trained on, from its uppermost layers downwards: for machines with an accelerator."""

from functools import partial
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Rows
from autodl_agent.learners.base import Examples
from autodl_agent.learners.networks.adapter import Arrays, InputAdapter, PredictionInputs, TrainingInputs
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import good_rows, ridge_head
from autodl_agent.learners.networks.device import device
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.learner import network_learner
from autodl_agent.learners.networks.output_layer import targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.text.config import TextExcerpt, TunedTextConfig
from autodl_agent.learners.text.finetuned_model import build
from autodl_agent.learners.text.sentence_vectors import text_vectors
from autodl_agent.learners.text.token_batches import MARKS, TextPieces, text_pieces
from autodl_agent.pretrained import encoders
from autodl_agent.pretrained.models.efficientnet_keras import rank
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
ENCODER = "e5-small"


@final
class WordPieceInputs(InputAdapter[int]):
    """Vectors of word pieces; the spec is how many pieces of a text an increment reads, marks included."""

    config = TunedTextConfig()
    slow_prediction = True

    def usable(self, data: Examples) -> Examples | None:
        """Readable texts; None without an accelerator, or where the encoder does not know their script."""
        if self.config.needs_gpu and not device().accelerators:
            return None
        data.texts()
        data = data.readable()
        return data if len(data) and self._knows(data) else None

    def first_spec(self, data: Examples, deadline: Deadline) -> int:
        """The shortest length."""
        return self.config.lengths[0]

    def next_spec(self, data: Examples, known: int, increments: int, deadline: Deadline) -> int:
        """A longer one where enough texts are longer."""
        if not increments:
            return known
        sample = self.sample(data, known, False, deadline)
        return self.next_length(known, self.pieces(sample).lengths(sample.rows))

    def sample(self, data: Examples, spec: int, first: bool, deadline: Deadline) -> Examples:
        """A balanced sample, larger after the first increment, in pieces."""
        sample = data.sample(self.config.first_rows if first else self.config.most_rows, self.seed)
        self.pieces(sample).read(sample.rows, deadline)
        return sample

    def first_weights(self, sample: Examples, spec: int, deadline: Deadline) -> dict[str, Floats]:
        """A ridge head on the vectors of the untouched encoder."""
        excerpt = TextExcerpt(spec - MARKS, spec - MARKS)

        def features(some: Examples) -> Floats:
            return text_vectors(some, ENCODER, encoders.text_encoder(ENCODER), excerpt).rows(some.rows, deadline)

        return ridge_head(sample, self.config, self.seed, features)

    def training(self, sample: Examples, spec: int, network: Network, deadline: Deadline) -> TrainingInputs:
        """Texts as they are."""
        pieces = self.pieces(sample)
        wanted = targets(sample.labels, not self.task.multilabel, self.config.training.smoothing)

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            return pieces.inputs(sample.rows[positions], spec), wanted[positions]

        return TrainingInputs(sample.labels, make)

    def can_grow(self, data: Examples, sample: Examples, spec: int) -> bool:
        """Until all rows that may be learned from are in the sample."""
        return len(sample) < min(len(data), self.config.most_rows)

    def prediction(self, data: Examples, spec: int) -> PredictionInputs:
        """Texts as they are."""
        data.texts()
        good = good_rows(data)
        rows, pieces = data.rows[good], self.pieces(data)
        pieces.read(rows, data.store.end)
        return PredictionInputs(good, partial(_inputs, pieces, rows, spec))

    def blueprint(self, spec: int) -> Blueprint:
        """The encoder's layers, the same for all lengths."""
        facts = {
            "layers": list(encoders.E5_LAYERS),
            "classes": self.task.n_classes,
            "dropout": self.config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, self.config.training, rank)

    def state(self, spec: int) -> tuple[dict[str, Any], Arrays]:
        """The length."""
        return {"length": spec}, {}

    def restored(self, facts: dict[str, Any], arrays: Arrays) -> int:
        """The inverse of `state`."""
        return int(facts["length"])

    def pieces(self, data: Examples) -> TextPieces:
        """The pieces of the split of `data`."""
        return text_pieces(data, self.config.lengths[-1] - MARKS)

    def next_length(self, known: int, lengths: NDArray[np.int64]) -> int:
        """The next of the configured lengths where enough texts, of these lengths, are longer than the known one."""
        longer = [length for length in self.config.lengths if length > known]
        return longer[0] if longer and float(np.mean(lengths > known)) >= self.config.long_share else known

    def _knows(self, data: Examples) -> bool:
        """Whether the encoder has pieces for these texts' script."""
        config = self.config
        texts = [text[:500] for text in data.sample(config.look, self.seed).texts()]
        unknown = encoders.text_encoder(ENCODER).vocabulary.unknown_share(texts, config.lengths[0])
        return unknown <= 1 - config.known_share


TunedText = network_learner(
    "TunedText",
    __name__,
    WordPieceInputs,
    "Starts from a linear head on the frozen vectors; layers are opened and longer stretches read as it goes.",
)


def _inputs(pieces: TextPieces, rows: Rows, length: int, positions: Positions) -> dict[str, NDArray[np.floating]]:
    return pieces.inputs(rows[positions], length)
