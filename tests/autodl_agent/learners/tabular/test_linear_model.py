"""The linear model of tables as one record: chunks, state, and the climb along the kernel widths."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodl_agent.learners.serialization import grouped
from autodl_agent.learners.tabular import linear_model as module
from autodl_agent.learners.tabular.config import QuickSettings
from autodl_agent.learners.tabular.linear_model import Shape, TableModel, best_shape, fit_model, portions, probabilities
from autodl_agent.learners.testing.contract import examples_of, memory_dataset
from autodl_agent.learners.trees.targets import Targets
from autodl_agent.system.clock import Budget, Deadline

TRAIN, TEST = examples_of(memory_dataset("tabular", 90, 30)[0])
TARGETS = Targets.of(TRAIN.labels, True)
SETTINGS = QuickSettings(waves=(40, 40))


def soon(seconds: float = 60) -> Deadline:
    return Budget.from_now(seconds).deadline(seconds)


def fitted(waves: int = 40) -> TableModel:
    return fit_model(TRAIN, TARGETS, waves, Shape(), 0, SETTINGS, soon())


@given(st.integers(0, 40), st.integers(1, 15))
def test_portions_are_all_rows_in_order(n: int, step: int) -> None:
    parts = portions(n, step)
    assert [row for part in parts for row in part] == list(range(n))
    assert all(0 < len(part) <= step for part in parts)


def test_a_group_holds_its_own_arrays_only() -> None:
    arrays = {"a.x": np.zeros(1), "a.y.z": np.ones(1), "ab.x": np.zeros(2), "a": np.zeros(3)}
    assert list(grouped(arrays, "a")) == ["x", "y.z"]


@pytest.mark.parametrize(("margin", "found"), [(0, 0.5), (np.nan, 0.5), (np.inf, 1), (-np.inf, 0), (1e30, 1)])
def test_any_margin_is_a_probability(margin: float, found: float) -> None:
    assert probabilities(np.array([[margin]], np.float32))[0, 0] == pytest.approx(found, abs=1e-6)


def test_margins_do_not_depend_on_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted().margins(TRAIN)
    monkeypatch.setattr(module, "CHUNK_FLOATS", 1)  # as few rows at a time as there may be
    assert np.allclose(fitted().margins(TRAIN), whole, atol=1e-4)
    assert fitted().margins(TRAIN.take(np.arange(0))).shape == (0, 3)


def test_margins_follow_the_rows_asked_for() -> None:
    made = fitted()
    rows = np.array([5, 2, 2])
    assert np.allclose(made.margins(TEST.take(rows)), made.margins(TEST)[rows], atol=1e-4)


@pytest.mark.parametrize("waves", [0, 40])
def test_a_restored_model_says_the_same(waves: int) -> None:
    made = fitted(waves)
    again = TableModel.restore(made.facts(), made.arrays())
    assert np.array_equal(again.margins(TEST), made.margins(TEST))
    assert (again.linear.auc, again.linear.penalty) == (made.linear.auc, made.linear.penalty)


@pytest.mark.parametrize(
    ("aucs", "best"),
    [
        ({1.0: 0.8, 2.0: 0.9, 4.0: 0.95, 8.0: 0.94}, 4.0),
        ({1.0: 0.8, 2.0: 0.7, 0.5: 0.85, 0.25: 0.84}, 0.5),
        ({1.0: 0.8, 2.0: 0.8, 0.5: 0.8}, 1.0),
        ({1.0: 0.8, 2.0: 0.81, 4.0: 0.82, 8.0: 0.83}, 8.0),
        ({1.0: 0.8, 2.0: 0.9, 4.0: 0.5}, 2.0),
    ],
)
def test_the_climb_ends_at_a_top(aucs: dict[float, float], best: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The widths tried are those of `aucs`, and no others."""
    linear = fitted().linear
    widths: list[float] = []

    class TableInputs:
        wide, base_width = 0, 1

        def base(self, rows: Any) -> None:
            return None

        def with_waves(self, base: Any, waves: int, width: float, seed: int) -> Any:
            widths.append(width)
            return self

        def matrix(self, rows: Any) -> None:
            return None

    monkeypatch.setattr(module, "_view", lambda data, settings: (None, TableInputs(), None))
    monkeypatch.setattr(
        module, "fit_logistic_ridge", lambda *facts: replace(linear, auc=aucs[widths[-1]], penalty=len(widths))
    )
    found = best_shape(TRAIN, TARGETS, Shape(), 0, SETTINGS, soon())
    assert found.width == best
    assert sorted(widths) == sorted(aucs)
    assert found.penalty == widths.index(best) + 1


def test_a_climb_without_time_stays_where_it_is() -> None:
    assert best_shape(TRAIN, TARGETS, Shape(), 0, SETTINGS, soon(0)).width == 1.0


def test_wide_tables_have_no_kernel_to_choose() -> None:
    shape = Shape(2.0, 3)
    assert best_shape(TRAIN, TARGETS, shape, 0, replace(SETTINGS, wide=0), soon()) is shape
