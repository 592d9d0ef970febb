"""The rows that are held out in a run, for all learners alike, and what is judged by them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Labels, Logits, Rows
from autodl_agent.data.splits import Fold, make_folds
from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.ensemble.holdout_metric import HoldoutMetric, subset
from autodl_agent.engine.ensemble.selection import Blend, select

log = logging.getLogger(__name__)
WORSE, WORSE_ERRORS = 0.002, 0.5  # NAUC, and standard errors of it, by which new results may be below the old ones


@dataclass(frozen=True)
class HeldOutRows:
    """One split for all learners.

    folds: what each model trains on and is judged on. rows: (m,) numbers of the rows held out in all folds together;
    none of tiny sets. labels: (m, classes). softmax: whether each row has exactly one label.
    """

    folds: tuple[Fold, ...]
    rows: Rows
    labels: Labels
    softmax: bool

    @classmethod
    def of(cls, store: TensorStore) -> Self:
        """Split the training rows; a table is read for it, to see whether its test rows are the later ones."""
        labels = store.dataset.train.labels
        folds = make_folds(labels, store.task.seed, order=_time_order(store))
        rows = np.concatenate([fold.held_out for fold in folds])
        return cls(folds, rows, labels[rows], not store.task.multilabel)

    def __len__(self) -> int:
        return len(self.rows)

    def nauc(self, logits: Logits | None) -> float | None:
        """NAUC of (m, classes) logits; None where there are none, or nothing is held out."""
        if logits is None or not len(self):
            return None
        return select([logits], self.labels, False, picks=1).nauc

    def is_worse(self, new: Logits | None, old: Logits | None) -> bool:
        """Whether the first logits are worse than the second by more than chance explains."""
        now, before = self.nauc(new), self.nauc(old)
        if now is None or before is None:
            return False
        error = HoldoutMetric(self.labels[subset(self.labels)]).standard_error(before)  # of the rows `select` looks at
        return now < before - max(WORSE, WORSE_ERRORS * error)

    def blend(self, members: Sequence[Logits | None]) -> Blend:
        """Weights of the members by their logits; equal ones where nothing is held out."""
        if not len(self):
            return Blend(tuple(1 / len(members) for _ in members), False, 0.0)
        return select([logits for logits in members if logits is not None], self.labels, self.softmax)


def _time_order(store: TensorStore) -> NDArray[np.float64] | None:
    """(n,) sort keys where the test rows of a table come after the training rows; the newest are then held out."""
    if store.task.domain is not Domain.TABULAR:
        return None
    from autodl_agent.learners.tabular.time_order import time_order

    try:
        found = time_order(store.table("train"), store.table("test"))
    except Exception as error:  # what is wrong with the table is for its learners to say
        log.info("no order in time: %s: %s", type(error).__name__, error)
        return None
    if found is None:
        return None
    log.info("note: %s", found.note)
    return found.keys
