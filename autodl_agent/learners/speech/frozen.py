"""Frozen encoders as ears: moments of what they hear, growing hearings, the kernel machine of the quick learner."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.cost import rows_to_predict
from autodl_agent.learners.heads.multi_kernel import KernelHead, fit_in_time
from autodl_agent.learners.prior import class_priors
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.speech.config import EMBEDDING, WHISPER, DeepConfig
from autodl_agent.learners.speech.encoder_features import EMBEDDING_ENCODER, WHISPER_ENCODER, EncoderSpec, Pace
from autodl_agent.pretrained.encoders import can_load
from autodl_agent.pretrained.networks import MissingWeightsError
from autodl_agent.pretrained.runtime.interpreter import interpreter_found
from autodl_agent.system.clock import Deadline

log = logging.getLogger(__name__)
OF_THE_REST = 0.9  # share of the time left in the run that hearing may take


@dataclass(frozen=True)
class Step:
    """One increment: which hearing of how many training rows."""

    hearing: int
    rows: int


class DeepSound:
    """What the learners of this module share: few rows, more, all with the first seconds of every clip; then longer
    hearings where clips are longer.
    """

    def __init__(self, task: Task, seed: int, encoder: EncoderSpec, config: DeepConfig) -> None:
        self.task, self.seed, self.encoder, self.config = task, seed, encoder, config
        self.shares = class_priors(task)
        self._head: KernelHead | None = None
        self._hearing = 0
        self._done: Step | None = None
        self._cut = False
        self._hopeless = False

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One step; False after the last or without weights. Raises OutOfTimeError and keeps its state."""
        if not self._ready(data):
            return False
        pace = data.store.kept("train", f"pace of {self.encoder.name}", Pace)
        step = self._next(len(data))
        if step is None or not self._affordable(data, step, pace):
            return False
        recipe = self._recipe(step.hearing)
        sample = data.sample(step.rows, self.seed)
        for part in (*rows_to_predict(data), sample):  # first what is to be predicted: a head alone is worth nothing
            pace.hear(part, recipe, deadline)
        sample = sample.readable()
        if len(sample):
            x = sample.array(recipe, deadline)
            self._head = fit_in_time(x, sample.labels, self.encoder.layout, self.config.kernel, self.seed, deadline)
            self._hearing = step.hearing
            self._cut = float(np.mean(x[:, 0] >= 0.99 * self.config.hearings[step.hearing])) >= self.config.long_share
        self._done = step
        after = self._next(len(data))
        return after is not None and self._affordable(data, after, pace)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated scores; rows that cannot be read get the classes' shares."""
        out = np.tile(self.shares, (len(data), 1))
        if self._head is None or not len(data):
            return out
        found = self._head.probabilities(
            data.array(self._recipe(self._hearing)), self.encoder.layout, self.config.kernel
        )
        good = ~data.store.bad[data.split][data.rows]
        out[good] = found[good]
        return out

    def save(self, folder: Path) -> None:
        """Write the shares and the kernel machine; the encoder is found again by name."""
        arrays = {} if self._head is None else self._head.arrays()
        facts = {"hearing": self._hearing, "fitted": self._head is not None}
        save_state(folder, facts, {"shares": self.shares, **arrays})

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote."""
        facts, arrays = load_state(folder)
        self.shares, self._hearing = arrays.pop("shares"), int(facts["hearing"])
        self._head = KernelHead(**arrays) if facts["fitted"] else None

    def _ready(self, data: Examples) -> bool:
        """Whether there is something to hear and to hear with; one line a run where there is not."""
        if self._hopeless or not len(data):
            return False
        try:
            self.encoder.load()
        except MissingWeightsError as error:
            reason = str(error)
            self._hopeless = True
            data.store.kept("train", f"without {self.encoder.name}", lambda: log.warning("%s", reason))
        return not self._hopeless

    def _next(self, n: int) -> Step | None:
        """The step after the last one done: more rows of its hearing, then all rows of a longer one."""
        most, done = min(n, self.config.most_rows), self._done
        if done is None:
            return Step(0, min(most, self.config.first_rows))
        if done.rows < most:
            grown = done.rows * self.config.growth
            return Step(done.hearing, most if 2 * grown > most else grown)
        if self._cut and done.hearing + 1 < len(self.config.hearings):
            return Step(done.hearing + 1, most)
        return None

    def _affordable(self, data: Examples, step: Step, pace: Pace) -> bool:
        """Whether the run's time holds the rows to be predicted and the least sample (of a longer hearing: all)."""
        recipe, hearings = self._recipe(step.hearing), self.config.hearings
        if step.hearing:
            pace.guess(recipe, self._recipe(step.hearing - 1), hearings[step.hearing] / hearings[step.hearing - 1])
        rows = self.config.least_rows if step.hearing == 0 else step.rows
        wanted = (*rows_to_predict(data), data.sample(min(rows, step.rows), self.seed))
        cost = sum(pace.cost_s(part, recipe) for part in wanted)
        if cost <= OF_THE_REST * data.store.end.remaining():
            return True
        log.info("%s: %.0f s of hearing for %.0f s left", self.encoder.name, cost, data.store.end.remaining())
        return False

    def _recipe(self, hearing: int) -> Recipe:
        return self.encoder.recipe(self.config.hearings[hearing], self.config.window_s, self.task.value_range)


@final
class WhisperSound(Learner):
    """The encoder of Whisper: words, and in its first layer voices."""

    helpers = ("_deep",)

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self._deep = DeepSound(task, seed, WHISPER_ENCODER, WHISPER)

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One step of rows or hearing; False after the last. Raises OutOfTimeError and keeps its state."""
        return self._deep.fit(data, deadline)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated scores."""
        return self._deep.predict(data)

    def save(self, folder: Path) -> None:
        """Write the head; the encoder is found again by name."""
        self._deep.save(folder)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        learner = cls(task, task.seed)
        learner._deep.restore(folder)
        return learner


@final
class SpeechEmbedding(Learner):
    """Google's speech_embedding: spoken words at a tenth of Whisper's cost."""

    helpers = ("_deep",)

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self._deep = DeepSound(task, seed, EMBEDDING_ENCODER, EMBEDDING)

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One step of rows or hearing; False after the last. Raises OutOfTimeError and keeps its state."""
        return self._deep.fit(data, deadline)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated scores."""
        return self._deep.predict(data)

    def save(self, folder: Path) -> None:
        """Write the head; the encoder is found again by name."""
        self._deep.save(folder)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        learner = cls(task, task.seed)
        learner._deep.restore(folder)
        return learner


def whisper_fits(task: Task) -> bool:
    """Whether the encoder's file is there."""
    return can_load("whisper-tiny-en")


def embedding_fits(task: Task) -> bool:
    """Whether the encoder's files and their interpreter are there."""
    return interpreter_found() and can_load("speech-melspectrogram", "speech-embedding")
