import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.holdout import CROSS_FIT_UP_TO, deal, held_out_mask, make_folds


def one_hot(counts):
    return np.repeat(np.eye(len(counts), dtype=np.float32), counts, axis=0)


def test_a_large_set_has_one_fold_with_every_class_on_both_sides():
    labels = one_hot([3000, 200, 2, 5])
    (fold,) = make_folds(labels, 0)
    assert sorted([*fold.train, *fold.held_out]) == list(range(len(labels)))
    assert (labels[fold.held_out].sum(0) >= 1).all()
    assert (labels[fold.train].sum(0) >= 1).all()
    assert 0.05 < len(fold.held_out) / len(labels) < 0.2


def test_a_lonely_row_of_a_large_set_is_trained_on():
    labels = one_hot([2000, 1])
    (fold,) = make_folds(labels, 0)
    assert labels[fold.train].sum(0)[1] == 1


def test_a_small_set_is_cross_fitted_over_all_rows():
    labels = one_hot([30, 5, 4])
    folds = make_folds(labels, 1)
    assert sorted(np.concatenate([fold.held_out for fold in folds])) == list(range(39))
    for fold in folds:
        assert not set(fold.train) & set(fold.held_out)
        assert (labels[fold.held_out].sum(0) >= 1).all()


@pytest.mark.parametrize("labels", [one_hot([3, 2]), one_hot([1] * 30), np.zeros((40, 3), np.float32)])
def test_tiny_and_unsplittable_sets_train_on_everything(labels):
    (fold,) = make_folds(labels, 0)
    assert len(fold.train) == len(labels)
    assert len(fold.held_out) == 0


def test_the_head_of_the_stream_is_not_the_held_out_part():
    (fold,) = make_folds(one_hot([CROSS_FIT_UP_TO, CROSS_FIT_UP_TO]), 0)
    assert fold.held_out.max() > CROSS_FIT_UP_TO


@settings(max_examples=40, deadline=None)
@given(st.integers(10, 120), st.integers(1, 6), st.integers(0, 5))
def test_multi_label_rows_are_dealt_evenly(n, classes, seed):
    labels = (np.random.default_rng(seed).random((n, classes)) < 0.3).astype(np.float32)
    part = deal(labels, 4, seed)
    sizes = np.bincount(part, minlength=4)
    assert sizes.sum() == n
    assert sizes.max() - sizes.min() <= 1


def test_same_seed_same_rows_other_seed_other_rows():
    labels = one_hot([1000, 1000])
    first, again, other = (held_out_mask(labels, 0.1, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
