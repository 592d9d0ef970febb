"""A network on hashed tokens, learned from nothing but the set's own texts: for token worlds nobody pretrained on."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import reserve_prediction_time, set_apart
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.output_layer import targets
from autodl_agent.learners.networks.trainer import Held, Network
from autodl_agent.learners.prior import class_priors
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.text.cnn_model import build
from autodl_agent.learners.text.config import TextNetworkConfig
from autodl_agent.learners.text.token_ids import PAD, Sequences, TokenisationConfig, has_words, read
from autodl_agent.system.clock import Deadline

STEP = 16  # lengths are multiples of it


@final
class TextNetwork(Learner):
    """Grows in samples seen; long texts are seen in windows, at random places while training."""

    helpers = ("_network",)

    config = TextNetworkConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.shares = class_priors(task)
        self._reading: TokenisationConfig | None = None
        self._length = 0  # tokens of a window
        self._network: Network | None = None

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment. Raises OutOfTimeError; what was known before then stands."""
        data.texts()
        data = data.readable()
        if not len(data) or self.task.n_classes == 0:
            return False
        deadline = reserve_prediction_time(data, deadline, self._network.row_s if self._network else 0.0)
        reading = self._reading or self._choose(data)
        texts = read(data, reading)
        length = self._length or self._usual_length(texts, data)
        sample = data.sample(self.config.most_rows, self.seed)
        wanted = targets(sample.labels, not self.task.multilabel, self.config.training.smoothing)
        apart = set_apart(sample.labels, self.seed)
        own, others = np.flatnonzero(~apart), np.flatnonzero(apart)
        held = None
        if len(others):
            rows = sample.rows[others]
            held = Held(texts.windows(rows, np.zeros(len(rows), np.int64), length), sample.labels[others])

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            rows = sample.rows[own[positions]]
            begin = (rng.random(len(rows)) * np.maximum(texts.lengths[rows] - length + 1, 1)).astype(np.int64)
            numbers = texts.windows(rows, begin, length)
            numbers[rng.random(numbers.shape) < self.config.forget] = PAD
            return numbers, wanted[own[positions]]

        network = self._network or Network(self._blueprint(reading, length), self.seed)
        more = network.increment(sample.labels[own], make, deadline, held)
        self._reading, self._length, self._network = reading, length, network
        self.shares = ((sample.labels.sum(0) + 0.5) / (len(sample) + 1)).astype(np.float32)
        return more

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities, mean over the windows of a text; class shares before the first fit."""
        reading, network, length = self._reading, self._network, self._length
        if reading is None or network is None or network.shown is None or not len(data):
            return np.tile(self.shares, (len(data), 1))
        texts = read(data, reading)
        spare = np.maximum(texts.lengths[data.rows] - length, 0)
        windows = np.clip(1 + -(-spare // length), 1, self.config.most_windows)
        owner = np.repeat(np.arange(len(data)), windows)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(windows) - windows, windows)
        begin = (spare[owner] * number) // np.maximum(windows[owner] - 1, 1)

        def make(places: Positions) -> NDArray[np.int32]:
            return texts.windows(data.rows[owner[places]], begin[places], length)

        found = network.predict(len(owner), make, data.store.end.now)
        network.row_s *= len(owner) / len(data)
        ends = np.cumsum(windows)
        return np.asarray(np.add.reduceat(found, ends - windows) / windows[:, None], np.float32).clip(0, 1)

    def save(self, folder: Path) -> None:
        """Write weights and how texts are read."""
        facts: dict[str, Any] = {}
        arrays: dict[str, NDArray[Any]] = {"shares": self.shares}
        if self._reading is not None and self._network is not None:
            reading = asdict(self._reading)
            facts = {"marks": reading.pop("marks"), "reading": reading, "length": self._length}
            arrays |= self._network.arrays()
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`; fitted again, it starts afresh with the same reading."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner.shares = arrays["shares"]
        if "reading" in facts:
            reading = TokenisationConfig(
                **facts["reading"], marks=bool(facts.get("marks"))
            )  # the first models told nothing
            learner._reading, learner._length = reading, int(facts["length"])
            learner._network = Network(learner._blueprint(learner._reading, learner._length), task.seed)
            learner._network.restore(arrays)
        return learner

    def _choose(self, data: Examples) -> TokenisationConfig:
        config = self.config
        words = has_words(data.sample(config.look_rows, self.seed).texts(), config.most_characters)
        return TokenisationConfig(
            0 if words else config.grams, config.buckets, config.most_tokens, config.most_characters
        )

    def _usual_length(self, texts: Sequences, data: Examples) -> int:
        """Tokens of nine in ten texts, `most_length` at the most."""
        usual = int(np.quantile(texts.lengths[data.rows], 0.9))
        return int(np.clip(-(-usual // STEP) * STEP, STEP, self.config.most_length))

    def _blueprint(self, reading: TokenisationConfig, length: int) -> Blueprint:
        config = self.config
        facts = {
            "length": length,
            "buckets": reading.buckets,
            "classes": self.task.n_classes,
            "embedded": config.embedded,
            "kernels": list(config.kernels if not reading.grams else config.gram_kernels),
            "filters": config.filters,
            "dropout": config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, config.training)
