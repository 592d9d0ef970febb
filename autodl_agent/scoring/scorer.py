"""Scores single predictions against one truth that is read once, so that a growing run is scored as it grows."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autodl_agent.scoring.accuracy import is_one_hot, soft_accuracy
from autodl_agent.scoring.auc import mean_nauc, weighted_class_aucs
from autodl_agent.scoring.bootstrap import ALC_RESAMPLES, NAUC_RESAMPLES, ErrorBar, draw_counts, nauc_error_bar
from data_format.errors import DataError
from data_format.predictions import read_prediction

# The longest float64 with all its digits has 24 characters.
_MOST_BYTES_A_CELL, _SPARE_BYTES = 64, 1 << 16


@dataclass(frozen=True, slots=True)
class Judged:
    """One prediction's scores, whenever it was made.

    nauc: in [-1, 1]. accuracy: soft accuracy, None unless every row of the truth has exactly one class.
    aucs: (c,), NaN for classes that cannot be scored. resampled: NAUC under each resample of the rows, for the ALC's
    error bar.
    """

    path: Path
    nauc: float
    accuracy: float | None
    aucs: NDArray[np.float64]
    resampled: NDArray[np.float64]


class PredictionScorer:
    """The truth of one task. truth: (n, c); task: the solution's name without its suffix, dots included.

    Raises DataError where the solution cannot be read or holds a value that is not finite.
    """

    def __init__(self, solution: Path, seed: int = 0) -> None:
        self.truth = read_prediction(solution)
        self.task = solution.name.removesuffix(".solution")
        self._seed = seed
        if not np.isfinite(self.truth).all():
            row, column = np.argwhere(~np.isfinite(self.truth))[0].tolist()
            value = self.truth[row, column]
            raise DataError(f"{solution}: expected 0 or 1, found {value} in row {row}, class {column}")
        self._one_hot = is_one_hot(self.truth)

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        """All rows once, then how often each occurs in every resample: (1 + resamples, n)."""
        plain = np.ones((1, len(self.truth)), np.int64)
        return np.concatenate([plain, draw_counts(self.truth, ALC_RESAMPLES, self._seed)])

    @property
    def unusable(self) -> NDArray[np.bool_]:
        """Which classes cannot be scored, (c,): all rows positive or none."""
        positives = (self.truth == 1).sum(axis=0)
        unusable: NDArray[np.bool_] = (positives == 0) | (positives == len(self.truth))
        return unusable

    def judge(self, path: Path) -> Judged:
        """Score one prediction file. Raises DataError, naming the file, where it is damaged or of another shape."""
        scores = self._matrix(path)
        aucs = weighted_class_aucs(self.truth, scores, self._counts)
        accuracy = soft_accuracy(self.truth, scores) if self._one_hot else None
        return Judged(path, float(mean_nauc(aucs[0])), accuracy, aucs[0], mean_nauc(aucs[1:]))

    def nauc_bar(self, path: Path) -> ErrorBar | None:
        """Error bar of a prediction's NAUC; None where no class is usable. Raises DataError as `judge` does."""
        return nauc_error_bar(self.truth, self._matrix(path), self._seed, NAUC_RESAMPLES)

    def _matrix(self, path: Path) -> NDArray[np.float64]:
        most = _MOST_BYTES_A_CELL * self.truth.size + _SPARE_BYTES
        try:
            size = path.stat().st_size
        except OSError:
            size = 0  # the reader tells what is wrong
        if size > most:
            raise DataError(f"{path.name}: expected {self.truth.shape} numbers, found a file of {size} bytes")
        scores = read_prediction(path)
        if scores.shape != self.truth.shape:
            raise DataError(f"{path.name}: prediction has shape {scores.shape}, truth has {self.truth.shape}")
        return scores
