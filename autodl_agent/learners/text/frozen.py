"""Learners on frozen encoders of texts: vectors of growing samples, ridge regression and a small network on them."""

import logging
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import Examples
from autodl_agent.learners.composition import composed_learner
from autodl_agent.learners.cost import rows_to_predict
from autodl_agent.learners.heads.mlp import Heads, fit_heads, seconds_of_net
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.text.config import E5, USE, FrozenTextConfig
from autodl_agent.learners.text.sentence_vectors import PIECE_CHARACTERS, TextVectors, text_vectors
from autodl_agent.pretrained.encoders import TextEncoder, can_load, text_encoder
from autodl_agent.pretrained.networks import MissingWeightsError
from autodl_agent.system.clock import Deadline

log = logging.getLogger(__name__)
PENALTIES = tuple(10.0**k for k in (0, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5))
OF_THE_REST = 0.9  # share of the time left in the run that the rows which must be predicted may take
FIRST_ROWS = 256  # rows whose encoding tells the encoder's speed
ROWS_AT_ONCE = 8192  # rows whose vectors a prediction holds in single precision


@dataclass(frozen=True)
class TextStep:
    """One increment: which of the configuration's excerpts, of how many training rows."""

    excerpt: int
    rows: int


@final
class FrozenEncoderText:
    """The body of a learner on a frozen text encoder; see `LearnerBody`."""

    def __init__(self, task: Task, seed: int, config: FrozenTextConfig) -> None:
        self.task, self.seed, self.config = task, seed, config
        self.shares = task.class_priors
        self.head: Heads | None = None
        self.next_s: float | None = None
        self.excerpt = 0  # that the head was fitted on
        self.done: TextStep | None = None
        self.hopeless = False

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """A sample, then all rows, then longer excerpts of long texts; False where weights, script or time end it.

        Raises OutOfTimeError where time does not allow the first; its state stays.
        """
        self.next_s = None
        if self.hopeless or not len(data):
            return False
        encoder = self._encoder(data)
        if encoder is None:
            return False
        try:
            more = self._advance(data, encoder, deadline)
        except OutOfTimeError:
            self.next_s = self._expected_s(data, encoder)
            raise
        self.next_s = self._expected_s(data, encoder) if more else None
        return more

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated scores; unreadable rows, and all rows without a head, get the classes' shares."""
        out = np.tile(self.shares, (len(data), 1))
        if self.head is None or not len(data):
            return out
        encoder = text_encoder(self.config.encoder)
        vectors = self._vectors(data, encoder, self.excerpt)
        for at in range(0, len(data), ROWS_AT_ONCE):
            part = data.take(np.arange(at, min(at + ROWS_AT_ONCE, len(data))))
            found = self.head.probabilities(vectors.rows(part.rows, data.store.end))
            good = ~data.store.bad[data.split][part.rows]
            out[at : at + len(part)][good] = found[good]
        return out

    def snapshot(self) -> Self:
        """For predictions: `fit` binds what it learns anew."""
        return copy(self)

    def save(self, folder: Path) -> None:
        """Write the shares and the head."""
        arrays = {} if self.head is None else self.head.arrays()
        facts = {"reading": self.excerpt, "fitted": self.head is not None}
        save_state(folder, facts, {"shares": self.shares, **arrays})

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote."""
        facts, arrays = load_state(folder)
        self.shares, self.excerpt = arrays.pop("shares"), int(facts["reading"])
        self.head = Heads.restore(arrays) if facts["fitted"] else None

    def _advance(self, data: Examples, encoder: TextEncoder, deadline: Deadline) -> bool:
        data.texts()
        data = data.readable()
        if not len(data):
            return False
        if self.done is None:
            self._try_speed(data, encoder, deadline)
        if not self._affordable(data, encoder, deadline):
            if self.head is None:
                raise OutOfTimeError(self.config.encoder)
            return False
        step = self._next(data)
        if step is None:
            return False
        step = self._shrunk(data, encoder, step)
        if self.done is not None and step.excerpt == self.done.excerpt and step.rows <= self.done.rows:
            return False
        sample = data.sample(step.rows, self.seed)
        # First what is to be predicted: a head alone is worth nothing.
        for rows in (*rows_to_predict(data), sample):
            self._vectors(rows, encoder, step.excerpt).rows(rows.rows, deadline)
        x = self._vectors(sample, encoder, step.excerpt).rows(sample.rows, deadline)
        exclusive = not self.task.multilabel
        head = fit_heads(x, sample.labels, exclusive, self.config.net, PENALTIES, self.seed, deadline)
        self.head, self.excerpt, self.done = head, step.excerpt, step
        self.shares = ((sample.labels.sum(0) + 0.5) / (len(sample) + 1)).astype(np.float32)
        return self._next(data) is not None and self._affordable(data, encoder, deadline)

    def _expected_s(self, data: Examples, encoder: TextEncoder) -> float | None:
        """Seconds of the next step: what is still to be encoded for it, and the head; None where unknown."""
        if self.hopeless or (step := self._next(data)) is None:
            return None
        step = self._shrunk(data, encoder, step)
        wanted = (*rows_to_predict(data), data.sample(step.rows, self.seed))
        costs = [self._vectors(part, encoder, step.excerpt).cost_s(part.rows) for part in wanted]
        if not any(costs):  # all is encoded, or nothing is known of the speed
            return None
        return sum(costs) + seconds_of_net(step.rows, encoder.features, self.task.n_classes, self.config.net)

    def _vectors(self, data: Examples, encoder: TextEncoder, excerpt: int) -> TextVectors:
        return text_vectors(data, self.config.encoder, encoder, self.config.excerpts[excerpt])

    def _encoder(self, data: Examples) -> TextEncoder | None:
        """The encoder, or None (with one line a run) where it is missing or does not know these texts' script."""
        try:
            encoder = text_encoder(self.config.encoder)
        except MissingWeightsError as error:
            self.hopeless = True
            reason = str(error)
            data.store.kept("train", f"without {self.config.encoder}", lambda: log.warning("%s", reason))
            return None
        if self.done is None and self._unknown(data, encoder) > 1 - self.config.known_share:
            self.hopeless = True
            log.info("%s: these texts are in a script that it does not know", self.config.encoder)
            return None
        return encoder

    def _unknown(self, data: Examples, encoder: TextEncoder) -> float:
        texts = [text[:500] for text in data.sample(self.config.look, self.seed).texts()]
        return encoder.vocabulary.unknown_share(texts, self.config.excerpts[0].pieces)

    def _next(self, data: Examples) -> TextStep | None:
        """More rows of the same excerpt, then all rows of a longer one where texts are longer."""
        most = max(1, min(len(data), self.config.most_rows, self.config.most_cells // max(1, self.task.n_classes)))
        done = self.done
        if done is None:  # at least half as many as must be predicted anyway
            predicted = sum(map(len, rows_to_predict(data)))
            return TextStep(0, min(most, max(self.config.first_rows, predicted // 2)))
        if done.rows < most:
            grown = done.rows * self.config.growth
            return TextStep(done.excerpt, most if 2 * grown > most else grown)
        if done.excerpt + 1 < len(self.config.excerpts) and self._cut(data, done.excerpt):
            return TextStep(done.excerpt + 1, most)
        return None

    def _shrunk(self, data: Examples, encoder: TextEncoder, step: TextStep) -> TextStep:
        """The step with so many rows as the run's time holds, so that what is encoded last still serves a head."""
        if step.excerpt or self.done is None:
            return step
        rows = step.rows
        while rows > self.done.rows:
            part = data.sample(rows, self.seed)
            cost = self._vectors(part, encoder, step.excerpt).cost_s(part.rows)
            cost += seconds_of_net(rows, encoder.features, self.task.n_classes, self.config.net)
            if cost <= OF_THE_REST * data.store.end.remaining():
                break
            rows = rows * 4 // 5
        return TextStep(step.excerpt, rows)

    def _cut(self, data: Examples, excerpt: int) -> bool:
        """Whether enough texts go on beyond this excerpt, some four characters a piece."""
        within = self.config.excerpts[excerpt].pieces * PIECE_CHARACTERS // 2
        lengths = [len(text) for text in data.sample(self.config.look, self.seed).texts()]
        return float(np.mean(np.asarray(lengths) > within)) >= self.config.long_share

    def _try_speed(self, data: Examples, encoder: TextEncoder, deadline: Deadline) -> None:
        """Encode some of the rows that must be predicted, so that an encoder too slow for the time left ends here."""
        test, _ = rows_to_predict(data)
        self._vectors(test, encoder, 0).rows(test.rows[:FIRST_ROWS], deadline)

    def _affordable(self, data: Examples, encoder: TextEncoder, deadline: Deadline) -> bool:
        """Whether the time left in the run holds the rows to be predicted and the least sample (a longer excerpt: all).

        Where nothing is known of the speed, the answer is yes.
        """
        step = self._next(data)
        if step is None:
            return True
        rows = min(step.rows, self.config.least_rows) if step.excerpt == 0 else step.rows
        wanted = (*rows_to_predict(data), data.sample(rows, self.seed))
        cost = sum(self._vectors(part, encoder, step.excerpt).cost_s(part.rows) for part in wanted)
        left = max(data.store.end.remaining(), deadline.remaining())
        if cost <= OF_THE_REST * left:
            return True
        log.info("%s: %.0f s of encoding for %.0f s left", self.config.encoder, cost, left)
        return False


UseText = composed_learner(
    "UseText",
    __name__,
    lambda task, seed: FrozenEncoderText(task, seed, USE),
    "Multilingual Universal Sentence Encoder: cheap vectors of 512.",
)
E5Text = composed_learner(
    "E5Text",
    __name__,
    lambda task, seed: FrozenEncoderText(task, seed, E5),
    "Multilingual E5 small: expensive vectors of four layers, the best there are of single sentences.",
)


def use_fits(task: Task) -> bool:
    """Whether the files of USE are there."""
    return can_load(*USE.needs)


def e5_fits(task: Task) -> bool:
    """Whether the file of E5 is there."""
    return can_load(*E5.needs)
