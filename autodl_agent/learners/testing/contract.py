"""Shipped test tools: small data of every domain in memory, a clock that tests move, learners that misbehave, and the
contract that every learner keeps.

A learner is covered by one line, `check_learner(spec, domain)`; a test walks the registry so that none is forgotten.
"""

import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Probabilities
from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain, Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.registry import SEED_STEP, LearnerSpec
from autodl_agent.system.clock import Budget, Deadline
from data_format.dataset import Dataset, DomainName, Split
from data_format.examples import Dense, Example, Table, Text
from data_format.memory_source import MemorySource

CLASSES = ("first", "second", "third")
WORDS = (("river", "boat", "water"), ("engine", "wheel", "road"), ("bread", "salt", "oven"))


@dataclass
class FakeClock:
    """A monotonic clock that moves only when told."""

    at: float = 100.0

    def __call__(self) -> float:
        """The time now."""
        return self.at

    def budget(self, total_s: float) -> Budget:
        """A budget on this clock, starting now."""
        return Budget(total_s, self.at, 1.7e9, self)


def memory_dataset(
    domain: DomainName, n_train: int = 60, n_test: int = 20, multilabel: bool = False, seed: int = 0
) -> tuple[Dataset, Labels]:
    """A separable three-class data set of the domain and the truth of its test rows, (n_test, 3)."""
    rng = np.random.default_rng(seed)
    n = n_train + n_test
    if multilabel:
        labels = (rng.random((n, 3)) < 0.4).astype(np.float32)
    else:
        labels = np.eye(3, dtype=np.float32)[np.arange(n) % 3]
    made, shape = _make(domain, labels, rng)
    ids = [str(i) for i in range(n)]
    parts = [slice(0, n_train), slice(n_train, n)]
    if isinstance(made, Table):
        sources = [
            MemorySource(table=Table(made.numbers[p], made.number_names, made.strings[p], made.string_names))
            for p in parts
        ]
    else:
        sources = [MemorySource(made[p]) for p in parts]
    train = Split(ids[:n_train], labels[:n_train], sources[0])
    test = Split(ids[n_train:], np.zeros((n_test, 3), np.float32), sources[1])
    truth = labels[n_train:]
    dataset = Dataset(
        f"memory-{domain}", Path("memory"), CLASSES, shape, train, test, (domain, "made in memory"),
        truth=lambda: truth,
    )  # fmt: skip
    return dataset, truth


def _make(
    domain: DomainName, labels: Labels, rng: np.random.Generator
) -> tuple[list[Example] | Table, tuple[int, int, int, int]]:
    """Examples in which each label leaves a trace of its own."""
    if domain == "tabular":
        numbers = labels @ rng.normal(size=(3, 6)) * 3 + rng.normal(size=(len(labels), 6))
        strings = np.array([["ab"[int(row[0] > 0)]] for row in labels], object)
        return Table(numbers, tuple(f"n{i}" for i in range(6)), strings, ("s0",)), (1, 1, 7, 1)
    maker: Callable[[Labels, np.random.Generator], Example] = {
        "image": _image, "video": _clip, "speech": _sound, "text": _text,
    }[domain]  # fmt: skip
    shapes = {"image": (1, 24, 24, 3), "video": (-1, 16, 16, 3), "speech": (-1, 1, 1, 1), "text": (-1, 1, 1, 1)}
    return [maker(row, rng) for row in labels], shapes[domain]


def _image(row: Labels, rng: np.random.Generator) -> Example:
    picture = rng.random((24, 24, 3)) * 0.3
    for c in np.flatnonzero(row):
        picture[4 + 6 * c : 8 + 6 * c, 4:20, c] += 0.6
    return Dense(picture[None].astype(np.float32))


