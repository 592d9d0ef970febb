import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.learners.networks.batches import cut, draw_rates, epochs, length, prepared


def labels_of(counts, blank=0):
    """Rows of as many classes as there are counts, then rows without a label."""
    kinds = np.repeat(np.arange(len(counts)), counts)
    return np.concatenate([np.eye(len(counts), dtype=np.float32)[kinds], np.zeros((blank, len(counts)), np.float32)])


def test_balance_decides_how_often_rare_classes_come():
    labels = labels_of([90, 10])
    assert np.allclose(draw_rates(labels, 0.0), 1)
    even = draw_rates(labels, 1.0)
    assert np.isclose(even[:90].sum(), even[90:].sum())
    half = draw_rates(labels, 0.5)
    assert 1 < half[-1] / half[0] == pytest.approx(3)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(0, 5), st.floats(0, 1))
def test_rates_are_positive_and_of_mean_one(counts, blank, balance):
    if sum(counts) + blank == 0:
        return
    rates = draw_rates(labels_of(counts, blank), balance)
    assert (rates > 0).all() and np.isclose(rates.mean(), 1)


def test_a_row_of_two_classes_counts_for_the_rarer():
    labels = labels_of([20, 5])
    labels[0, 1] = 1
    rates = draw_rates(labels, 0.5)
    assert rates[0] > rates[1] and np.isclose(rates[0], rates[-1])


def test_an_even_epoch_holds_every_row_once():
    stream = epochs(np.ones(12), 4, np.random.default_rng(0))
    for _ in range(3):
        assert sorted(np.concatenate([next(stream) for _ in range(3)])) == list(range(12))


def test_batches_are_whole_where_rows_are_few():
    stream = epochs(np.ones(3), 16, np.random.default_rng(0))
    batch = next(stream)
    assert len(batch) == 16 and set(batch) == {0, 1, 2}


def test_rows_come_as_often_as_they_should():
    rates = np.array([2.0, 0.5, 0.5, 1.0])
    stream = epochs(rates, 8, np.random.default_rng(1))
    counts = np.bincount(np.concatenate([next(stream) for _ in range(200)]), minlength=4)
    assert np.allclose(counts / counts.sum(), rates / rates.sum(), atol=0.02)


def test_batches_are_made_in_order_and_no_more_than_asked():
    made = []

    def make(positions, rng):
        made.append(positions.tolist())
        return positions, rng.random(2)

    rng = np.random.default_rng(0)
    found = list(prepared(iter([np.array([k]) for k in range(9)]), make, rng, 3))
    assert [batch[0][0] for batch in found] == [0, 1, 2] and len(made) == 3
    assert np.array_equal(found[1][1], np.random.default_rng(0).random(6)[2:4])
    assert list(prepared(iter([]), make, rng, 0)) == []


def test_a_failure_while_making_a_batch_reaches_the_training():
    def make(positions, rng):
        raise ValueError("broken picture")

    with pytest.raises(ValueError, match="broken"):
        list(prepared(iter([np.zeros(1, int)] * 3), make, np.random.default_rng(0), 2))


def test_inputs_may_be_one_array_or_several():
    several = {"a": np.arange(6), "b": np.arange(12).reshape(6, 2)}
    assert length(several) == length(several["b"]) == 6
    assert np.array_equal(cut(several, slice(1, 3))["b"], [[2, 3], [4, 5]])
    assert np.array_equal(cut(several["a"], np.array([5, 0])), [5, 0])
