"""Learners on frozen encoders of texts: vectors of growing samples, ridge regression and a small network on them."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.cost import rows_to_predict
from autodl_agent.learners.heads.mlp import Heads, fit_heads, seconds_of_net
from autodl_agent.learners.prior import class_priors
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.text.config import E5, USE, DenseConfig
from autodl_agent.learners.text.sentence_vectors import PIECE_CHARACTERS, text_vectors
from autodl_agent.pretrained.encoders import TextEncoder, can_load, text_encoder
from autodl_agent.pretrained.networks import MissingWeightsError
from autodl_agent.system.clock import Deadline

log = logging.getLogger(__name__)
PENALTIES = tuple(10.0**k for k in (0, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5))
OF_THE_REST = 0.9  # share of the time left in the run that the rows which must be predicted may take
FIRST_ROWS = 256  # rows whose reading tells the encoder's speed
ROWS_AT_ONCE = 8192  # rows whose vectors a prediction holds in single precision


@dataclass(frozen=True)
class Step:
    """One increment: which of the configuration's readings, of how many training rows."""

    reading: int
    rows: int


class DenseText:
    """What the learners of this module share: the encoder, the steps, the head."""

    def __init__(self, task: Task, seed: int, config: DenseConfig) -> None:
        self.task, self.seed, self.config = task, seed, config
        self.shares = class_priors(task)
        self.head: Heads | None = None
        self.reading = 0
        self.done: Step | None = None
        self.hopeless = False

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One step; False after the last, and where weights, script or time do not allow one.

        Raises OutOfTimeError where time does not allow the first.
        """
        if self.hopeless or not len(data):
            return False
        encoder = self._encoder(data)
        data.texts()
        data = data.readable()
        if encoder is None or not len(data):
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
        if self.done is not None and step.reading == self.done.reading and step.rows <= self.done.rows:
            return False
        reading = self.config.readings[step.reading]
        sample = data.sample(step.rows, self.seed)
        # First what is to be predicted: a head alone is worth nothing.
        for rows in (*rows_to_predict(data), sample):
            text_vectors(rows, self.config.encoder, encoder, reading).rows(rows.rows, deadline)
        x = text_vectors(sample, self.config.encoder, encoder, reading).rows(sample.rows, deadline)
        exclusive = not self.task.multilabel
        head = fit_heads(x, sample.labels, exclusive, self.config.net, PENALTIES, self.seed, deadline)
        self.head, self.reading, self.done = head, step.reading, step
        self.shares = ((sample.labels.sum(0) + 0.5) / (len(sample) + 1)).astype(np.float32)
        return self._next(data) is not None and self._affordable(data, encoder, deadline)

    def next_s(self, data: Examples) -> float | None:
        """Seconds that the next step will take: what is still to be read for it, and the head; None where unknown."""
        if self.hopeless or (step := self._next(data)) is None:
            return None
        encoder = text_encoder(self.config.encoder)
        step = self._shrunk(data, encoder, step)
        wanted = (*rows_to_predict(data), data.sample(step.rows, self.seed))
        reading = self.config.readings[step.reading]
        costs = [text_vectors(part, self.config.encoder, encoder, reading).cost_s(part.rows) for part in wanted]
        if not any(costs):  # all is read, or nothing is known of the speed
            return None
        return sum(costs) + seconds_of_net(step.rows, encoder.features, self.task.n_classes, self.config.net)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated scores; unreadable rows, and all rows without a head, get the classes' shares."""
        out = np.tile(self.shares, (len(data), 1))
        if self.head is None or not len(data):
            return out
        encoder = text_encoder(self.config.encoder)
        vectors = text_vectors(data, self.config.encoder, encoder, self.config.readings[self.reading])
        for at in range(0, len(data), ROWS_AT_ONCE):
            part = data.take(np.arange(at, min(at + ROWS_AT_ONCE, len(data))))
            found = self.head.probabilities(vectors.rows(part.rows, data.store.end))
            good = ~data.store.bad[data.split][part.rows]
            out[at : at + len(part)][good] = found[good]
        return out

    def save(self, folder: Path) -> None:
        """Write the shares and the head."""
        arrays = {} if self.head is None else self.head.arrays()
        save_state(
            folder, {"reading": self.reading, "fitted": self.head is not None}, {"shares": self.shares, **arrays}
        )

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote."""
        facts, arrays = load_state(folder)
        self.shares, self.reading = arrays.pop("shares"), int(facts["reading"])
        self.head = Heads.restore(arrays) if facts["fitted"] else None

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
        return encoder.vocabulary.unknown_share(texts, self.config.readings[0].pieces)

    def _next(self, data: Examples) -> Step | None:
        """More rows of the same reading, then all rows of a longer one where texts are longer."""
        most = max(1, min(len(data), self.config.most_rows, self.config.most_cells // max(1, self.task.n_classes)))
        done = self.done
        if done is None:  # at least half as many as must be predicted anyway
            predicted = sum(map(len, rows_to_predict(data)))
            return Step(0, min(most, max(self.config.first_rows, predicted // 2)))
        if done.rows < most:
            grown = done.rows * self.config.growth
            return Step(done.reading, most if 2 * grown > most else grown)
        if done.reading + 1 < len(self.config.readings) and self._cut(data, done.reading):
            return Step(done.reading + 1, most)
        return None

    def _shrunk(self, data: Examples, encoder: TextEncoder, step: Step) -> Step:
        """The step with so many rows as the run's time holds, so that what is read at its end still serves a head."""
        if step.reading or self.done is None:
            return step
        rows, reading = step.rows, self.config.readings[step.reading]
        while rows > self.done.rows:
            part = data.sample(rows, self.seed)
            cost = text_vectors(part, self.config.encoder, encoder, reading).cost_s(part.rows)
            cost += seconds_of_net(rows, encoder.features, self.task.n_classes, self.config.net)
            if cost <= OF_THE_REST * data.store.end.remaining():
                break
            rows = rows * 4 // 5
        return Step(step.reading, rows)

    def _cut(self, data: Examples, reading: int) -> bool:
        """Whether enough texts go on beyond what this reading reads, some four characters a piece."""
        heard = self.config.readings[reading].pieces * PIECE_CHARACTERS // 2
        lengths = [len(text) for text in data.sample(self.config.look, self.seed).texts()]
        return float(np.mean(np.asarray(lengths) > heard)) >= self.config.long_share

    def _try_speed(self, data: Examples, encoder: TextEncoder, deadline: Deadline) -> None:
        """Read some of the rows that must be predicted, so that a reading which time does not hold ends here."""
        test, _ = rows_to_predict(data)
        vectors = text_vectors(test, self.config.encoder, encoder, self.config.readings[0])
        vectors.rows(test.rows[:FIRST_ROWS], deadline)

    def _affordable(self, data: Examples, encoder: TextEncoder, deadline: Deadline) -> bool:
        """Whether the time left in the run holds the rows to be predicted and the least sample (a longer reading: all).

        Where nothing is known of the speed, the answer is yes.
        """
        step = self._next(data)
        if step is None:
            return True
        reading = self.config.readings[step.reading]
        rows = min(step.rows, self.config.least_rows) if step.reading == 0 else step.rows
        wanted = (*rows_to_predict(data), data.sample(rows, self.seed))
        cost = sum(text_vectors(part, self.config.encoder, encoder, reading).cost_s(part.rows) for part in wanted)
        left = max(data.store.end.remaining(), deadline.remaining())
        if cost <= OF_THE_REST * left:
            return True
        log.info("%s: %.0f s of reading for %.0f s left", self.config.encoder, cost, left)
        return False


