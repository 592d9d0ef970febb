"""Multilingual E5 small trained on, from its uppermost layers downwards: for machines with an accelerator."""

from functools import partial
from pathlib import Path
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.heads.ridge import fit_ridge
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import completed, good_rows, reserve_prediction_time
from autodl_agent.learners.networks.device import device
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.output_layer import targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.prior import class_priors
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.text.config import TextWindow, TunedTextConfig
from autodl_agent.learners.text.finetuned_model import build
from autodl_agent.learners.text.sentence_vectors import text_vectors
from autodl_agent.learners.text.token_batches import MARKS, TextPieces, text_pieces
from autodl_agent.pretrained import encoders
from autodl_agent.pretrained.models.efficientnet_keras import rank
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
ENCODER = "e5-small"


@final
class TunedText(Learner):
    """Starts from a linear head on the frozen vectors; layers are opened and longer stretches read as it goes."""

    helpers = ("_network",)

    config = TunedTextConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.shares = class_priors(task)
        self._length = 0  # pieces of a text that the last increment read, marks included
        self._network: Network | None = None

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment; False without an accelerator. Raises OutOfTimeError, MissingWeightsError; its state stays."""
        if self.config.needs_gpu and not device().accelerators:
            return False
        data.texts()
        data = data.readable()
        if not len(data) or self.task.n_classes == 0 or not self._knows(data):
            return False
        row_s = self._network.row_s if self._network else 0.0
        deadline = reserve_prediction_time(data, deadline, row_s, held_out=True)
        sample = data.sample(self.config.most_rows if self._network else self.config.first_rows, self.seed)
        pieces = self._pieces(sample)
        pieces.read(sample.rows, deadline)
        length = self._next_length(pieces.lengths(sample.rows))
        network = self._network or Network(self._blueprint(), self.seed, self._head(sample, length, deadline))
        wanted = targets(sample.labels, not self.task.multilabel, self.config.training.smoothing)

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            return pieces.inputs(sample.rows[positions], length), wanted[positions]

        more = network.increment(sample.labels, make, deadline)
        self._network, self._length = network, length
        self.shares = ((sample.labels.sum(0) + 0.5) / (len(sample) + 1)).astype(np.float32)
        return more or len(sample) < min(len(data), self.config.most_rows)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; texts that cannot be read get the class shares."""
        network = self._network
        if network is None or network.shown is None or not len(data):
            return np.tile(self.shares, (len(data), 1))
        data.texts()
        good = good_rows(data)
        rows, pieces = data.rows[good], self._pieces(data)
        pieces.read(rows, data.store.end)
        make = partial(_inputs, pieces, rows, self._length)
        found = network.predict(len(good), make, data.store.end.now) if len(good) else self.shares[None][:0]
        return completed(data, self.shares, good, found)

    def save(self, folder: Path) -> None:
        """Write the trained weights; the vectors of pieces are looked up after `load` as in this run."""
        arrays: dict[str, NDArray[np.float32]] = {"shares": self.shares}
        save_state(folder, {"length": self._length}, arrays | (self._network.arrays() if self._network else {}))

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`; fitted again, it starts afresh from what it sees."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner.shares, learner._length = arrays["shares"], int(facts["length"])
        if learner._length:
            learner._network = Network(learner._blueprint(), task.seed)
            learner._network.restore(arrays)
        return learner

    def _knows(self, data: Examples) -> bool:
        """Whether the encoder has pieces for these texts' script."""
        config = self.config
        texts = [text[:500] for text in data.sample(config.look, self.seed).texts()]
        unknown = encoders.text_encoder(ENCODER).vocabulary.unknown_share(texts, config.lengths[0])
        return unknown <= 1 - config.known_share

    def _next_length(self, lengths: NDArray[np.int64]) -> int:
        """The next of the configured lengths where enough texts are longer than the present one."""
        for length in self.config.lengths:
            if length > self._length and (
                not self._length or float(np.mean(lengths > self._length)) >= self.config.long_share
            ):
                return length
        return self._length

    def _head(self, sample: Examples, length: int, deadline: Deadline) -> dict[str, Floats]:
        """First weights of the last layer: ridge regression on the vectors of the untouched encoder."""
        config = self.config
        if len(sample) < config.least_head_rows:
            return {}
        some = sample.sample(config.head_rows, self.seed)
        reading = TextWindow(length - MARKS, length - MARKS)
        vectors = text_vectors(some, ENCODER, encoders.text_encoder(ENCODER), reading)
        return fit_ridge(vectors.rows(some.rows, deadline), some.labels).last_layer()

    def _pieces(self, data: Examples) -> TextPieces:
        return text_pieces(data, self.config.lengths[-1] - MARKS)

    def _blueprint(self) -> Blueprint:
        facts = {
            "layers": list(encoders.E5_LAYERS),
            "classes": self.task.n_classes,
            "dropout": self.config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, self.config.training, rank)


def _inputs(pieces: TextPieces, rows: Positions, length: int, positions: Positions) -> dict[str, NDArray[np.floating]]:
    return pieces.inputs(rows[positions], length)
