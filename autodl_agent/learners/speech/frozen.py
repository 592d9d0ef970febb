"""Learners on frozen encoders of sounds: moments of growing excerpts, under the kernel machine of the quick learner."""

import logging
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples
from autodl_agent.learners.composition import composed_learner
from autodl_agent.learners.cost import rows_to_predict
from autodl_agent.learners.heads.multi_kernel import KernelHead, fit_in_time
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.speech.config import EMBEDDING, WHISPER, FrozenSoundConfig
from autodl_agent.learners.speech.encoder_features import EMBEDDING_ENCODER, WHISPER_ENCODER, EncoderSpec, EncodingPace
from autodl_agent.pretrained.encoders import can_load
from autodl_agent.pretrained.models.resampling import Resampler
from autodl_agent.pretrained.networks import MissingWeightsError
from autodl_agent.pretrained.runtime.interpreter import interpreter_found
from autodl_agent.system.clock import Deadline

log = logging.getLogger(__name__)
OF_THE_REST = 0.9  # share of the time left in the run that encoding may take


@dataclass(frozen=True)
class SoundStep:
    """One increment: which of the configuration's excerpts, of how many training rows."""

    excerpt: int
    rows: int


@final
class FrozenEncoderSound:
    """The body of a learner on a frozen encoder, see `LearnerBody`.

    Few rows, more, all with the first seconds of every clip; then longer excerpts where clips are longer.
    """

    next_s: float | None = None

    def __init__(self, task: Task, seed: int, encoder: EncoderSpec, config: FrozenSoundConfig) -> None:
        self.task, self.seed, self.encoder, self.config = task, seed, encoder, config
        self.shares = task.class_priors
        self._head: KernelHead | None = None
        self._excerpt = 0
        self._resampler: Resampler = "soxr"
        self._done: SoundStep | None = None
        self._cut = False
        self._hopeless = False

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One step; False after the last or without weights. Raises OutOfTimeError and keeps its state."""
        if not self._ready(data):
            return False
        pace = data.store.kept("train", f"pace of {self.encoder.name}", EncodingPace)
        step = self._next(len(data))
        if step is None or not self._affordable(data, step, pace):
            return False
        recipe = self._recipe(step.excerpt)
        sample = data.sample(step.rows, self.seed)
        for part in (*rows_to_predict(data), sample):  # first what is to be predicted: a head alone is worth nothing
            pace.encode(part, recipe, deadline)
        sample = sample.readable()
        if len(sample):
            x = sample.array(recipe, deadline)
            self._head = fit_in_time(x, sample.labels, self.encoder.layout, self.config.kernel, self.seed, deadline)
            self._excerpt = step.excerpt
            self._cut = float(np.mean(x[:, 0] >= 0.99 * self.config.excerpts_s[step.excerpt])) >= self.config.long_share
        self._done = step
        after = self._next(len(data))
        return after is not None and self._affordable(data, after, pace)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated scores; rows that cannot be read get the classes' shares."""
        out = np.tile(self.shares, (len(data), 1))
        if self._head is None or not len(data):
            return out
        found = self._head.probabilities(
            data.array(self._recipe(self._excerpt)), self.encoder.layout, self.config.kernel
        )
        good = ~data.store.bad[data.split][data.rows]
        out[good] = found[good]
        return out

    def snapshot(self) -> Self:
        """For predictions: `fit` binds what it learns anew."""
        return copy(self)

    def save(self, folder: Path) -> None:
        """Write the shares and the kernel machine; the encoder is found again by name."""
        arrays = {} if self._head is None else self._head.arrays()
        facts = {"hearing": self._excerpt, "fitted": self._head is not None, "resampler": self._resampler}
        save_state(folder, facts, {"shares": self.shares, **arrays})

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote."""
        facts, arrays = load_state(folder)
        self.shares, self._excerpt = arrays.pop("shares"), int(facts["hearing"])
        self._head = KernelHead(**arrays) if facts["fitted"] else None
        self._resampler = facts.get("resampler", "spectrum")  # version 0.1.0 knew no other

    def _ready(self, data: Examples) -> bool:
        """Whether there are rows and the encoder's weights; one line a run where these are missing."""
        if self._hopeless or not len(data):
            return False
        try:
            self.encoder.load()
        except MissingWeightsError as error:
            reason = str(error)
            self._hopeless = True
            data.store.kept("train", f"without {self.encoder.name}", lambda: log.warning("%s", reason))
        return not self._hopeless

    def _next(self, n: int) -> SoundStep | None:
        """The step after the last one done: more rows of its excerpt, then all rows of a longer one."""
        most, done = min(n, self.config.most_rows), self._done
        if done is None:
            return SoundStep(0, min(most, self.config.first_rows))
        if done.rows < most:
            grown = done.rows * self.config.growth
            return SoundStep(done.excerpt, most if 2 * grown > most else grown)
        if self._cut and done.excerpt + 1 < len(self.config.excerpts_s):
            return SoundStep(done.excerpt + 1, most)
        return None

    def _affordable(self, data: Examples, step: SoundStep, pace: EncodingPace) -> bool:
        """Whether the run's time holds the rows to be predicted and the least sample (of a longer excerpt: all)."""
        recipe, seconds = self._recipe(step.excerpt), self.config.excerpts_s
        if step.excerpt:
            pace.guess(recipe, self._recipe(step.excerpt - 1), seconds[step.excerpt] / seconds[step.excerpt - 1])
        rows = self.config.least_rows if step.excerpt == 0 else step.rows
        wanted = (*rows_to_predict(data), data.sample(min(rows, step.rows), self.seed))
        cost = sum(pace.cost_s(part, recipe) for part in wanted)
        if cost <= OF_THE_REST * data.store.end.remaining():
            return True
        log.info("%s: %.0f s of encoding for %.0f s left", self.encoder.name, cost, data.store.end.remaining())
        return False

    def _recipe(self, excerpt: int) -> Recipe:
        seconds, window_s = self.config.excerpts_s[excerpt], self.config.window_s
        return self.encoder.recipe(seconds, window_s, self.task.value_range, self._resampler)


WhisperSound = composed_learner(
    "WhisperSound",
    __name__,
    lambda task, seed: FrozenEncoderSound(task, seed, WHISPER_ENCODER, WHISPER),
    "The encoder of Whisper: words, and in its first layer voices.",
)
SpeechEmbedding = composed_learner(
    "SpeechEmbedding",
    __name__,
    lambda task, seed: FrozenEncoderSound(task, seed, EMBEDDING_ENCODER, EMBEDDING),
    "Google's speech_embedding: spoken words at a tenth of Whisper's cost.",
)


def whisper_fits(task: Task) -> bool:
    """Whether the encoder's file is there."""
    return can_load("whisper-tiny-en")


def embedding_fits(task: Task) -> bool:
    """Whether the encoder's files and their interpreter are there."""
    return interpreter_found() and can_load("speech-melspectrogram", "speech-embedding")
