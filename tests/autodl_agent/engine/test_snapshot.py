"""The frozen ensemble: blends against a plain reference, thresholds, and rows that cannot be read."""

import numpy as np
import pytest

from autodl_agent.engine.ensemble.calibration import CELLS
from autodl_agent.engine.ensemble.selection import to_logits
from autodl_agent.engine.snapshot import HeldOut, Part, Snapshot, blended_odds
from autodl_agent.learners.prior import PriorLearner
from autodl_agent.learners.testing.contract import examples_of, memory_dataset

RNG = np.random.default_rng(0)


def logits(n: int = 6, classes: int = 3) -> np.ndarray:
    return RNG.normal(size=(n, classes)).astype(np.float32) * 3


def test_odds_are_the_weighted_sum() -> None:
    members = [logits(), logits()]
    assert np.allclose(blended_odds(members, [0.3, 0.7], False), 0.3 * members[0] + 0.7 * members[1], atol=1e-5)


def test_coupled_odds_are_those_of_the_softmax() -> None:
    mixed = logits()
    shares = np.exp(mixed) / np.exp(mixed).sum(1, keepdims=True)
    found = blended_odds([mixed], [1.0], True)
    assert np.allclose(1 / (1 + np.exp(-found)), shares, atol=1e-4)


def test_members_and_weights_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="zip"):
        blended_odds([logits()], [0.5, 0.5], False)


def test_without_parts_the_class_frequencies_are_predicted() -> None:
    train, test = examples_of(memory_dataset("tabular")[0])
    assert np.allclose(Snapshot().predict(test), np.tile(train.task.class_priors, (len(test), 1)))
    assert Snapshot().thresholds() is None


def test_rows_that_cannot_be_read_get_the_class_frequencies() -> None:
    train, test = examples_of(memory_dataset("tabular")[0])
    learner = PriorLearner(train.task, 0)
    learner.shares = np.array([0.9, 0.05, 0.05], np.float32)
    snapshot = Snapshot((Part("prior", 1.0, (learner,)),))
    test.store.bad["test"][2] = True
    found = snapshot.predict(test)
    assert np.allclose(found[2], train.task.class_priors, atol=1e-5)
    assert np.allclose(found[[0, 1, 3]], learner.shares, atol=1e-4)
    # The order of the rows asked for is theirs, not the store's.
    assert np.allclose(snapshot.predict(test.take(np.array([2, 0]))), found[[2, 0]])


def test_thresholds_are_learned_from_the_held_out_rows_alone() -> None:
    labels = np.eye(2, dtype=np.float32)[np.arange(40) % 2]
    scores = to_logits((0.1 + 0.2 * labels).astype(np.float32))
    snapshot = Snapshot.of((Part("x", 1.0, ()),), False, 0.5, HeldOut((scores,), labels, np.arange(40)))
    found = snapshot.thresholds()
    assert found is not None and found.shape == (2,)
    decided = snapshot.combine([scores]) >= found
    assert np.array_equal(decided, labels == 1)


def test_calibration_looks_at_a_part_of_very_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr("autodl_agent.engine.snapshot.fit_calibration", lambda odds, labels: seen.append(len(odds)))
    n = CELLS
    labels = np.zeros((n, 2), np.float32)
    Snapshot.of((Part("x", 1.0, ()),), False, None, HeldOut((labels,), labels, np.arange(n)))
    assert seen == [n // 2]
