"""Number columns for networks: where a value stands among the training rows, and how far it lies from the middle."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
KNOTS = 129  # of a column's distribution
CLIP = 5.0
ROWS = 20_000  # that distributions are taken from


@dataclass(frozen=True)
class NumberView:
    """Fitted on training rows; every field is an array.

    knots, scores: (ranked, KNOTS) values and the normal scores of their ranks, of the columns that are ranked: all of
    a narrow table, none of a wide one. centre, scale: (f,) of all columns. flagged: (m,) columns with missing values.
    """

    knots: Floats
    scores: Floats
    centre: Floats
    scale: Floats
    flagged: NDArray[np.int64]

    @classmethod
    def fit(cls, values: Floats, most_ranked: int, seed: int) -> Self:
        """values: (n, f) with NaN where missing."""
        rows = np.random.default_rng(seed).permutation(len(values))[:ROWS]
        some, f = values[rows], values.shape[1]
        missing = np.isnan(some)
        with np.errstate(all="ignore"):
            count = np.maximum((~missing).sum(0), 1)
            centre = np.nan_to_num(some).sum(0, dtype=np.float64) / count
            offset = np.where(missing, 0, some - centre)
            spread = np.sqrt((offset**2).sum(0, dtype=np.float64) / count)
        scale = np.where(spread > 1e-12, 1 / np.maximum(spread, 1e-12), 0)
        ranked = f if f <= most_ranked else 0
        curves = [_curve(some[:, column][~missing[:, column]]) for column in range(ranked)]
        knots = np.array([c[0] for c in curves], np.float32).reshape(ranked, KNOTS)
        scores = np.array([c[1] for c in curves], np.float32).reshape(ranked, KNOTS)
        share = missing.mean(0) if len(some) else np.zeros(f)
        flagged = np.flatnonzero((share > 0) & (share < 1))
        return cls(knots, scores, centre.astype(np.float32), scale.astype(np.float32), flagged)

    @property
    def ranked(self) -> int:
        """Columns of `ranks`."""
        return len(self.knots)

    @property
    def width(self) -> int:
        """Columns of `plain`."""
        return len(self.centre) + len(self.flagged)

    def ranks(self, values: Floats) -> Floats:
        """(n, ranked) normal scores; 0 where missing."""
        out = np.zeros((len(values), self.ranked), np.float32)
        for column in range(self.ranked):
            out[:, column] = np.interp(values[:, column], self.knots[column], self.scores[column])
        return np.nan_to_num(out, copy=False)

    def plain(self, values: Floats) -> Floats:
        """(n, width) standardised values, long tails squashed, 0 where missing; then the flags of missing ones."""
        z = np.nan_to_num((values - self.centre) * self.scale)
        z = z / np.sqrt(1 + np.square(z / np.float32(CLIP)))
        return np.concatenate([z, np.isnan(values[:, self.flagged])], 1, dtype=np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All state."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def _curve(values: Floats) -> tuple[Floats, Floats]:
    """KNOTS values, rising, and the normal score of each one's mean rank; a line where there is nothing to rank."""
    from scipy.special import ndtri

    ordered = np.sort(values)
    if not len(ordered) or ordered[0] == ordered[-1]:
        return np.linspace(-1, 1, KNOTS, dtype=np.float32), np.zeros(KNOTS, np.float32)
    distinct = np.unique(ordered[np.linspace(0, len(ordered) - 1, KNOTS).round().astype(int)])
    rank = (np.searchsorted(ordered, distinct) + np.searchsorted(ordered, distinct, "right")) / 2 / len(ordered)
    scores = ndtri(rank.clip(1e-3, 1 - 1e-3))
    # Padding repeats the last knot: interpolation does not see it.
    pad = KNOTS - len(distinct)
    return np.pad(distinct, (0, pad), "edge"), np.pad(scores, (0, pad), "edge").astype(np.float32)