def _advance(learner: Learner, dense: DenseText, data: Examples, deadline: Deadline) -> bool:
    """`dense.fit` for the learner, which then says what its next step will cost, also after one without a result."""
    try:
        more = dense.fit(data, deadline)
    except OutOfTimeError:
        learner.next_s = dense.next_s(data)
        raise
    learner.next_s = dense.next_s(data) if more else None
    return more


@final
class UseText(Learner):
    """Multilingual Universal Sentence Encoder: cheap vectors of 512."""

    helpers = ("_dense",)

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self._dense = DenseText(task, seed, USE)

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """A sample, then all rows, then longer readings of long texts. Raises OutOfTimeError and keeps its state."""
        return _advance(self, self._dense, data, deadline)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated scores."""
        return self._dense.predict(data)

    def save(self, folder: Path) -> None:
        """Write the head; the encoder is found again by name."""
        self._dense.save(folder)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        learner = cls(task, task.seed)
        learner._dense.restore(folder)
        return learner


@final
class E5Text(Learner):
    """Multilingual E5 small: dear vectors of four layers, the best there are of single sentences."""

    helpers = ("_dense",)

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self._dense = DenseText(task, seed, E5)

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """A sample, then all rows, then longer readings of long texts. Raises OutOfTimeError and keeps its state."""
        return _advance(self, self._dense, data, deadline)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated scores."""
        return self._dense.predict(data)

    def save(self, folder: Path) -> None:
        """Write the head; the encoder is found again by name."""
        self._dense.save(folder)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        learner = cls(task, task.seed)
        learner._dense.restore(folder)
        return learner


def use_fits(task: Task) -> bool:
    """Whether the files of USE are there."""
    return can_load(*USE.needs)


def e5_fits(task: Task) -> bool:
    """Whether the file of E5 is there."""
    return can_load(*E5.needs)
