"""Copies of the best learners and the fit on all rows, when every learner has done its work."""

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.rounds import Round, rounds
from autodl_agent.engine.snapshot import Snapshot
from autodl_agent.learners.testing.contract import FakeClock, memory_dataset, scripted
from autodl_agent.scoring.auc import nauc


def play(
    n_train: int = 60, endless: bool = False, total_s: float = 400.0, slices: int = 1, **settings: object
) -> tuple[list[Round], list[Snapshot], np.ndarray]:
    dataset, truth = memory_dataset("text", n_train=n_train)
    clock = FakeClock()
    budget = clock.budget(total_s)
    store = TensorStore(dataset, make_task(dataset), budget.deadline(total_s))
    snapshots: list[Snapshot] = []
    spec = scripted("a", clock=clock, truth=truth, slices=slices, **settings)
    played = list(rounds(store, [spec], budget, keep=snapshots.append, endless=endless))
    return played, snapshots, truth


def test_the_learner_with_weight_is_copied_under_a_name_of_its_own() -> None:
    played, _, _ = play()
    names = [one.learner for one in played]
    assert "a~1" in names
    assert "a~4" not in names


def test_no_copy_where_nothing_can_be_gained() -> None:
    played, _, _ = play(slices=2)
    assert played[-1].ensemble_nauc == 1
    assert {one.learner for one in played} == {"prior", "a"}


def test_time_that_must_be_used_is_used() -> None:
    played, _, _ = play(endless=True)
    assert len({one.learner for one in played}) > 6
    assert played[-1].ended_s > 200


def test_the_last_word_is_a_fit_on_all_rows_where_some_were_held_out() -> None:
    played, snapshots, truth = play(n_train=1600, total_s=200)
    assert played[-1].learner == "all rows"
    assert played[-1].prediction is not None
    assert nauc(truth, played[-1].prediction) > 0.5
    assert all(len(part.models) == 1 for part in snapshots[-1].parts)
    assert played[-1].ensemble_nauc == played[-2].ensemble_nauc


@pytest.mark.parametrize("n_train", [8, 60])
def test_no_such_fit_where_folds_hold_out_every_row_or_none_is(n_train: int) -> None:
    played, _, _ = play(n_train=n_train)
    assert all(one.learner != "all rows" for one in played)


def test_no_such_fit_that_would_not_end_in_time() -> None:
    played, _, _ = play(n_train=1600, total_s=9, seconds=3.0)
    assert all(one.learner != "all rows" for one in played)
