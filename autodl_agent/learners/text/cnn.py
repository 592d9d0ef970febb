"""A network on hashed tokens, learned from nothing but the set's own texts: for vocabularies nobody pretrained on."""

from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.base import Examples
from autodl_agent.learners.networks.adapter import Arrays, InputAdapter, PredictionInputs, TrainingInputs
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import set_apart
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.learner import network_learner
from autodl_agent.learners.networks.output_layer import targets
from autodl_agent.learners.networks.trainer import Held, Network
from autodl_agent.learners.text.cnn_model import build
from autodl_agent.learners.text.config import TextNetworkConfig
from autodl_agent.learners.text.token_ids import PAD, Sequences, TokenisationConfig, has_words, read
from autodl_agent.system.clock import Deadline

STEP = 16  # lengths are multiples of it


@dataclass(frozen=True)
class WindowSpec:
    """How texts come to the network: as tokens, `length` of them in a window."""

    tokenisation: TokenisationConfig
    length: int


@final
class TokenInputs(InputAdapter[WindowSpec]):
    """Windows of token numbers: at random places for training, evenly spaced ones for predictions."""

    config = TextNetworkConfig()

    def usable(self, data: Examples) -> Examples:
        """Readable texts."""
        data.texts()
        return data.readable()

    def first_spec(self, data: Examples, deadline: Deadline) -> WindowSpec:
        """Tokens by whether there are words, length by the usual text."""
        tokenisation = self.tokenisation(data)
        return WindowSpec(tokenisation, self.usual_length(read(data, tokenisation), data))

    def sample(self, data: Examples, spec: WindowSpec, first: bool, deadline: Deadline) -> Examples:
        """A balanced sample."""
        return data.sample(self.config.most_rows, self.seed)

    def training(self, sample: Examples, spec: WindowSpec, network: Network, deadline: Deadline) -> TrainingInputs:
        """Some tokens are forgotten; a part of the rows judges, by its texts' beginnings."""
        texts, length = read(sample, spec.tokenisation), spec.length
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

        return TrainingInputs(sample.labels[own], make, held)

    def can_grow(self, data: Examples, sample: Examples, spec: WindowSpec) -> bool:
        """No: every increment takes all rows."""
        return False

    def prediction(self, data: Examples, spec: WindowSpec) -> PredictionInputs:
        """As many windows as cover a text."""
        texts, length = read(data, spec.tokenisation), spec.length
        spare = np.maximum(texts.lengths[data.rows] - length, 0)
        windows = np.clip(1 + -(-spare // length), 1, self.config.most_windows)
        owner = np.repeat(np.arange(len(data)), windows)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(windows) - windows, windows)
        begin = (spare[owner] * number) // np.maximum(windows[owner] - 1, 1)

        def make(places: Positions) -> NDArray[np.int32]:
            return texts.windows(data.rows[owner[places]], begin[places], length)

        return PredictionInputs(np.arange(len(data)), make, windows)

    def blueprint(self, spec: WindowSpec) -> Blueprint:
        """Convolutions over embedded tokens, see `cnn_model`."""
        config = self.config
        facts = {
            "length": spec.length,
            "buckets": spec.tokenisation.buckets,
            "classes": self.task.n_classes,
            "embedded": config.embedded,
            "kernels": list(config.kernels if not spec.tokenisation.grams else config.gram_kernels),
            "filters": config.filters,
            "dropout": config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, config.training)

    def state(self, spec: WindowSpec) -> tuple[dict[str, Any], Arrays]:
        """The spec's fields."""
        reading = asdict(spec.tokenisation)
        return {"marks": reading.pop("marks"), "reading": reading, "length": spec.length}, {}

    def restored(self, facts: dict[str, Any], arrays: Arrays) -> WindowSpec:
        """The inverse of `state`; the first saved models did not say anything of marks and read without them."""
        tokenisation = TokenisationConfig(**facts["reading"], marks=bool(facts.get("marks")))
        return WindowSpec(tokenisation, int(facts["length"]))

    def tokenisation(self, data: Examples) -> TokenisationConfig:
        """Words, or character n-grams where there are none."""
        config = self.config
        words = has_words(data.sample(config.look_rows, self.seed).texts(), config.most_characters)
        return TokenisationConfig(
            0 if words else config.grams, config.buckets, config.most_tokens, config.most_characters
        )

    def usual_length(self, texts: Sequences, data: Examples) -> int:
        """Tokens of nine in ten texts, `most_length` at the most."""
        usual = int(np.quantile(texts.lengths[data.rows], 0.9))
        return int(np.clip(-(-usual // STEP) * STEP, STEP, self.config.most_length))


TextNetwork = network_learner(
    "TextNetwork",
    __name__,
    TokenInputs,
    "Grows in samples seen; long texts are seen in windows, at random places while training.",
)
