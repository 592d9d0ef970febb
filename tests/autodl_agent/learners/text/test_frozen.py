from types import SimpleNamespace

import numpy as np
import pytest

from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.testing.contract import examples_of, memory_dataset
from autodl_agent.learners.text import frozen
from autodl_agent.learners.text.config import E5
from autodl_agent.learners.text.frozen import FrozenEncoderText, TextStep
from autodl_agent.system.clock import Deadline


@pytest.fixture
def learner(monkeypatch):
    """A learner that has read 50 of 600 rows, on a machine that takes a second a row."""
    train, _ = examples_of(memory_dataset("text", n_train=600)[0])
    monkeypatch.setattr(
        frozen, "text_vectors", lambda data, *rest: SimpleNamespace(cost_s=lambda rows: float(max(0, len(rows) - 50)))
    )
    made = FrozenEncoderText(train.task, 0, E5)
    made.done = TextStep(0, 50)

    def shrunk(seconds, step):
        train.store.end = Deadline(seconds, lambda: 0.0)
        return made._shrunk(train, SimpleNamespace(features=8), step)

    return shrunk


def test_a_step_takes_the_rows_that_the_time_left_holds(learner):
    assert learner(10_000.0, TextStep(0, 600)).rows == 600
    some = learner(200.0, TextStep(0, 600)).rows
    assert 50 < some < 600
    assert some - 50 <= frozen.OF_THE_REST * 200
    assert learner(0.0, TextStep(0, 600)).rows <= 50


def test_a_longer_reading_is_not_cut(learner):
    assert learner(1.0, TextStep(1, 600)) == TextStep(1, 600)


@pytest.mark.parametrize("fitted", [False, True])
def test_no_time_for_the_first_head_is_told_apart_from_a_finished_learner(fitted, monkeypatch):
    train, _ = examples_of(memory_dataset("text", n_train=600)[0])
    monkeypatch.setattr(
        frozen, "text_vectors", lambda *rest: SimpleNamespace(cost_s=lambda rows: 1e9, rows=lambda rows, deadline: None)
    )
    learner = FrozenEncoderText(train.task, 0, E5)
    monkeypatch.setattr(learner, "_encoder", lambda data: SimpleNamespace(features=8))
    deadline = Deadline(train.store.end.now() + 1, train.store.end.now)
    if fitted:
        learner.head, learner.done = object(), TextStep(0, 50)
        assert not learner.fit(train, deadline)
    else:
        with pytest.raises(OutOfTimeError):
            learner.fit(train, deadline)


@pytest.mark.parametrize("seconds", [300.0, 1e6])
def test_a_reading_that_time_does_not_hold_ends_when_the_speed_is_known(seconds, monkeypatch):
    """A second a row: known after the first rows, and so that 500 test rows do not fit in 300 s."""
    train, _ = examples_of(memory_dataset("text", n_train=40, n_test=500)[0])
    read = []

    class Slow:
        def __init__(self, data, *rest):
            self.data = data

        def cost_s(self, rows):
            return float(len(rows)) if read else 0.0

        def rows(self, rows, deadline):
            read.append(len(rows))
            return np.zeros((len(rows), 8), np.float32)

    monkeypatch.setattr(frozen, "text_vectors", Slow)
    train.store.end = Deadline(seconds, lambda: 0.0)
    learner = FrozenEncoderText(train.task, 0, E5)
    monkeypatch.setattr(learner, "_encoder", lambda data: SimpleNamespace(features=8))
    if seconds > 500:
        learner.fit(train, train.store.end)
        assert learner.head is not None
        assert sum(read) > 500
    else:
        with pytest.raises(OutOfTimeError):
            learner.fit(train, train.store.end)
        assert read == [frozen.FIRST_ROWS]
