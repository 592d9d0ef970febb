"""Rounds in the background: the newest prediction at any moment, and an end when somebody wants it."""

import threading

import numpy as np
import pytest

from autodl_agent.data.task import Domain
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.learners.testing.contract import ScriptedLearner, memory_dataset, scripted
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.session import Session
from autodl_agent.system.clock import Budget


def waiting(self, data, deadline):
    """A slice that takes all the time that it is given."""
    self.done = getattr(self, "done", 0) + 1
    while not deadline.passed:
        threading.Event().wait(0.01)
    return True


@pytest.fixture
def endless(monkeypatch):
    """A learner that would go on for ten minutes."""
    monkeypatch.setitem(LEARNERS_BY_DOMAIN, Domain.TEXT, (scripted("endless"),))
    monkeypatch.setattr(ScriptedLearner, "fit", waiting)


def test_it_ends_when_it_is_stopped_and_its_last_prediction_stays(endless):
    dataset, _ = memory_dataset("text")
    budget = Budget.from_now(600)
    session = Session(dataset, budget, config=RunConfig(use_worker=False))
    session.start()
    assert session.wait_for(0, 60)
    session.stop()
    session.join(60)
    assert not session.is_alive() and session.ended
    assert budget.remaining() > 400 and session.budget.remaining() <= 0
    assert np.isfinite(session.newest().prediction).all()


def test_its_worker_is_ended_at_once(endless, monkeypatch):
    halted = threading.Event()

    class Worker:
        share = None

        def halt(self):
            halted.set()

        def close(self):
            halted.set()

    monkeypatch.setattr("autodl_agent.runs.context.start_worker", lambda *arguments, **settings: None)
    dataset, _ = memory_dataset("text")
    session = Session(dataset, Budget.from_now(600), worker=Worker())
    session.stop()
    assert halted.is_set()
    session.start()
    session.join(60)
    assert not session.is_alive()
