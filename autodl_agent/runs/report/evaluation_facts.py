"""How the ensemble does on the held-out rows, as the page shows it: classes, confusions, mistakes with examples."""

from dataclasses import dataclass

import numpy as np

from autodl_agent.runs.report.evaluation import Evaluation, Mistake
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.runs.report.thumbnails import Thumbnail, Thumbnails

_MOST_CLASSES = 200
_MOST_LISTED = 6  # classes of one mistake
_SHORT_NAME = 4  # characters that fit over a column of the matrix


@dataclass(frozen=True)
class ClassRow:
    """A class. nauc, precision, recall: NaN where undefined. held_out, training: rows that have it."""

    name: str
    nauc: float
    precision: float
    recall: float
    held_out: int
    training: int


@dataclass(frozen=True)
class MatrixCell:
    """Rows of one true class for which one class was decided. share: of the true class's rows, in [0, 1].

    kind: "hit" on the diagonal and wherever rows may have several labels, where the rest is no mistake; else "miss".
    """

    count: int
    share: float
    kind: str


@dataclass(frozen=True)
class MatrixRow:
    """The rows of one true class."""

    name: str
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True)
class ClassProbabilities:
    """Names of classes with their probabilities, and how many classes more there are."""

    pairs: tuple[tuple[str, float], ...]
    more: int


@dataclass(frozen=True)
class MistakeCard:
    """A row that was decided wrongly. place: where it is in the data."""

    thumbnail: Thumbnail
    labelled: ClassProbabilities
    predicted: ClassProbabilities
    place: str


@dataclass(frozen=True)
class EvaluationFacts:
    """The sections on held-out rows.

    rows: how many were looked at, of `of_rows`. classes: all `n_classes`, or those with the lowest NAUC, lowest first.
    upright: whether the columns' names are set upright. accuracy: None where rows may have several labels.
    """

    rows: int
    of_rows: int
    n_classes: int
    classes: tuple[ClassRow, ...]
    matrix: tuple[MatrixRow, ...]
    upright: bool
    mistakes: tuple[MistakeCard, ...]
    accuracy: float | None


def evaluation_facts(data: ReportData, found: Evaluation, thumbnails: Thumbnails) -> EvaluationFacts:
    """Everything about the held-out rows."""
    names = data.task.class_names
    return EvaluationFacts(
        found.rows,
        found.of_rows,
        len(names),
        _classes(data, found),
        _matrix(data, found),
        max((len(names[c]) for c in found.shown), default=0) > _SHORT_NAME,
        tuple(_card(data, mistake, thumbnails) for mistake in found.mistakes),
        found.accuracy,
    )


def _classes(data: ReportData, found: Evaluation) -> tuple[ClassRow, ...]:
    names, counts = data.task.class_names, data.task.class_counts
    order = list(range(len(names)))
    if len(names) > _MOST_CLASSES:
        lowest_first = np.argsort(np.nan_to_num(found.nauc, nan=np.inf), kind="stable")
        order = [int(c) for c in lowest_first[:_MOST_CLASSES]]
    return tuple(
        ClassRow(
            names[c],
            float(found.nauc[c]),
            float(found.precision[c]),
            float(found.recall[c]),
            int(found.positives[c]),
            int(counts[c]),
        )
        for c in order
    )


def _matrix(data: ReportData, found: Evaluation) -> tuple[MatrixRow, ...]:
    names, multilabel = data.task.class_names, data.task.multilabel
    rows = []
    for true, counts in zip(found.shown, found.matrix.tolist(), strict=True):
        total = max(1, int(found.positives[true]))
        cells = (
            MatrixCell(count, min(1.0, count / total), "hit" if multilabel or true == decided else "miss")
            for decided, count in zip(found.shown, counts, strict=True)
        )
        rows.append(MatrixRow(names[true], tuple(cells)))
    return tuple(rows)


def _card(data: ReportData, mistake: Mistake, thumbnails: Thumbnails) -> MistakeCard:
    def listed(classes: tuple[int, ...], probabilities: tuple[float, ...]) -> ClassProbabilities:
        names = (data.task.class_names[c] for c in classes[:_MOST_LISTED])
        pairs = tuple(zip(names, probabilities[:_MOST_LISTED], strict=True))
        return ClassProbabilities(pairs, len(classes) - len(pairs))

    return MistakeCard(
        thumbnails.get(mistake.row, data.running),
        listed(mistake.truth, mistake.truth_p),
        listed(mistake.predicted, mistake.predicted_p),
        str(data.dataset.train.ids[mistake.row]),
    )
