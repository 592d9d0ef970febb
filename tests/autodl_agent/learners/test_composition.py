from importlib import import_module

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.composition import composed_learner
from autodl_agent.learners.speech.frozen import SpeechEmbedding, WhisperSound
from autodl_agent.learners.testing.contract import examples_of, memory_dataset
from autodl_agent.learners.text.frozen import E5Text, UseText


class Counting:
    """A body that counts its increments and runs out of time in the second."""

    def __init__(self, task, seed):
        self.task, self.seed, self.increments, self.next_s = task, seed, 0, None

    def fit(self, data, deadline):
        self.increments, self.next_s = self.increments + 1, float(self.increments + 1)
        if self.increments == 2:
            raise OutOfTimeError("counting")
        return True

    def predict(self, data):
        return np.full((len(data), self.task.n_classes), 1 / (1 + self.increments), np.float32)

    def snapshot(self):
        twin = Counting(self.task, self.seed)
        twin.increments = self.increments
        return twin

    def save(self, folder):
        (folder / "increments").write_text(str(self.increments))

    def restore(self, folder):
        self.increments = int((folder / "increments").read_text())


@pytest.fixture
def made():
    train, test = examples_of(memory_dataset("text")[0])
    return composed_learner("Made", __name__, Counting, "Counts.")(train.task, 3), train, test


def test_next_s_is_that_of_the_body_whether_or_not_there_was_time(made):
    learner, train, _ = made
    assert learner.next_s is None and learner.fit(train, train.store.end) and learner.next_s == 1.0
    with pytest.raises(OutOfTimeError):
        learner.fit(train, train.store.end)
    assert learner.next_s == 2.0


def test_snapshot_and_saved_model_hold_the_body_as_it_was(made, tmp_path):
    learner, train, test = made
    learner.fit(train, train.store.end)
    snapshot, before = learner.snapshot(), learner.predict(test)
    learner.save(tmp_path)
    with pytest.raises(OutOfTimeError):
        learner.fit(train, train.store.end)
    assert np.array_equal(snapshot.predict(test), before)
    assert np.array_equal(type(learner).load(tmp_path, train.task).predict(test), before)
    assert not np.array_equal(learner.predict(test), before)


@pytest.mark.parametrize("kind", [UseText, E5Text, WhisperSound, SpeechEmbedding])
def test_composed_classes_are_found_by_their_name(kind):
    assert getattr(import_module(kind.__module__), kind.__qualname__) is kind
    assert kind.__final__ and kind.__doc__
