"""The learning curve's area against the protocol's vectors and an integral done by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.scoring.alc import LearningCurve, alc, transformed_time
from data_format.errors import DataError

curves = st.lists(st.tuples(st.floats(0, 100), st.floats(-1, 1)), max_size=6)


def test_log_time_of_the_protocol() -> None:
    found = transformed_time([0, 10, 60, 300, 600, 1200], 1200)
    np.testing.assert_allclose(found, [0, 0.050632, 0.22767, 0.588519, 0.78761, 1], atol=5e-7)


@pytest.mark.parametrize(
    ("times", "scores", "expected"),
    [
        ([], [], 0.0),
        ([60], [1], 0.772329751303047),
        ([10, 100, 600], [0.2, 0.5, 0.8], 0.45694209352272713),
        ([10, 100], [-0.2, 0.5], 0.28461307001136715),
        ([600, 1300], [0.5, 0.9], 0.1061951715173719),
    ],
)
def test_areas_of_the_protocol(times: list[float], scores: list[float], expected: float) -> None:
    assert alc(times, scores, 1200) == pytest.approx(expected, abs=1e-14)


@given(curves, st.floats(1, 100), st.floats(0.5, 200))
@settings(max_examples=60, deadline=None)
def test_equals_the_integral(points: list[tuple[float, float]], budget: float, t0: float) -> None:
    times, scores = [t for t, _ in points], [s for _, s in points]
    curve = LearningCurve.of(times, scores, budget)
    # Midpoints of a fine grid in log time: each step of the curve may be off by one cell.
    grid = (np.arange(4000) + 0.5) / 4000
    seconds = t0 * np.expm1(grid * np.log1p(budget / t0))
    integral = np.mean([curve.score_at(t) for t in seconds])
    assert alc(times, scores, budget, t0) == pytest.approx(integral, abs=2 * len(points) / 4000 + 1e-9)


def test_times_are_sorted_and_the_last_of_one_moment_counts() -> None:
    assert alc([100, 10], [0.5, -0.2], 1200) == alc([10, 100], [-0.2, 0.5], 1200)
    assert alc([5, 5], [0.1, 0.9], 60) == alc([5], [0.9], 60)
    assert alc([-3], [1.0], 60) == 1.0


def test_a_late_prediction_changes_nothing_and_the_limit_itself_is_in_time() -> None:
    assert alc([600, 1200.001], [0.5, 0.9], 1200) == alc([600], [0.5], 1200)
    late = LearningCurve.of([600, 1300], [0.5, 0.9], 1200)
    assert late.get_final_score() == 0.5
    assert late.get_time_used() == 1300
    assert LearningCurve.of([1200], [0.9], 1200).get_final_score() == 0.9


def test_curves_merge_step_by_step() -> None:
    a, b = LearningCurve.of([10, 30], [0.2, 0.6], 60), LearningCurve.of([20], [0.5], 60)
    assert (a + b).times == (10, 20, 30)
    assert (a + b).scores == pytest.approx((0.2, 0.7, 1.1))
    assert (a - b).scores == pytest.approx((0.2, -0.3, 0.1))
    assert (2 * a).scores == (a * 2).scores == pytest.approx((0.4, 1.2))
    assert (a / 2).scores == pytest.approx((0.1, 0.3))


@given(curves, curves)
@settings(max_examples=60, deadline=None)
def test_area_is_linear(one: list[tuple[float, float]], two: list[tuple[float, float]]) -> None:
    a, b = (LearningCurve.of([t for t, _ in p], [s for _, s in p], 100) for p in (one, two))
    assert (a + b).get_alc() == pytest.approx(a.get_alc() + b.get_alc(), abs=1e-9)
    assert (a - b).get_alc(7) == pytest.approx(a.get_alc(7) - b.get_alc(7), abs=1e-9)
    assert ((a + 2 * b) / 3).get_alc() == pytest.approx((a.get_alc() + 2 * b.get_alc()) / 3, abs=1e-9)


def test_an_empty_curve() -> None:
    empty = LearningCurve.of([], [], 10)
    assert (empty.get_alc(), empty.get_time_used(), empty.get_final_score()) == (0.0, 0.0, 0.0)


def test_what_is_no_curve_is_refused_with_its_values() -> None:
    with pytest.raises(DataError, match=r"times \(2,\), scores \(1,\)"):
        alc([1, 2], [0.5], 60)
    with pytest.raises(DataError, match="point 1 of a curve must be finite: time 2.0, score nan"):
        alc([1, 2], [0.5, np.nan], 60)
    with pytest.raises(DataError, match="budget=0"):
        alc([1], [0.5], 0)
    with pytest.raises(DataError, match="t0=-1"):
        alc([1], [0.5], 60, t0=-1)
    with pytest.raises(DataError, match=r"found 60.0 s and 30.0 s"):
        LearningCurve.of([], [], 60) + LearningCurve.of([], [], 30)
