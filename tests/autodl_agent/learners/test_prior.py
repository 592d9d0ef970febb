"""Class frequencies, and the state that every learner is kept in."""

from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.task import Domain, Task
from autodl_agent.learners.base import Examples
from autodl_agent.learners.cost import rows_to_predict
from autodl_agent.learners.prior import PriorLearner
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.testing.contract import examples_of, memory_dataset
from autodl_agent.system.clock import Deadline

TRAIN, TEST = examples_of(memory_dataset("tabular", n_train=12, n_test=4)[0])


def task(n: int, *counts: int) -> Task:
    return Task("t", Domain.TABULAR, "", tuple(map(str, range(len(counts)))), n, 1, (1, 1, 1, 1), True, counts)


@pytest.mark.parametrize(("n", "count", "share"), [(9, 4, 0.45), (0, 0, 0.5), (1, 1, 0.75), (3, 0, 0.125)])
def test_shares_are_smoothed(n: int, count: int, share: float) -> None:
    assert task(n, count).class_priors[0] == pytest.approx(share)


def test_shares_are_never_certain() -> None:
    shares = task(10**9, 0, 10**9).class_priors
    assert 0 < shares[0] < 1e-5 and 1 - 1e-5 < shares[1] < 1


def test_a_fit_counts_the_rows_it_is_given() -> None:
    learner = PriorLearner(TRAIN.task, 0)
    assert learner.fit(TRAIN.take(np.array([0, 3, 6])), Deadline(0)) is False
    found = learner.predict(TEST)
    assert np.allclose(found, [[3.5 / 4, 0.5 / 4, 0.5 / 4]] * 4)
    assert learner.predict(TEST.take(np.arange(0))).shape == (0, 3)


def test_no_rows_say_half() -> None:
    learner = PriorLearner(TRAIN.task, 0)
    learner.fit(TRAIN.take(np.arange(0)), Deadline(0))
    assert np.allclose(learner.shares, 0.5)


def test_what_is_saved_is_predicted(tmp_path: Path) -> None:
    learner = PriorLearner(TRAIN.task, 0)
    learner.fit(TRAIN.take(np.arange(5)), Deadline(0))
    learner.save(tmp_path)
    assert np.array_equal(PriorLearner.load(tmp_path, TRAIN.task).predict(TEST), learner.predict(TEST))


def test_state_comes_back_with_names_types_and_shapes(tmp_path: Path) -> None:
    facts = {"é": [1, 2.5, None, "x"], "deep": {"a": True}}
    arrays = {"a.b": np.arange(3, dtype=np.int16), "none": np.zeros((0, 4), np.float32), "text": np.array(["é", ""])}
    save_state(tmp_path, facts, arrays)
    found_facts, found = load_state(tmp_path)
    assert found_facts == facts and list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)


def test_objects_are_refused_on_both_ways(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        save_state(tmp_path, {}, {"objects": np.array([{}], object)})
    np.savez(tmp_path / "state.npz", objects=np.array([{}], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        load_state(tmp_path)


def test_the_rows_that_a_run_will_ask_for() -> None:
    train, test = examples_of(memory_dataset("tabular", n_train=12, n_test=4)[0])
    train.store.bad["train"][[3, 11]] = True
    part = Examples(train.store, "train", np.array([0, 1, 2, 3]), train.labels[:4])
    tests, others = rows_to_predict(part)
    assert tests.split == "test" and tests.rows.tolist() == [0, 1, 2, 3]
    assert others.split == "train" and others.rows.tolist() == [4, 5, 6, 7, 8, 9, 10]
    assert tests.labels.shape == (4, 3) and others.labels.shape == (7, 3) and not others.labels.any()
