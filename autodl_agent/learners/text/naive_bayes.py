"""Naive Bayes on bags of n-grams: one log-odds per n-gram and class, numpy only.

Counts are damped (1 + log tf), weighted by a power of the inverse document frequency and scaled to length one (Rennie
et al., "Tackling the poor assumptions of naive Bayes text classifiers", 2003). A class is set against all others
together (their "complement"), so the same weights serve one label a row, several or none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.heads.calibration import platt
from autodl_agent.learners.text.config import BayesConfig
from autodl_agent.learners.text.hashing import Bag, Ints
from autodl_agent.scoring.links import logit, sigmoid
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]

CHUNK_VALUES = 1 << 22  # gathered weights at once: 16 MB
HELD_VALUES = 1 << 21  # held-out rows x classes
WORDS_FAINT = 100.0  # texts of a class at which signal and noise spread its scores alike: words are many
FEW = 20  # rows below which nothing is held out for calibration


@dataclass(frozen=True)
class BayesModel:
    """columns: (d,) hashes. idf: (d,). weights: (d, classes) log-odds. slope, offset: (classes,) of the calibration."""

    columns: NDArray[np.int32]
    idf: Floats
    weights: Floats
    slope: Floats
    offset: Floats

    def scores(self, bag: Bag, exclusive: bool) -> Floats:
        """(n, classes) log-odds; with `exclusive` those of a softmax over the classes."""
        known = bag.onto(self.columns)
        values = weigh(known, self.idf)
        raw = multiply(known, values, self.weights)
        raw *= _tempered(known, values)[:, None]
        return softmax_odds(raw) if exclusive else raw

    def probabilities(self, bag: Bag, exclusive: bool) -> Floats:
        """(n, classes) in [0, 1]."""
        return sigmoid(self.scores(bag, exclusive) * self.slope + self.offset)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """For `save_state`; `BayesModel(**arrays)` is the inverse."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def fit_bayes(
    bag: Bag,
    labels: Labels,
    exclusive: bool,
    config: BayesConfig,
    seed: int = 0,
    calibrate: bool = True,
    deadline: Deadline | None = None,
) -> BayesModel:
    """Fit on n texts and labels (n, classes); to calibrate, part of the rows is held out first and counted in later.

    Raises OutOfTimeError where the deadline passes between two pieces of work of some 50 ms.
    """
    n, classes = labels.shape
    min_rows = 2 if n >= config.min_rows_from else 1
    bag = bag.onto(frequent(bag, max(1, config.max_weights // max(1, classes)), min_rows))
    idf = inverse_frequency(bag) ** np.float32(config.idf_power)
    slope, offset = neutral(labels)
    held = np.zeros(n, bool)
    if calibrate and n >= FEW:
        held[held_out(labels, max(2, round(1 / config.calibration_share)), seed)[0]] = True
    inner, outer = bag.take(np.flatnonzero(~held)), bag.take(np.flatnonzero(held))
    in_time(deadline, "naive Bayes")
    values = weigh(inner, idf)
    sums, totals = class_sums(inner, values, labels[~held], deadline), _column_sums(inner, values)
    in_time(deadline, "naive Bayes")
    if held.any():
        trial = BayesModel(bag.columns, idf, _log_odds(sums, totals, config.smoothing), slope, offset)
        slope, offset = platt(trial.scores(outer, exclusive), labels[held], labels, WORDS_FAINT)
        values = weigh(outer, idf)
        sums, totals = sums + class_sums(outer, values, labels[held], deadline), totals + _column_sums(outer, values)
    return BayesModel(bag.columns, idf, _log_odds(sums, totals, config.smoothing), slope, offset)


def folds(labels: Labels, count: int, seed: int) -> Ints:
    """(n,) number of the part, 0 to count - 1, that each row belongs to; every class is spread evenly over the parts.

    A row with several labels goes with its rarest class; rows without a label are spread evenly, too.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    rare = np.where(labels > 0, 1 / np.maximum(labels.sum(0), 1e-6), 0)
    key = np.where(labels.any(1), rare.argmax(1), labels.shape[1])
    out = np.zeros(len(labels), np.int64)
    out[order[np.argsort(key[order], kind="stable")]] = np.arange(len(labels)) % count
    return out


def held_out(labels: Labels, count: int, seed: int) -> list[Ints]:
    """Row numbers of each of `count` parts; thinned evenly so that double precision scores of them stay small."""
    part = folds(labels, count, seed)
    rows = [np.flatnonzero(part == k) for k in range(count)]
    most = max(FEW, HELD_VALUES // max(1, labels.shape[1]))
    return [each[:: -(-len(each) // most) or 1] for each in rows]


def weigh(bag: Bag, idf: Floats) -> Floats:
    """(nnz,) values of a bag: (1 + log count) · idf, every row of length one."""
    values = (1 + np.log(bag.counts)) * idf[bag.indices]
    squares = np.bincount(_owners(bag), values * values, minlength=len(bag))
    scale = 1 / np.sqrt(np.where(squares > 0, squares, 1))
    return np.asarray(values * scale[_owners(bag)], np.float32)


def inverse_frequency(bag: Bag) -> Floats:
    """(d,) log((1 + n) / (1 + texts with the n-gram)) + 1."""
    rows = np.bincount(bag.indices, minlength=len(bag.columns))
    return (np.log((1 + len(bag)) / (1 + rows)) + 1).astype(np.float32)


def frequent(bag: Bag, most: int, min_rows: int = 1) -> NDArray[np.int32]:
    """Hashes of at most `most` columns that stand in at least `min_rows` texts, the most frequent first choice."""
    rows = np.bincount(bag.indices, minlength=len(bag.columns))
    kept = np.flatnonzero(rows >= min_rows)
    if len(kept) > most:
        kept = np.sort(kept[np.argsort(-rows[kept], kind="stable")[:most]])
    return bag.columns[kept]


def class_sums(bag: Bag, values: Floats, labels: Labels, deadline: Deadline | None = None) -> Floats:
    """(d, classes) sums of values over the texts of each class, weighted by the labels."""
    classes = labels.shape[1]
    rows, columns = np.nonzero(labels)
    lengths = np.diff(bag.indptr)[rows]
    ends = np.cumsum(lengths)
    total = np.zeros(len(bag.columns) * classes, np.float64)
    first = 0
    while first < len(rows):  # pieces of bounded size, since a text counts once for each of its labels
        in_time(deadline, "naive Bayes")
        last = max(first + 1, int(np.searchsorted(ends, ends[first] - lengths[first] + CHUNK_VALUES, side="right")))
        part, size = rows[first:last], lengths[first:last]
        places = np.repeat(bag.indptr[part] - (np.cumsum(size) - size), size) + np.arange(size.sum())
        keys = bag.indices[places].astype(np.int64) * classes + np.repeat(columns[first:last], size)
        weights = values[places] * np.repeat(labels[part, columns[first:last]], size)
        total += np.bincount(keys, weights, minlength=len(total))
        first = last
    return total.reshape(len(bag.columns), classes).astype(np.float32)


def multiply(bag: Bag, values: Floats, weights: Floats) -> Floats:
    """(n, classes): sparse rows times weights (d, classes)."""
    out = np.zeros((len(bag), weights.shape[1]), np.float32)
    filled = np.flatnonzero(np.diff(bag.indptr))
    step = max(1, CHUNK_VALUES // max(1, weights.shape[1]))
    first = 0
    while first < len(filled):
        begin = bag.indptr[filled[first]]
        last = max(first + 1, int(np.searchsorted(bag.indptr[filled + 1], begin + step, side="right")))
        rows = filled[first:last]
        span = slice(int(begin), int(bag.indptr[rows[-1] + 1]))
        terms = weights[bag.indices[span]] * values[span, None]
        out[rows] = np.add.reduceat(terms, bag.indptr[rows] - begin, axis=0)
        first = last
    return out


def softmax_odds(scores: NDArray[np.floating]) -> Floats:
    """(n, classes) log(p / (1 − p)) of p = softmax(scores), exact also where p is nearly one."""
    out = np.array(scores, np.float32)
    if out.shape[1] < 2:
        return out
    step = max(1, CHUNK_VALUES // out.shape[1])
    for first in range(0, len(out), step):  # in double precision, so a piece at a time
        z = out[first : first + step].astype(np.float64)
        top = z.argmax(1)[:, None]
        z -= np.take_along_axis(z, top, 1)
        shares = np.exp(z)
        others = shares.sum(1, keepdims=True) - shares
        np.put_along_axis(shares, top, 0.0, 1)
        np.put_along_axis(others, top, shares.sum(1, keepdims=True), 1)
        out[first : first + step] = z - np.log(np.maximum(others, 1e-300))
    return out


def in_time(deadline: Deadline | None, what: str) -> None:
    """Raise OutOfTimeError, saying what could not be ended, where a deadline has passed."""
    if deadline is not None and deadline.passed:
        raise OutOfTimeError(what)


def _log_odds(sums: Floats, totals: Floats, smoothing: float) -> Floats:
    """(d, classes) from sums inside each class (d, classes) and over all texts (d,)."""
    inside = sums + np.float32(smoothing)
    outside = np.maximum(totals[:, None] - sums, 0) + np.float32(smoothing)
    return np.asarray(np.log(inside / inside.sum(0)) - np.log(outside / outside.sum(0)), np.float32)


def _column_sums(bag: Bag, values: Floats) -> Floats:
    return np.bincount(bag.indices, values, minlength=len(bag.columns)).astype(np.float32)


def neutral(labels: Labels) -> tuple[Floats, Floats]:
    """Slope and offset without held-out rows: scores as they are, shifted by the log-odds of the class."""
    rate = (labels.sum(0) + 0.5) / (len(labels) + 1)
    return np.ones(labels.shape[1], np.float32), logit(rate).astype(np.float32)


def _tempered(bag: Bag, values: Floats) -> Floats:
    """(n,) factor per row: evidence grows with the length of a text, but slower than its n-grams are independent."""
    total = np.bincount(_owners(bag), np.abs(values), minlength=len(bag))
    return np.asarray(1.5 / np.sqrt(np.maximum(total, 1)), np.float32)


def _owners(bag: Bag) -> Ints:
    return np.repeat(np.arange(len(bag)), np.diff(bag.indptr))
