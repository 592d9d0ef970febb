import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.learners.base import _take_csr, balanced_order, drawn_rows
from autodl_agent.learners.testing.contract import examples_of, memory_dataset
from data_format.examples import Csr


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 5), st.integers(0, 3))
def test_balanced_order_is_a_permutation(n, classes, seed):
    labels = (np.random.default_rng(seed).random((n, classes)) < 0.3).astype(np.float32)
    assert sorted(balanced_order(labels, seed)) == list(range(n))


def test_every_prefix_holds_the_classes_evenly():
    labels = np.repeat(np.eye(3, dtype=np.float32), [900, 90, 10], axis=0)
    order = balanced_order(labels, 0)
    assert labels[order[:30]].sum(0).tolist() == [10, 10, 10]
    assert labels[order[:190]].sum(0).tolist() == [90, 90, 10]


def test_a_larger_sample_holds_the_smaller_one():
    train, _ = examples_of(memory_dataset("text")[0])
    small, large = train.sample(10, 5), train.sample(20, 5)
    assert set(small.rows) < set(large.rows)
    assert train.sample(10_000, 5) is train


def test_rows_without_a_label_are_sampled_too():
    labels = np.zeros((40, 2), np.float32)
    labels[:10, 0] = 1
    head = balanced_order(labels, 0)[:20]
    assert (labels[head].sum(1) == 0).any()


def test_table_rows_follow_the_view():
    train, _ = examples_of(memory_dataset("tabular")[0])
    whole, part = train.table(), train.take(np.array([4, 2])).table()
    assert np.array_equal(part.numbers, whole.numbers[[4, 2]])
    assert np.array_equal(part.strings, whole.strings[[4, 2]])


def test_readable_leaves_out_what_was_marked():
    train, _ = examples_of(memory_dataset("text")[0])
    train.store.mark_bad("train", 7, "broken")
    assert 7 not in train.readable().rows
    assert len(train.readable()) == len(train) - 1


@given(st.lists(st.lists(st.integers(0, 5), max_size=4, unique=True), min_size=1, max_size=6), st.data())
def test_sparse_rows_are_taken_like_dense_ones(rows, data):
    indptr = np.cumsum([0, *map(len, rows)])
    values = np.arange(1, indptr[-1] + 1, dtype=np.float32)
    csr = Csr(indptr, np.array([c for row in rows for c in row], np.int64), values, 6)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8)), np.int64)
    found = _take_csr(csr, chosen)
    assert np.array_equal(dense(found), dense(csr)[chosen])


def dense(csr):
    out = np.zeros((len(csr.indptr) - 1, csr.n_columns), np.float32)
    for row in range(len(out)):
        span = slice(csr.indptr[row], csr.indptr[row + 1])
        out[row, csr.indices[span]] = csr.values[span]
    return out


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 9))
def test_drawn_rows_rise_and_are_any_rows(n, most, seed):
    rows = drawn_rows(n, most, seed)
    assert len(rows) == min(n, most) and (np.diff(rows) > 0).all()
    assert not len(rows) or 0 <= rows[0] <= rows[-1] < n
    assert np.array_equal(rows, drawn_rows(n, most, seed))


def test_drawn_rows_hold_every_class_of_sorted_rows():
    classes = np.repeat(np.arange(10), 1000)[drawn_rows(10_000, 500, 0)]
    assert np.bincount(classes, minlength=10).min() > 25
