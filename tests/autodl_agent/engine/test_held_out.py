"""What is judged by the held-out rows."""

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.held_out import HeldOutRows
from autodl_agent.learners.testing.contract import FakeClock, memory_dataset


def held_out(n_train: int) -> HeldOutRows:
    dataset, _ = memory_dataset("text", n_train=n_train)
    store = TensorStore(dataset, make_task(dataset), FakeClock().budget(100.0).deadline(100.0))
    return HeldOutRows.of(store)


def test_rows_and_labels_belong_together() -> None:
    dataset, _ = memory_dataset("text", n_train=60)
    found = held_out(60)
    assert len(found) == 60 and len(found.folds) == 4
    assert np.array_equal(found.labels, dataset.train.labels[found.rows])
    assert np.array_equal(found.rows, np.concatenate([fold.held_out for fold in found.folds]))


def test_the_better_of_two_is_not_worse() -> None:
    found = held_out(60)
    good = (found.labels * 4 - 2).astype(np.float32)
    assert found.nauc(good) == 1
    assert found.is_worse(-good, good) and not found.is_worse(good, -good)
    assert not found.is_worse(good, good)
    assert not found.is_worse(None, good) and not found.is_worse(good, None)


def test_the_good_member_gets_the_weight() -> None:
    found = held_out(60)
    good = (found.labels * 4 - 2).astype(np.float32)
    noise = np.random.default_rng(0).normal(size=good.shape).astype(np.float32)
    weights = found.blend([noise, good]).weights
    assert weights[1] > weights[0]


def test_without_held_out_rows_members_count_alike_and_nothing_is_judged() -> None:
    found = held_out(6)
    empty = np.zeros((0, 3), np.float32)
    assert len(found) == 0
    assert found.nauc(empty) is None
    assert found.blend([empty, empty, None]).weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))
