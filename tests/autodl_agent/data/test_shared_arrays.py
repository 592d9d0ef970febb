"""Arrays that two stores share through files."""

from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.shared_arrays import shared_array
from autodl_agent.data.tensor_store import Recipe, TensorStore
from autodl_agent.learners.testing.contract import memory_dataset
from autodl_agent.system.clock import Budget


def test_what_one_writes_the_other_reads(tmp_path: Path) -> None:
    one, other = (shared_array(tmp_path, "image@2", (5, 2), "float32") for _ in range(2))
    assert one is not None
    assert other is not None
    one[0][3], one[1][3] = (1.5, 2.5), True
    assert other[0][3].tolist() == [1.5, 2.5]
    assert other[1].tolist() == [False, False, False, True, False]
    different = shared_array(tmp_path, "image@2", (5, 2), "int16")
    assert different is not None
    assert not different[1].any()


def test_no_rows_and_no_room(tmp_path: Path) -> None:
    nothing = shared_array(tmp_path, "x", (0, 3), "uint8")
    assert nothing is not None
    assert nothing[0].shape == (0, 3)
    assert shared_array(tmp_path, "y", (1 << 40, 1 << 10), "float64") is None
    assert shared_array(tmp_path / "missing", "x", (2,), "uint8") is None


def test_a_store_computes_a_row_that_another_has_computed_no_more(tmp_path: Path) -> None:
    dataset, _ = memory_dataset("image", 6, 2)
    seen: list[int] = []

    def decode(example: object) -> np.ndarray:
        seen.append(1)
        return np.full(3, len(seen), np.float32)

    recipe = Recipe("counted", (3,), "float32", decode)
    end = Budget.from_now(60).deadline(60)
    stores = [TensorStore(dataset, make_task(dataset, 0), end, share=tmp_path) for _ in range(2)]
    first = stores[0].rows("train", recipe, np.arange(4))
    assert np.array_equal(stores[1].rows("train", recipe, np.arange(4)), first)
    assert len(seen) == 4
    stores[1].rows("train", recipe, np.arange(6))
    assert len(seen) == 6


@pytest.mark.parametrize("share", [True, False])
def test_test_rows_are_not_taken_for_training_rows(share: bool, tmp_path: Path) -> None:
    dataset, _ = memory_dataset("image", 6, 6)
    recipe = Recipe("mean", (1,), "float32", lambda example: np.float32([example.array.mean()]))
    store = TensorStore(
        dataset, make_task(dataset, 0), Budget.from_now(60).deadline(60), share=tmp_path if share else None
    )
    rows = [store.rows(split, recipe, np.arange(6)) for split in ("train", "test")]
    assert not np.array_equal(*rows)
