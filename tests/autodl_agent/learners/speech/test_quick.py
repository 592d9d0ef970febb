"""QuickSound: the contract, its steps, deadlines, unreadable clips."""

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import OutOfTimeError, TensorStore
from autodl_agent.learners.base import Examples
from autodl_agent.learners.heads.config import MultiKernelConfig
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.learners.speech.quick import QuickSound
from autodl_agent.learners.testing.contract import FakeClock, check_learner, examples_of, memory_dataset
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Deadline
from data_format.dataset import Dataset, Split
from data_format.examples import Dense, Example, MediaFile
from data_format.memory_source import MemorySource


def far() -> Deadline:
    return Deadline(1.0, lambda: 0.0 - 60)


def dataset_of(examples: list[Example], labels: np.ndarray, n_train: int) -> Dataset:
    ids = [str(i) for i in range(len(examples))]
    train = Split(ids[:n_train], labels[:n_train], MemorySource(examples[:n_train]))
    test = Split(ids[n_train:], np.zeros_like(labels[n_train:]), MemorySource(examples[n_train:]))
    names = tuple(f"c{c}" for c in range(labels.shape[1]))
    return Dataset("made", Path("made"), names, (-1, 1, 1, 1), train, test, ("speech", "made"))


def dense(samples: np.ndarray) -> Dense:
    return Dense(samples.astype(np.float32).reshape(-1, 1, 1, 1))


def write_wave(path: Path, samples: np.ndarray, rate: int) -> MediaFile:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 30000).astype("<i2").tobytes())
    return MediaFile(path)


def test_keeps_the_contract():
    check_learner(LearnerSpec("quick_sound", "speech.quick:QuickSound"), Domain.SPEECH, slices=4)


def test_short_clips_end_after_all_rows_and_long_ones_are_heard_again():
    for seconds, expected in ((0.3, ["first"]), (4.0, ["first", "full"])):
        rng = np.random.default_rng(0)
        clips = [dense(rng.normal(size=int(16000 * seconds)) * 0.1) for _ in range(12)]
        train, test = examples_of(dataset_of(clips, np.eye(2, dtype=np.float32)[np.arange(12) % 2], 9))
        learner, heard = QuickSound(train.task, 0), []
        more = True
        while more:
            more = learner.fit(train, far())
            heard.append(learner._hear.name)
            assert np.isfinite(learner.predict(test)).all()
        assert heard == expected
        assert learner.fit(train, far()) is False


def test_rows_grow_by_steps_to_all_of_them():
    train, _ = examples_of(memory_dataset("speech", n_train=130)[0])
    learner = QuickSound(train.task, 0)
    learner.config = type(learner.config)(first_rows=10, growth=3)
    rows = []
    more = True
    while more:
        more = learner.fit(train, far())
        assert learner._done is not None
        rows.append(learner._done.rows)
    assert rows == [10, 30, 130]


def test_more_rows_than_landmarks_are_spanned_by_rows_of_every_class():
    dataset, truth = memory_dataset("speech", n_train=120, n_test=30)
    train, test = examples_of(dataset)
    learner = QuickSound(train.task, 0)
    learner.config = replace(learner.config, kernel=MultiKernelConfig(landmarks=40))
    learner.fit(train, far())
    assert learner._head is not None and len(learner._head.anchors) == 40
    assert nauc(truth, learner.predict(test)) > 0.8


def test_a_deadline_that_passes_leaves_the_learner_as_it_was():
    clock = FakeClock()
    dataset, _ = memory_dataset("speech")
    task = make_task(dataset)
    store = TensorStore(dataset, task, Deadline(clock.at + 1000, clock))
    train = Examples(store, "train", np.arange(task.n_train), dataset.train.labels)
    test = Examples(store, "test", np.arange(task.n_test), dataset.test.labels)
    learner = QuickSound(task, 0)
    prior = learner.predict(test)
    for left in (-1.0, 0.001):
        with pytest.raises(OutOfTimeError):
            learner.fit(train, Deadline(clock.at + left, clock))
        assert np.array_equal(learner.predict(test), prior)
    learner.fit(train, Deadline(clock.at + 60, clock))
    assert not np.array_equal(learner.predict(test), prior)


def test_little_time_makes_a_smaller_machine_not_none(monkeypatch):
    train, _ = examples_of(memory_dataset("speech", n_train=120)[0])
    monkeypatch.setattr(
        "autodl_agent.learners.heads.multi_kernel.multi_kernel_s", lambda anchors, rows, width: anchors / 100
    )
    learner = QuickSound(train.task, 0)
    learner.fit(train, Deadline(100.9, FakeClock()))
    assert learner._head is not None and 50 <= len(learner._head.anchors) <= 90


def test_files_of_different_rates_and_broken_ones_are_predicted(tmp_path):
    rng = np.random.default_rng(0)
    files: list[Example] = []
    for i in range(30):
        rate = (8000, 16000, 44100)[i % 3]
        t = np.arange(rate // 2) / rate
        tone = 0.5 * np.sin(2 * np.pi * (400, 1500)[i // 3 % 2] * t) + 0.01 * rng.normal(size=len(t))
        files.append(write_wave(tmp_path / f"{i}.wav", tone, rate))
    labels = np.eye(2, dtype=np.float32)[np.arange(30) // 3 % 2]
    (tmp_path / "broken.wav").write_bytes(b"RIFF but not really")
    files[4] = files[25] = MediaFile(tmp_path / "broken.wav")
    files[26] = write_wave(tmp_path / "empty.wav", np.zeros(0), 8000)
    train, test = examples_of(dataset_of(files, labels, 18))
    learner = QuickSound(train.task, 0)
    learner.fit(train, far())
    found = learner.predict(test)
    assert np.array_equal(train.store.bad["train"].nonzero()[0], [4])
    assert np.allclose(found[25 - 18], learner.shares)
    good = np.delete(np.arange(12), [7, 8])
    assert nauc(labels[18:][good], found[good]) == 1
    assert np.isfinite(found).all()


def test_nothing_readable_keeps_the_prior(tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"nothing")
    broken: list[Example] = [MediaFile(tmp_path / "broken.wav")] * 6
    train, test = examples_of(dataset_of(broken, np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]], 4))
    learner = QuickSound(train.task, 0)
    assert learner.fit(train, far()) is False
    assert np.allclose(learner.predict(test), learner.shares)
