"""One learner of the run with one model per fold: it advances in slices and holds its latest predictions."""

from dataclasses import dataclass

import numpy as np

from autodl_agent.data.arrays import Logits, Probabilities
from autodl_agent.data.splits import Fold
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.engine.ensemble.selection import to_logits
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.system.clock import Deadline
from autodl_agent.system.errors import LearnerError


@dataclass(frozen=True)
class Worked:
    """What one slice of a member came to; see `Member`."""

    more: bool
    held_out: Logits | None
    frozen_models: tuple[Learner, ...]


@dataclass(frozen=True)
class _Result:
    """What a finished slice left of a member, with its logits of the test rows."""

    held_out: Logits | None
    frozen_models: tuple[Learner, ...]
    test: Logits
    increments: int


class Member:
    """A learner cross-fitted over the folds.

    held_out: (rows held out in all folds together, classes) logits of the last finished slice, or None.
    settled: the folds' models as they stood at the end of the last finished slice. What `test` and a saved model use
    are these, so that a slice that ended half-way changes neither.
    """

    def __init__(self, spec: LearnerSpec, data: Examples, test: Examples, folds: tuple[Fold, ...]) -> None:
        self.spec, self.folds = spec, folds
        self.more = True
        self.timed_out = 0
        self.increments = 0  # that made the settled models
        self._played = 0
        self.held_out: Logits | None = None
        self._data, self._test_rows = data, test
        self.frozen_models: tuple[Learner, ...] = ()
        self._models: list[Learner] = []
        self._test: Logits | None = None
        self._proven: _Result | None = None  # the last one that predicted the test rows, while a newer one has not

    def first_answer(self, deadline: Deadline) -> Logits:
        """Fit the first fold's model once and predict the test rows: the quickest way to something real."""
        if not self._models:
            self._models = [self.spec.create(self._data.task, self._data.task.seed + k) for k in range(len(self.folds))]
        # The other folds' models come later: the first answer does not wait for them (decision 0008).
        self.more = self._models[0].fit(self._data.take(self.folds[0].train), deadline)
        frozen_models = (self._models[0].snapshot(),)
        odds = to_logits(checked(self._models[0].predict(self._test_rows), self.spec.name, self._test_rows))
        self.frozen_models = frozen_models
        return odds

    @property
    def next_s(self) -> float | None:
        """Seconds that the next slice will take by what the folds' models say; they share what is computed."""
        said = [model.next_s for model in self._models if model.next_s is not None]
        return max(said) if said and self.more else None

    @property
    def test_is_cached(self) -> bool:
        """Whether `test` costs nothing."""
        return self._test is not None

    def advance(self, deadline: Deadline, start_at: int = 0) -> None:
        """One increment of every fold's model (from `start_at`), then the held-out predictions."""
        self.accept(self.work(deadline, start_at))

    def accept(self, worked: "Worked") -> None:
        """Make the result of `work` the member's own."""
        if self._test is not None:
            self._proven = _Result(self.held_out, self.frozen_models, self._test, self.increments)
        self.more, self.held_out, self.frozen_models = worked.more, worked.held_out, worked.frozen_models
        self._test = None
        self._played += 1
        self.increments = self._played

    def reject(self, worked: "Worked") -> None:
        """Keep what there is in place of a result that is worse; the models go on from where they are."""
        self.more = worked.more
        self._played += 1

    def revert(self) -> None:
        """Drop a result that cannot predict the test rows for the last one that could; without one, nothing is left."""
        found = self._proven or _Result(None, (), np.zeros((0, 0), np.float32), 0)
        self.held_out, self.frozen_models, self.increments = found.held_out, found.frozen_models, found.increments
        self._test, self._proven = (found.test if found.frozen_models else None), None

    def refitted(self, deadline: Deadline) -> Learner:
        """A model fitted on all rows, those held out too, with as many increments. Raises OutOfTimeError."""
        model = self.spec.create(self._data.task, self._data.task.seed)
        for _ in range(self.increments):
            if deadline.passed:
                raise OutOfTimeError(self.spec.name)
            if not model.fit(self._data, deadline):
                break
        return model.snapshot()

    def work(self, deadline: Deadline, start_at: int = 0) -> "Worked":
        """What `advance` does, without a change to what the ensemble sees: that may be done by another thread."""
        if not self._models:
            self._models = [self.spec.create(self._data.task, self._data.task.seed + k) for k in range(len(self.folds))]
        more = self.more if start_at else False
        for k in range(start_at, len(self.folds)):
            # The first fold decodes what all share, so it gets twice an even part of the time that is left.
            part = deadline.remaining() * 2 / (len(self.folds) - k + 1)
            share = Deadline(deadline.now() + max(0.05, part), deadline.now)
            more = self._models[k].fit(self._data.take(self.folds[k].train), share) or more
        return Worked(more, self._predict_held_out(), tuple(model.snapshot() for model in self._models))

    def test(self) -> Logits:
        """(n_test, classes) logits of the last finished slice, mean over the folds' models; computed once."""
        if self._test is None:
            self._test, self._proven = mean_logits(self.frozen_models, self._test_rows, self.spec.name), None
        return self._test

    def _predict_held_out(self) -> Logits | None:
        parts = [
            logits_of(model, self._data.take(fold.held_out), self.spec.name)
            for model, fold in zip(self._models, self.folds, strict=True)
            if len(fold.held_out)
        ]
        return np.concatenate(parts) if parts else None


def mean_logits(models: tuple[Learner, ...], rows: Examples, name: str) -> Logits:
    """(n, classes) logits, mean over the models of one learner."""
    return np.asarray(np.mean([logits_of(model, rows, name) for model in models], axis=0), np.float32)


def logits_of(model: Learner, rows: Examples, name: str) -> Logits:
    """(n, classes) logits of one model, its prediction checked against the contract."""
    return to_logits(checked(model.predict(rows), name, rows))


def checked(probabilities: Probabilities, name: str, rows: Examples) -> Probabilities:
    """The prediction, if it keeps the contract; raises LearnerError with what was expected and found."""
    expected = (len(rows), rows.task.n_classes)
    if probabilities.shape != expected:
        raise LearnerError(f"{name}: prediction of shape {expected} expected, found {probabilities.shape}")
    if not np.isfinite(probabilities).all():
        raise LearnerError(f"{name}: {int((~np.isfinite(probabilities)).sum())} values are not finite")
    low, high = float(probabilities.min(initial=0)), float(probabilities.max(initial=0))
    if low < 0 or high > 1:
        raise LearnerError(f"{name}: values in [0, 1] expected, found {low:g} … {high:g}")
    return probabilities
