import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autodl_agent.learners.tabular.numeric_embedding import CLIP, KNOTS, NumberView


def values(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    columns = [rng.normal(5, 2, n), rng.lognormal(0, 3, n), rng.integers(0, 3, n), np.full(n, 7.0)]
    return np.stack(columns, 1).astype(np.float32)


def test_ranks_are_normal_whatever_the_distribution():
    found = NumberView.fit(values(), 10, 0).ranks(values(seed=1))
    for column in (0, 1):
        assert abs(found[:, column].mean()) < 0.1 and 0.85 < found[:, column].std() < 1.1
    assert len(np.unique(found[:, 2])) == 3 and (found[:, 3] == 0).all()


def test_ranks_rise_with_the_values():
    view = NumberView.fit(values(), 10, 0)
    rising = np.linspace(-20, 3000, 500, dtype=np.float32)[:, None] * np.ones((1, 4), np.float32)
    assert (np.diff(view.ranks(rising)[:, :3], axis=0) >= 0).all()


def test_missing_cells_are_the_middle_and_flagged():
    rows = values()
    rows[::4, 1] = np.nan
    view = NumberView.fit(rows, 10, 0)
    plain = view.plain(rows)
    assert view.flagged.tolist() == [1] and plain.shape == (2000, 5) == (2000, view.width)
    assert (plain[::4, 1] == 0).all() and (plain[:, 4] == np.isnan(rows[:, 1])).all()
    assert (view.ranks(rows)[::4, 1] == 0).all()


def test_wide_tables_are_only_scaled():
    view = NumberView.fit(values(), 3, 0)
    assert view.ranked == 0 and view.ranks(values()).shape == (2000, 0)
    assert np.allclose(view.plain(values())[:, 0].std(), 1, atol=0.1)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, (12, 3), elements=st.floats(-(2.0**99), 2.0**99, width=32) | st.just(float("nan"))))
def test_what_comes_out_is_finite_and_bounded(rows):
    view = NumberView.fit(rows, 10, 0)
    for found in (view.ranks(rows), view.plain(rows)):
        assert np.isfinite(found).all() and np.abs(found).max(initial=0) <= CLIP + 1e-3


def test_no_rows_and_no_columns_do_no_harm():
    for rows in (np.zeros((0, 2), np.float32), np.zeros((5, 0), np.float32)):
        view = NumberView.fit(rows, 10, 0)
        assert view.plain(rows).shape == (len(rows), rows.shape[1])
        assert view.ranks(rows).shape == (len(rows), rows.shape[1])


def test_it_is_all_arrays():
    view = NumberView.fit(values(), 10, 0)
    again = NumberView(**view.arrays())
    assert np.array_equal(again.ranks(values()), view.ranks(values())) and view.knots.shape == (4, KNOTS)
