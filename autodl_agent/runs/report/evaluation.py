"""How the ensemble does on the held-out rows: numbers per class, a matrix of confusions, the most confident mistakes.

Decisions are the likeliest class where every row has one label, and every class that reaches its threshold where rows
may have several. The rows also chose the weights of the ensemble, so the numbers flatter a little.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities, Rows
from autodl_agent.engine.ensemble.calibration import fit_thresholds
from autodl_agent.engine.snapshot import Snapshot
from autodl_agent.scoring.auc import class_aucs

MOST_CELLS = 60_000  # rows × classes looked at while the run goes on: about 15 ms
MATRIX_CLASSES = 12
MISTAKES = 12


@dataclass(frozen=True)
class Mistake:
    """A held-out row on which the ensemble is sure and wrong.

    row: number in the training split. truth, predicted: class numbers. predicted_p: probability of the predicted
    classes, the likeliest first. truth_p: of the classes that are true.
    """

    row: int
    truth: tuple[int, ...]
    predicted: tuple[int, ...]
    truth_p: tuple[float, ...]
    predicted_p: tuple[float, ...]


@dataclass(frozen=True)
class Evaluation:
    """rows: how many were looked at, of `of_rows` held out. Arrays have one entry a class; NaN where undefined.

    positives: rows that have the class. predicted: rows for which it was decided. matrix: (k, k) counts of rows with
    true class i for which class j was decided, for the classes in `shown`, most mistaken first when not all are shown.
    """

    rows: int
    of_rows: int
    nauc: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    positives: NDArray[np.int64]
    shown: tuple[int, ...]
    matrix: NDArray[np.int64]
    accuracy: float | None
    mistakes: tuple[Mistake, ...]


def evaluate(
    snapshot: Snapshot | None,
    multilabel: bool,
    most_cells: int = MOST_CELLS,
    unread: NDArray[np.bool_] | None = None,
) -> Evaluation | None:
    """Look at up to `most_cells` rows × classes; None where nothing was held out.

    unread: (n_train,) rows that could not be read; a mistake on one of them says nothing, and none is shown.
    """
    if snapshot is None or snapshot.held_out is None or not len(snapshot.held_out.labels):
        return None
    held_out = snapshot.held_out
    step = max(1, held_out.labels.size // most_cells)
    labels, rows = held_out.labels[::step], held_out.rows[::step]
    p = snapshot.combine([member[::step] for member in held_out.members])
    truth = labels > 0.5
    decided = _decide(p, fit_thresholds(p, labels) if multilabel else None)
    hits = (truth & decided).sum(0).astype(np.float64)
    positives, predicted = truth.sum(0), decided.sum(0)
    with np.errstate(invalid="ignore"):
        precision = np.where(predicted > 0, hits / np.maximum(predicted, 1), np.nan)
        recall = np.where(positives > 0, hits / np.maximum(positives, 1), np.nan)
    shown = _shown(truth, decided)
    counts = truth[:, shown].T.astype(np.int64) @ decided[:, shown].astype(np.int64)
    accuracy = None if multilabel else float((truth & decided).any(1).mean())
    return Evaluation(
        len(rows), len(held_out.rows), 2 * class_aucs(labels, p) - 1, precision, recall, positives, tuple(shown),
        counts, accuracy, _mistakes(rows, truth, decided, p, multilabel, None if unread is None else unread[rows]),
    )  # fmt: skip


def _decide(p: Probabilities, thresholds: NDArray[np.float32] | None) -> NDArray[np.bool_]:
    """(n, classes) decisions, as `predictions.csv` lists them. thresholds: None for the likeliest class alone."""
    rows, least = np.arange(len(p)), np.zeros(p.shape[1], np.float32) if thresholds is None else thresholds
    likeliest = np.zeros(p.shape, bool)
    likeliest[rows, np.argmax(p - least, axis=1)] = True
    decided: NDArray[np.bool_] = likeliest if thresholds is None else np.asarray(p >= thresholds)
    any_decided = np.asarray(decided.any(axis=1, keepdims=True))
    return np.asarray(np.where(any_decided, decided, likeliest), bool)


def _shown(truth: NDArray[np.bool_], decided: NDArray[np.bool_]) -> list[int]:
    """All classes where they are few, else those with the most mistakes."""
    classes = truth.shape[1]
    if classes <= MATRIX_CLASSES:
        return list(range(classes))
    wrong = (truth != decided).sum(0)
    return [int(c) for c in np.argsort(-wrong, kind="stable")[:MATRIX_CLASSES]]


def _mistakes(
    rows: Rows,
    truth: NDArray[np.bool_],
    decided: NDArray[np.bool_],
    p: Probabilities,
    multilabel: bool,
    unread: NDArray[np.bool_] | None,
) -> tuple[Mistake, ...]:
    """The rows where a class was decided wrongly with the most certainty; of several labels, also one left out."""
    cells = np.where(decided & ~truth, p, np.float32(-1))
    if multilabel:
        cells = np.where(truth & ~decided, 1 - p, cells)
    certainty = np.asarray(cells.max(1))
    if unread is not None:
        certainty = np.where(unread, np.float32(-1), certainty)
    worst = np.argsort(-certainty, kind="stable")[:MISTAKES]
    found = []
    for place in worst[certainty[worst] >= 0]:
        true = np.flatnonzero(truth[place])
        chosen = np.flatnonzero(decided[place])
        chosen = chosen[np.argsort(-p[place, chosen], kind="stable")]
        found.append(
            Mistake(
                int(rows[place]),
                tuple(map(int, true)),
                tuple(map(int, chosen)),
                tuple(map(float, p[place, true])),
                tuple(map(float, p[place, chosen])),
            )
        )
    return tuple(found)
