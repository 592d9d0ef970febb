"""Held-out rows: one split for all learners of a run; cross-fitting for small sets; the newest rows of dated ones.

Stratified also where a row has several labels: classes are dealt rarest first, and what rarer classes have dealt to a
side already counts (after the iterative stratification of Sechidis, Tsoumakas & Vlahavas 2011, a class at a time so
that it takes milliseconds). Label combinations can still leave all rows of a class on one side; a last pass moves
single rows where that helps one class and harms none.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Rows

TINY = 10  # below this, nothing can be learned from held-out rows
CROSS_FIT_UP_TO = 1_500  # rows; above, one split costs little data and a K-th of the time
FOLDS = 4  # each learner is fitted as often on small sets (decision 0008)
SHARE = 0.1
LEAST, MOST = 300, 4_000
PER_CLASS = 8  # held-out rows that the middle class should have: fewer say little about its AUC
MOST_SHARE = 0.2  # of the rows, however many classes: they are lost to learning until the last fit (decision 0011)


@dataclass(frozen=True)
class Fold:
    """Row numbers that a model trains on, and those it is judged on."""

    train: Rows
    held_out: Rows


def make_folds(labels: Labels, seed: int, order: NDArray[Any] | None = None) -> tuple[Fold, ...]:
    """One fold (a plain split), FOLDS folds that together hold out every row, or a single fold without held-out rows.

    labels: (n, classes). order: (n,) sort keys, such as dates, of data whose test rows come later than its training
    rows: the newest rows are held out, in one fold; keys that are not numbers or times count as oldest.
    Deterministic in the seed. Raises ValueError when order has another length than labels.
    """
    n = len(labels)
    if order is not None and len(order) != n:
        raise ValueError(f"sort keys: {n} expected, one a row, found {len(order)}")
    everything = np.arange(n)
    if n < TINY or (labels > 0).sum(0).max(initial=0) < 2:
        return (Fold(everything, everything[:0]),)
    if order is not None:
        held = newest_mask(labels, order)
        if _has_both_classes(labels[held]):
            return (Fold(everything[~held], everything[held]),)
    if n <= CROSS_FIT_UP_TO:
        part = deal(labels, FOLDS, seed)
        return tuple(Fold(everything[part != k], everything[part == k]) for k in range(FOLDS))
    held = held_out_mask(labels, held_out_rows(labels) / n, seed)
    return (Fold(everything[~held], everything[held]),)


def held_out_rows(labels: Labels) -> int:
    """How many rows to hold out in one split: a tenth, and enough for the middle class, within limits."""
    n = len(labels)
    counts = (labels > 0).sum(0)
    middle = float(np.median(counts[counts > 0])) if (counts > 0).any() else float(n)
    wanted = max(n * SHARE, LEAST, PER_CLASS * n / middle)
    return round(min(wanted, n * MOST_SHARE, MOST))


def deal(labels: Labels, parts: int, seed: int) -> Rows:
    """(n,) part number of each row; the rows of every class are spread over the parts as evenly as can be."""
    out = np.full(len(labels), -1)
    sizes = np.zeros(parts, np.int64)
    for members, rows in _by_rarity(labels, seed):
        mine = np.bincount(out[members][out[members] >= 0], minlength=parts)
        if not (labels[members[0]] > 0).any():
            mine = sizes.copy()  # rows without a label even out the parts
        for row in rows:
            # The part that has fewest of this class, then fewest of all.
            part = int(np.lexsort((sizes, mine))[0])
            out[row] = part
            mine[part] += 1
            sizes[part] += 1
    return _repaired(out, labels, parts)


def held_out_mask(labels: Labels, share: float, seed: int) -> NDArray[np.bool_]:
    """(n,) True for about `share` of the rows of each class; of 2 rows or more, one at least on either side if it can.

    A class that cannot be on both sides is trained on.
    """
    out = np.zeros(len(labels), bool)
    for members, rows in _by_rarity(labels, seed):
        # A lonely row is trained on; otherwise the classes before this one may have held out some of its rows already.
        wanted = np.clip(round(share * len(members)), 1, len(members) - 1) if len(members) > 1 else 0
        out[rows[: max(0, int(wanted) - int(out[members].sum()))]] = True
    return _repaired(out.astype(np.int64), labels, 2).astype(bool)


def newest_mask(labels: Labels, order: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) True for the newest rows by sort key, about as many as any split holds out.

    Rows of one key stay together unless that would double or halve the number. A class that would have no row to learn
    from keeps its oldest.
    """
    n, wanted = len(labels), held_out_rows(labels)
    _, key = np.unique(order, return_inverse=True)  # NaN and NaT sort last here …
    key = np.where(_missing(order), -1, key.reshape(-1))  # … and are oldest for us
    ranked = np.argsort(key, kind="stable")
    first = n - wanted
    starts = np.flatnonzero(np.diff(key[ranked])) + 1  # where a new key begins
    near = starts[(starts <= n - wanted / 2) & (starts >= n - 2 * wanted)]
    if len(near):
        first = int(near[np.abs(near - first).argmin()])
    held = np.zeros(n, bool)
    held[ranked[first:]] = True
    positive = labels > 0
    for c in np.flatnonzero(positive.any(0) & ~positive[~held].any(0)):
        held[ranked[positive[ranked, c]][0]] = False
    return held


