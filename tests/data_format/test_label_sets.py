import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.label_sets import label_sets


def by_rows(labels):
    return np.unique(labels > 0, axis=0, return_inverse=True)[1].reshape(-1)


@given(st.integers(1, 40), st.integers(1, 200), st.floats(0, 1), st.integers(0, 2**31))
@settings(max_examples=150, deadline=None)
def test_rows_are_numbered_as_by_whole_rows(n, classes, share, seed):
    rng = np.random.default_rng(seed)
    labels = ((rng.random((n, classes)) < share) * rng.choice([0.5, 1.0, 3.0, -1.0, np.nan], (n, classes))).astype(
        np.float32
    )
    labels = labels[rng.integers(0, n, 2 * n)]  # sets that occur twice
    found = label_sets(labels)
    assert found.dtype == np.int64
    assert np.array_equal(found, by_rows(labels))


@pytest.mark.parametrize("classes", [1, 7, 8, 9, 63, 64, 65, 128, 129])
def test_every_width_of_a_word(classes):
    labels = np.concatenate([np.eye(classes), np.zeros((1, classes)), np.ones((2, classes))])
    assert np.array_equal(label_sets(labels), by_rows(labels))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_without_rows_or_classes_there_is_one_set_at_most(shape):
    assert label_sets(np.zeros(shape, np.float32)).tolist() == [0] * shape[0]
