import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.raw.split import split_rows


def _one_hot(classes):
    return np.eye(max(classes) + 1, dtype=np.float32)[classes]


def test_each_class_gives_a_fifth():
    train, test = split_rows(_one_hot([0] * 50 + [1] * 10 + [2] * 2 + [3]))
    assert np.bincount(np.r_[[0] * 50, [1] * 10, [2] * 2, [3]].astype(int)[test], minlength=4).tolist() == [10, 2, 1, 0]
    assert sorted([*train, *test]) == list(range(63))


def test_the_split_never_changes():
    labels = _one_hot(list(range(5)) * 20)
    first, second = split_rows(labels), split_rows(labels.copy())
    assert np.array_equal(first[1], second[1])
    assert first[1].tolist() != list(range(80, 100))


def test_nothing_is_held_out_when_each_class_has_one_row():
    train, test = split_rows(np.eye(12, dtype=np.float32))
    assert (len(train), len(test)) == (12, 0)


@pytest.mark.parametrize("shape", [(0, 3), (0, 0)])
def test_no_rows(shape):
    train, test = split_rows(np.zeros(shape, np.float32))
    assert len(train) == len(test) == 0


@given(st.integers(1, 60), st.integers(1, 6), st.integers(0, 2**31))
@settings(max_examples=80, deadline=None)
def test_multi_label_rows_are_parted_and_every_class_keeps_a_training_row(n, n_classes, seed):
    labels = (np.random.default_rng(seed).random((n, n_classes)) < 0.3).astype(np.float32)
    train, test = split_rows(labels)
    assert sorted([*train, *test]) == list(range(n))
    assert np.array_equal(labels.any(axis=0), labels[train].any(axis=0))
    assert len(test) <= max(1, n // 2)