def _clip(row: Labels, rng: np.random.Generator) -> Example:
    length = int(rng.integers(6, 12))
    clip = rng.random((length, 16, 16, 3)) * 0.3
    for c in np.flatnonzero(row):
        for t in range(length):
            place = min(14, t * 14 // length)
            clip[t, place : place + 2, 5 * c : 5 * c + 4] += 0.6
    return Dense(clip.astype(np.float32))


def _sound(row: Labels, rng: np.random.Generator) -> Example:
    t = np.arange(int(rng.integers(5_000, 9_000))) / 16_000
    wave = 0.02 * rng.normal(size=len(t))
    for c in np.flatnonzero(row):
        wave = wave + 0.3 * np.sin(2 * np.pi * (300, 900, 2500)[c] * t)
    return Dense(wave.astype(np.float32)[:, None, None, None])


def _text(row: Labels, rng: np.random.Generator) -> Example:
    words = ["the", "of", "and", "it"] * 2
    for c in np.flatnonzero(row):
        words += list(rng.choice(WORDS[c], 4))
    return Text(" ".join(rng.permutation(words)))


def examples_of(dataset: Dataset, seconds: float = 3600.0) -> tuple[Examples, Examples]:
    """Views of all training and all test rows through a fresh store."""
    task = make_task(dataset)
    store = TensorStore(dataset, task, Budget.from_now(seconds).deadline(seconds))
    train = Examples(store, "train", np.arange(task.n_train), dataset.train.labels)
    return train, Examples(store, "test", np.arange(task.n_test), dataset.test.labels)


def check_learner(spec: LearnerSpec, domain: Domain, slices: int = 2) -> None:
    """Assert the learner contract on single-label, multi-label and one-class data of the domain.

    slices: with two or more, what is learned later must not show in a snapshot taken before.
    """
    for multilabel in (False, True):
        dataset, truth = memory_dataset(domain.value, multilabel=multilabel, seed=3)
        train, test = examples_of(dataset)
        if not spec.fits(train.task):
            continue
        learner = spec.create(train.task, 7)
        found = _check_slices(spec, learner, train, test, slices)
        _check_learns(spec, found, truth)
        _check_saved(spec, learner, train.task, test, found)
    _check_poor_data(spec, domain)


def _check_slices(spec: LearnerSpec, learner: Learner, train: Examples, test: Examples, slices: int) -> Probabilities:
    """Play some slices; the predictions after the last."""
    before, twin = copy.deepcopy(train.labels), spec.create(train.task, 7)
    found = learner.predict(test)
    _check_values(found, test)
    snapshots: list[tuple[Learner, Probabilities]] = []
    for _ in range(slices):
        more = learner.fit(train, _soon(60))
        twin.fit(train, _soon(60))
        found = learner.predict(test)
        _check_values(found, test)
        expected_s = learner.next_s
        assert expected_s is None or 0 <= expected_s < np.inf, f"{spec.name}: next_s is {expected_s}"
        snapshots.append((learner.snapshot(), found))
        if not more:
            break
    assert np.array_equal(train.labels, before), f"{spec.name} edits its input"
    assert np.allclose(found, twin.predict(test), atol=1e-5), f"{spec.name}: same seed, another answer"
    for number, (snapshot, shown) in enumerate(snapshots):
        same = np.allclose(snapshot.predict(test), shown, atol=1e-5)
        assert same, f"{spec.name}: the snapshot after slice {number + 1} gives another answer later"
    return found


def _soon(seconds: float) -> Deadline:
    return Budget.from_now(seconds).deadline(seconds)


def _check_values(found: Probabilities, rows: Examples) -> None:
    assert found.shape == (len(rows), rows.task.n_classes), f"shape {found.shape}"
    assert np.isfinite(found).all() and found.min(initial=0) >= 0 and found.max(initial=1) <= 1


def _check_learns(spec: LearnerSpec, found: Probabilities, truth: Labels) -> None:
    from autodl_agent.scoring.auc import nauc

    value = nauc(truth, found)
    assert value > 0.5, f"{spec.name} reaches NAUC {value:.2f} on separable data"


def _check_saved(spec: LearnerSpec, learner: Learner, task: Task, test: Examples, expected: Probabilities) -> None:
    with tempfile.TemporaryDirectory() as folder:
        learner.save(Path(folder))
        loaded = type(learner).load(Path(folder), task)
        assert np.allclose(loaded.predict(test), expected, atol=1e-5), f"{spec.name}: another answer after load"


def _check_poor_data(spec: LearnerSpec, domain: Domain) -> None:
    """One row, one class, rows without labels: predictions of the right shape, no exception."""
    dataset, _ = memory_dataset(domain.value, n_train=6, n_test=3)
    train, test = examples_of(dataset)
    if not spec.fits(train.task):
        return
    cases: list[NDArray[Any]] = [np.array([0]), np.array([0, 3]), np.arange(6)]
    for rows in cases:
        learner = spec.create(train.task, 1)
        learner.fit(train.take(rows), _soon(30))
        _check_values(learner.predict(test), test)
    blank = Examples(train.store, "train", train.rows, np.zeros_like(train.labels))
    learner = spec.create(train.task, 1)
    learner.fit(blank, _soon(30))
    _check_values(learner.predict(test), test)


@final
class ScriptedLearner(Learner):
    """A fake: adds `gain` of the truth per slice, costs fake seconds, and can be told to misbehave in slice `at`.

    misbehave: "" | "raise" | "nan" | "shape" | "range" | "shares" (nothing but the class shares) | "test-nan" |
    "test-raise" | "test-exit" (on the test rows only) | "shared" (its snapshots learn on with it).
    """

    clock: FakeClock | None = None
    seconds: float = 1.0
    slices: int = 3
    misbehave: str = ""
    at: int = 1
    truth: Labels | None = None

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """Move the clock, remember the slice."""
        self.done = getattr(self, "done", 0) + 1
        if self.clock is not None:
            self.clock.at += self.seconds
        if self.misbehave == "raise" and self.done >= self.at:
            raise ValueError("scripted failure")
        return self.done < self.slices

    def snapshot(self) -> Self:
        """A copy, or where told so itself."""
        return self if self.misbehave == "shared" else super().snapshot()

    def predict(self, data: Examples) -> Probabilities:
        """Labels of the rows (test truth given) mixed with seeded noise that shrinks with every slice."""
        done = getattr(self, "done", 0)
        known = data.labels if data.split == "train" or self.truth is None else self.truth[data.rows]
        noise = np.random.default_rng(self.seed).random((len(data), self.task.n_classes))
        share = done / (done + 2)
        out = (share * known + (1 - share) * noise).astype(np.float32)
        if done >= self.at:
            if self.misbehave == "shares":
                return np.tile(self.task.class_priors, (len(data), 1))
            if self.misbehave == "nan" or (self.misbehave == "test-nan" and data.split == "test"):
                out[0, 0] = np.nan
            if self.misbehave == "test-raise" and data.split == "test":
                raise ValueError("scripted failure on the test rows")
            if self.misbehave == "test-exit" and data.split == "test":
                raise SystemExit("scripted exit on the test rows")
            if self.misbehave == "shape":
                return out[:, :-1]
            if self.misbehave == "range":
                return out * 3
        return out

    def save(self, folder: Path) -> None:
        """Nothing to keep."""

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """A fresh one."""
        return cls(task, task.seed)


def scripted(name: str, **settings: Any) -> LearnerSpec:
    """A LearnerSpec whose learner is a ScriptedLearner with these settings."""

    @dataclass(frozen=True)
    class Spec(LearnerSpec):
        def create(self, task: Task, seed: int) -> Learner:
            learner = ScriptedLearner(task, seed + SEED_STEP * self.copy)
            for key, value in settings.items():
                setattr(learner, key, value)
            return learner

    return Spec(name, "testing:ScriptedLearner")
