import numpy as np

from autodl_agent.learners.tabular.config import QuickSettings
from autodl_agent.learners.tabular.encoding import Encoded
from autodl_agent.learners.tabular.features import LinearView


def encoded(numbers, codes=None, bags=None):
    numbers = np.asarray(numbers, np.float32)
    n = len(numbers)
    codes = np.zeros((n, 0), np.int32) if codes is None else np.asarray(codes, np.int32)
    bags = np.zeros((n, 0), np.float32) if bags is None else np.asarray(bags, np.float32)
    return Encoded(numbers, codes, bags)


def test_scaled_numbers_have_zero_mean_and_unit_deviation_whatever_the_tail():
    rng = np.random.default_rng(0)
    rows = encoded(np.stack([rng.normal(5, 3, 900), np.exp(3 * rng.normal(size=900)), rng.random(900) < 0.02], 1))
    view = LinearView.fit(rows, QuickSettings())
    z = view.base(rows)[:, :3]
    assert np.abs(z.mean(0)).max() < 0.2
    assert np.all((z.std(0) > 0.5) & (z.std(0) < 1.2))
    assert view.heavy[1]
    assert not view.heavy[0]


def test_missing_numbers_are_zero_with_an_indicator():
    rows = encoded([[np.nan], [1.0], [2.0], [3.0]])
    base = LinearView.fit(rows, QuickSettings()).base(rows)
    assert base[0].tolist() == [0, 1]
    assert base[1:, 1].tolist() == [0, 0, 0]


def test_levels_are_one_hot_and_unknown_codes_are_nothing():
    rows = encoded(np.zeros((6, 0)), [[0], [0], [1], [-1], [2], [2]])
    view = LinearView.fit(rows, QuickSettings())
    assert view.hot_codes.tolist() == [-1, 0, 1, 2]
    assert view.base(rows).sum(1).tolist() == [1] * 6
    assert view.base(encoded(np.zeros((1, 0)), [[9]])).sum() == 0


def test_the_most_frequent_levels_win_when_there_are_too_many():
    codes = np.concatenate([np.zeros(50), np.ones(30), np.arange(2, 22)])[:, None]
    view = LinearView.fit(encoded(np.zeros((100, 0)), codes), QuickSettings(hot=2))
    assert view.hot_codes.tolist() == [0, 1]


def test_hats_interpolate_and_sum_to_one():
    values = np.linspace(0, 1, 800)[:, None]
    view = LinearView.fit(encoded(values), QuickSettings())
    rows = encoded([[0.31], [-9.0], [9.0], [np.nan]])
    hats = view.matrix(rows)[:, view.base_width :]
    assert np.allclose(hats.sum(1), [1, 1, 1, 0], atol=1e-5)
    assert np.allclose(hats[0] @ view.hat_knots, 0.31, atol=1e-5)
    assert hats[1, 0] == 1
    assert hats[2, -1] == 1


def test_wide_tables_get_no_hats():
    view = LinearView.fit(encoded(np.random.default_rng(0).random((900, 300))), QuickSettings())
    assert len(view.hat_knots) == 0


def test_waves_approximate_a_gaussian_kernel():
    rng = np.random.default_rng(1)
    rows = encoded(rng.normal(size=(300, 4)))
    view = LinearView.fit(rows, QuickSettings(hats=0))
    base = view.base(rows)
    waves = view.with_waves(base, 8_000, 1.0, 0).matrix(rows)[:, view.base_width :]
    found = 2 * waves[:20] @ waves[:20].T / 8_000
    distance = ((base[:20, None] - base[None, :20]) ** 2).sum(2)
    assert np.allclose(found, np.exp(-distance / (4 * base.var(0).sum())), atol=0.06)


def test_state_restores_exactly():
    rows = encoded(np.random.default_rng(2).random((200, 3)), np.arange(200)[:, None] % 4)
    view = LinearView.fit(rows, QuickSettings())
    view = view.with_waves(view.base(rows), 20, 2.0, 5)
    assert np.array_equal(LinearView.restore(view.arrays()).matrix(rows), view.matrix(rows))


def test_no_columns_at_all():
    rows = encoded(np.zeros((5, 0)))
    assert LinearView.fit(rows, QuickSettings()).matrix(rows).shape == (5, 0)
