"""Area under the learning curve over logarithmic time: the challenge's score of a whole run.

`t~ = ln(1 + t/t0) / ln(1 + T/t0)` maps the budget T to [0, 1]; the score is 0 before the first prediction and then
a right-open step function of the predictions (AutoDL challenge, t0 = 60 s). Predictions later than T are dropped,
here as in every other number, where the official program let them lower the score.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_format.errors import DataError

T0_S = 60.0


def transformed_time(seconds: ArrayLike, budget: float, t0: float = T0_S) -> NDArray[np.float64]:
    """Log time t~ of the same shape as `seconds`: 0 at 0, 1 at `budget`. Raises DataError for a budget or t0 <= 0."""
    if not (np.isfinite(budget) and budget > 0 and np.isfinite(t0) and t0 > 0):
        raise DataError(f"time budget and t0 must be positive seconds, found budget={budget} and t0={t0}")
    moments: NDArray[np.float64] = np.log1p(np.asarray(seconds, dtype=np.float64) / t0) / np.log1p(budget / t0)
    return moments


def alc(times: ArrayLike, scores: ArrayLike, budget: float, t0: float = T0_S) -> float:
    """Area under the step curve of `scores` (k,) at `times` (k,) in seconds since the start; 0.0 for no prediction.

    Times may come unsorted; of several predictions at one moment the last counts. A time before the start counts
    as the start. Raises DataError for values that are not finite, or lengths that differ.
    """
    return LearningCurve.of(times, scores, budget).get_alc(t0)


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """A step function of time: scores at sorted times (seconds), 0 before the first, under a budget in seconds.

    Curves of one budget can be added and subtracted (at the union of their time points), and multiplied and divided
    by numbers, so that the mean curve of several runs is `(a + b + c) / 3`.
    """

    times: tuple[float, ...]
    scores: tuple[float, ...]
    budget: float

    @classmethod
    def of(cls, times: ArrayLike, scores: ArrayLike, budget: float) -> "LearningCurve":
        """A curve from any two vectors of one length, sorted here. Raises DataError where they do not make one."""
        moments, values = np.asarray(times, dtype=np.float64), np.asarray(scores, dtype=np.float64)
        if moments.ndim != 1 or moments.shape != values.shape:
            raise DataError(f"a curve needs one score a time: times {moments.shape}, scores {values.shape}")
        bad = np.flatnonzero(~(np.isfinite(moments) & np.isfinite(values)))
        if len(bad):
            at = bad[0]
            raise DataError(f"point {at} of a curve must be finite: time {moments[at]}, score {values[at]}")
        # Stable, so that of two predictions at one moment the later one in the list stays the later one.
        order = np.argsort(moments, kind="stable")
        return cls(tuple(moments[order].tolist()), tuple(values[order].tolist()), float(budget))

    def score_at(self, seconds: float) -> float:
        """The score in force at a moment; 0.0 before the first prediction."""
        at = int(np.searchsorted(self.times, seconds, side="right"))
        return self.scores[at - 1] if at else 0.0

    def get_alc(self, t0: float = T0_S) -> float:
        """Area under the curve over log time, in [-1, 1] for scores in [-1, 1]; late predictions do not count."""
        # Clocks of two machines may disagree by a moment: before the start counts as the start.
        moments = np.clip([t for t, _ in self._in_time()], 0.0, None)
        values = np.array([s for _, s in self._in_time()])
        edges = np.append(transformed_time(moments, self.budget, t0), 1.0)
        return float(values @ np.diff(edges))

    def get_time_used(self) -> float:
        """Seconds until the last prediction, late ones included; 0.0 without any."""
        return self.times[-1] if self.times else 0.0

    def get_final_score(self) -> float:
        """Score of the last prediction within the budget; 0.0 without any."""
        return self.score_at(self.budget)

    def __add__(self, other: "LearningCurve") -> "LearningCurve":
        return self._merge(other, 1.0)

    def __sub__(self, other: "LearningCurve") -> "LearningCurve":
        return self._merge(other, -1.0)

    def __mul__(self, factor: float) -> "LearningCurve":
        return LearningCurve(self.times, tuple(s * factor for s in self.scores), self.budget)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "LearningCurve":
        return LearningCurve(self.times, tuple(s / divisor for s in self.scores), self.budget)

    def _in_time(self) -> Iterator[tuple[float, float]]:
        return ((t, s) for t, s in zip(self.times, self.scores, strict=True) if t <= self.budget)

    def _merge(self, other: "LearningCurve", sign: float) -> "LearningCurve":
        if self.budget != other.budget:
            raise DataError(f"curves of one budget can be merged, found {self.budget} s and {other.budget} s")
        # Late points stay in the merged curve too: what counts is decided by the area, in one place.
        times = sorted({*self.times, *other.times})
        scores = tuple(self.score_at(t) + sign * other.score_at(t) for t in times)
        return LearningCurve(tuple(times), scores, self.budget)
