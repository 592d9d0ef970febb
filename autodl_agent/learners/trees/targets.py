"""Which label columns need solving: not those with one value, and one of the two of a binary task."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Targets:
    """columns: (k,) label columns to solve. mirrored: the other column of a binary task is 1 - p.

    shares: (classes,) smoothed share of positives, the answer for the columns that are not solved.
    """

    columns: NDArray[np.int64]
    mirrored: bool
    shares: Floats

    @classmethod
    def of(cls, labels: Floats, single: bool) -> "Targets":
        """FeatureView at training labels (n, classes); single: every labelled row has exactly one label."""
        positive = (labels > 0.5).sum(0)
        shares = ((labels.sum(0, dtype=np.float64) + 0.5) / (len(labels) + 1)).astype(np.float32)
        columns = np.flatnonzero((positive > 0) & (positive < len(labels)))
        mirrored = single and labels.shape[1] == 2 and len(columns) == 2
        return cls(columns[1:] if mirrored else columns, mirrored, shares.clip(0, 1))

    def solved(self, labels: Floats, which: NDArray[np.int64] | None = None) -> Floats:
        """(n, k) the columns to solve, or those of them that `which` numbers, 0 or 1."""
        columns = self.columns if which is None else self.columns[which]
        return (labels[:, columns] > 0.5).astype(np.float32)

    def spread(self, probabilities: Floats) -> Floats:
        """(n, classes) from the (n, k) probabilities of the solved columns."""
        out = np.tile(self.shares, (len(probabilities), 1))
        out[:, self.columns] = probabilities
        if self.mirrored:
            out[:, 0] = 1 - probabilities[:, 0]
        return out