def _missing(order: NDArray[Any]) -> NDArray[np.bool_]:
    if order.dtype.kind in "mM":
        return np.asarray(np.isnat(order))
    return np.asarray(np.isnan(order)) if order.dtype.kind == "f" else np.zeros(len(order), bool)


def _has_both_classes(labels: Labels) -> bool:
    """Whether an AUC can be computed for any class."""
    positive = labels > 0
    return bool((positive.any(0) & ~positive.all(0)).any())


def _by_rarity(labels: Labels, seed: int) -> list[tuple[Rows, Rows]]:
    """Per class, rarest first: all its rows, and those that no rarer class has; shuffled. Rows without a label last."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    row, column = np.nonzero(labels[shuffled] > 0)
    counts = np.bincount(column, minlength=labels.shape[1])
    rarity = np.argsort(np.argsort(counts, kind="stable"), kind="stable")
    home = np.full(len(labels), labels.shape[1])
    np.minimum.at(home, row, rarity[column])
    by_class = np.argsort(rarity[column], kind="stable")
    edges = np.cumsum([0, *np.sort(counts)])
    by_home = np.argsort(home, kind="stable")
    home_edges = np.searchsorted(home[by_home], np.arange(labels.shape[1] + 2))
    out = []
    for k in np.flatnonzero(np.diff(edges)):
        own = by_home[home_edges[k] : home_edges[k + 1]]
        out.append((shuffled[row[by_class[edges[k] : edges[k + 1]]]], shuffled[own]))
    unlabelled = shuffled[by_home[home_edges[-2] :]]
    return [*out, (unlabelled, unlabelled)] if len(unlabelled) else out


def _repaired(part: Rows, labels: Labels, parts: int) -> Rows:
    """Move single rows so that classes of two rows or more lie in two parts at least, where no other class suffers."""
    positive = labels > 0
    if positive.sum(1).max(initial=0) <= 1:
        return part  # with one label a row nothing can be one-sided
    counts = positive.sum(0)
    held = np.stack([positive[part == k].sum(0) for k in range(parts)])  # (parts, classes) rows of each class
    # A move may free rows of a class looked at before: again, until none helps. Each splits one class more, so it ends.
    while _moved(part, positive, held, counts):
        pass
    return part


def _moved(part: Rows, positive: NDArray[np.bool_], held: NDArray[np.int64], counts: NDArray[np.int64]) -> bool:
    """Look at every one-sided class once, rarest first; whether a row was moved, in `part` and `held`."""
    moved = False
    one_sided = np.flatnonzero((counts > 1) & (held.max(0) == counts))
    for c in one_sided[np.argsort(counts[one_sided], kind="stable")]:
        here = int(held[:, c].argmax())
        if held[here, c] < counts[c]:
            continue
        there = min((k for k in range(len(held)) if k != here), key=lambda k: int(held[k].sum()))
        for row in np.flatnonzero(positive[:, c]):
            mine = positive[row] & (counts > 1)
            after = held[:, mine].copy()
            after[here] -= 1
            after[there] += 1
            if _split(after) > _split(held[:, mine]):
                part[row], moved = there, True
                held[here, positive[row]] -= 1
                held[there, positive[row]] += 1
                break
    return moved


def _split(held: NDArray[np.int64]) -> int:
    """How many classes (columns) have rows in more than one part."""
    return int(((held > 0).sum(0) > 1).sum())
