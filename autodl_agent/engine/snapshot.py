"""The ensemble behind one prediction, frozen: what is saved, and what predicts new rows exactly as in the run."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Logits, Probabilities
from autodl_agent.engine.ensemble.calibration import CELLS, Calibration, fit_calibration, fit_thresholds, softmax_odds
from autodl_agent.engine.members import mean_logits
from autodl_agent.learners.base import Examples, Learner


@dataclass(frozen=True)
class Part:
    """One learner of the ensemble: its name in the registry, one settled model a fold, and its weight (> 0).

    The weights of an ensemble sum to 1, or to the sharpness of its softmax.
    """

    name: str
    weight: float
    models: tuple[Learner, ...]


@dataclass(frozen=True)
class HeldOut:
    """What calibration and thresholds are learned from: the members' logits of the held-out rows, and their labels.

    rows: (m,) numbers of these rows in the training split.
    """

    members: tuple[Logits, ...]
    labels: Labels
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class Snapshot:
    """Without parts the class frequencies are predicted. held_out: None where nothing was held out.

    nauc: of the ensemble on the held-out rows, None where it is not known. test: the parts' logits of the test rows,
    (n_test, classes) each, as far as they are known.
    """

    parts: tuple[Part, ...] = ()
    softmax: bool = False
    calibration: Calibration = field(default_factory=Calibration)
    nauc: float | None = None
    held_out: HeldOut | None = None
    test: tuple[Logits, ...] = ()

    @classmethod
    def of(cls, parts: tuple[Part, ...], softmax: bool, nauc: float | None, held_out: HeldOut | None) -> "Snapshot":
        """The ensemble of these parts, calibrated on the held-out rows."""
        if held_out is None:
            return cls(parts, softmax, nauc=nauc)
        step = max(1, held_out.labels.size // CELLS)  # blended for the rows that are looked at, no more
        few = [logits[::step] for logits in held_out.members]
        odds = blended_odds(few, [part.weight for part in parts], softmax)
        return cls(parts, softmax, fit_calibration(odds, held_out.labels[::step]), nauc, held_out)

    def thresholds(self) -> NDArray[np.float32] | None:
        """(classes,) thresholds tuned on the held-out rows, None where there are none."""
        if self.held_out is None:
            return None
        return fit_thresholds(self.combine(list(self.held_out.members)), self.held_out.labels)

    def predict(self, rows: Examples) -> Probabilities:
        """(n, classes) probabilities; rows that cannot be read get the class frequencies."""
        shares = rows.task.class_priors
        if not self.parts:
            return np.tile(shares, (len(rows), 1))
        members = [mean_logits(part.models, rows, part.name) for part in self.parts]
        out = self.combine(members)
        bad = rows.store.bad[rows.split][rows.rows]
        return np.asarray(np.where(bad[:, None], shares, out), np.float32)

    def combine(self, members: list[Logits]) -> Probabilities:
        """(n, classes) probabilities from the members' logits, in the order of the parts."""
        return self.calibration.probabilities(blended_odds(members, [p.weight for p in self.parts], self.softmax))


def blended_odds(members: list[Logits], weights: list[float], softmax: bool) -> Logits:
    """(n, classes) log-odds of the weighted members: their mean, or those of its softmax."""
    mixed = np.sum([np.float32(w) * m for w, m in zip(weights, members, strict=True)], axis=0)
    return softmax_odds(mixed) if softmax else np.asarray(mixed, np.float32)
