"""Our own split of a collection that comes without test rows: 80/20, stratified, always the same."""

import numpy as np
from numpy.typing import NDArray

from data_format.label_sets import label_sets

TEST_SHARE = 0.2
SEED = 2019  # arbitrary, but fixed: results on a data set must be comparable


def split_rows(
    labels: NDArray[np.float32], test_share: float | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of train and test, both ascending, from the (n, classes) label matrix.

    Rows with the same set of labels form a group; each group of two or more gives a fifth (or `test_share`) of its
    rows, at least one and never all, to the test side. Rows whose set of labels occurs once form one group
    in multi-label data, and all train in single-label data. Every class keeps a training row. The test side is empty
    when nothing can be spared.
    """
    share = TEST_SHARE if test_share is None else test_share
    rng = np.random.default_rng(SEED)
    n = len(labels)
    if not n:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # Single label: the class is the group.
    group = labels.argmax(axis=1)
    if ((labels > 0).sum(axis=1) != 1).any():
        group = label_sets(labels)
        # Rare combinations of labels share one group, else none of them would ever be test rows.
        group = np.where(np.bincount(group)[group] == 1, group.max() + 1, group)
    # Shuffled, then sorted stably by group: each group is a run of its rows in random order.
    order = rng.permutation(n)
    order = order[np.argsort(group[order], kind="stable")]
    sizes = np.bincount(group)
    takes = np.where(sizes >= 2, np.clip(np.rint(share * sizes), 1, np.maximum(1, sizes - 1)), 0).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.arange(n) - np.repeat(starts, sizes)
    is_test = np.zeros(n, dtype=bool)
    is_test[order] = rank < np.repeat(takes, sizes)
    _keep_every_class(labels > 0, is_test)
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def _keep_every_class(labels: NDArray[np.bool_], is_test: NDArray[np.bool_]) -> None:
    """Move test rows back until every class that has a row has one to train on, in place."""
    for column in np.flatnonzero(labels.any(axis=0) & ~labels[~is_test].any(axis=0)):
        if not (labels[:, column] & ~is_test).any():
            is_test[np.flatnonzero(labels[:, column])[0]] = False
