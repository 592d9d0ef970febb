"""Held-out rows: one stratified split for all learners of a run; cross-fitting for small sets; none for tiny ones.

Stratification deals the rows of each class in turn, rarest class first (a row counts for its rarest label), after
the iterative stratification of Sechidis, Tsoumakas & Vlahavas 2011.
"""

from dataclasses import dataclass

import numpy as np

from autodl_agent.learners.base import Labels
from autodl_agent.store import Rows

TINY = 10  # below this, nothing can be learned from held-out rows
CROSS_FIT_UP_TO = 1_500  # rows; above, one split costs little data and a K-th of the time
FOLDS = 4
SHARE = 0.1
LEAST, MOST = 300, 4_000


@dataclass(frozen=True)
class Fold:
    """Row numbers that a model trains on, and those it is judged on."""

    train: Rows
    held_out: Rows


def make_folds(labels: Labels, seed: int) -> tuple[Fold, ...]:
    """One fold (a plain split), FOLDS folds that together hold out every row, or a single fold without held-out rows.

    labels: (n, classes). Deterministic in the seed.
    """
    n = len(labels)
    everything = np.arange(n)
    if n < TINY or (labels > 0).sum(0).max(initial=0) < 2:
        return (Fold(everything, everything[:0]),)
    if n <= CROSS_FIT_UP_TO:
        part = deal(labels, FOLDS, seed)
        return tuple(Fold(everything[part != k], everything[part == k]) for k in range(FOLDS))
    held = held_out_mask(labels, min(max(n * SHARE, LEAST), MOST) / n, seed)
    return (Fold(everything[~held], everything[held]),)


def deal(labels: Labels, parts: int, seed: int) -> Rows:
    """(n,) part number of each row; the rows of every class are spread over the parts as evenly as can be."""
    out = np.zeros(len(labels), np.int64)
    turn = 0
    for rows in _strata(labels, seed):
        out[rows] = (turn + np.arange(len(rows))) % parts
        turn += len(rows)
    return out


def held_out_mask(labels: Labels, share: float, seed: int) -> np.ndarray:
    """(n,) True for about `share` of each stratum; of 2 rows or more one is held out and one is kept at least."""
    out = np.zeros(len(labels), bool)
    for rows in _strata(labels, seed):
        count = int(np.clip(round(share * len(rows)), 1, max(1, len(rows) - 1))) if len(rows) > 1 else 0
        out[rows[:count]] = True
    return out


def _strata(labels: Labels, seed: int) -> list[Rows]:
    """Shuffled row numbers by rarest label, rarest first; rows without a label last."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    positive = labels[order] > 0
    counts = positive.sum(0)
    home = np.full(len(labels), -1)
    for c in np.argsort(-counts, kind="stable"):  # the rarest label is written last and stays
        home[positive[:, c]] = c
    strata = [order[home == c] for c in np.argsort(counts, kind="stable") if counts[c]]
    return [rows for rows in [*strata, order[home == -1]] if len(rows)]
