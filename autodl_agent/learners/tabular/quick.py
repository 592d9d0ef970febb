"""The quick learner of tables: kernel-like linear models on growing samples, numpy only, first answer in a blink."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner, balanced_order
from autodl_agent.learners.heads.cost import logistic_ridge_s
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.tabular.config import QuickSettings
from autodl_agent.learners.tabular.linear_model import Shape, TableModel, best_shape, fit_model, probabilities
from autodl_agent.learners.trees.targets import Targets
from autodl_agent.system.clock import Deadline

ENOUGH = 20_000_000  # label cells (rows x classes) of one increment


@final
class QuickTable(Learner):
    """Each increment refits on more rows with more random features; the better leave-one-out AUC stays."""

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.settings = QuickSettings()
        self.targets = Targets(np.zeros(0, np.int64), False, task.class_priors)
        self.model: TableModel | None = None
        self.shape, self.stage = Shape(), 0

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment. Raises OutOfTimeError where the store does; the previous model then stays."""
        settings = self.settings
        data = data.readable()
        targets = Targets.of(data.labels, not self.task.multilabel)
        if not len(targets.columns):
            self.targets, self.model = targets, None
            return False
        stage = self.stage
        rows, waves = self._size(len(data), stage, deadline)
        sample = data.take(
            balanced_order(data.labels, self.seed)[:rows] if rows < len(data) else self._mixed(len(data))
        )
        targets = replace(Targets.of(sample.labels, not self.task.multilabel), shares=targets.shares)
        shape = self.shape
        if stage == 1:  # the first answer is in a hurry and takes the middle width
            few = max(200, min(settings.rows[0], 3_000_000 // len(targets.columns)))
            half = Deadline(deadline.now() + 0.4 * deadline.remaining(), deadline.now)
            shape = best_shape(sample.take(np.arange(min(few, len(sample)))), targets, shape, self.seed, settings, half)
        if stage == 0 and self.task.n_test > settings.first_test_rows:
            settings = replace(settings, hats=settings.hats // 4, hot=settings.hot // 2)
        model = fit_model(sample, targets, waves, shape, self.seed + stage, settings, deadline)
        better = self.model is None or model.linear.auc >= self.model.linear.auc
        if better:
            self.model, self.targets = model, targets
        self.shape = replace(shape, penalty=model.linear.penalty)
        self.stage = stage + 1
        # All rows and more waves that bring nothing: still more waves will not either.
        return self.stage < len(settings.rows) and (better or stage < 2)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; class frequencies before the first fit."""
        if self.model is None:
            return np.tile(self.targets.shares, (len(data), 1))
        return self.targets.spread(probabilities(self.model.margins(data)))

    def save(self, folder: Path) -> None:
        """Write encoder, features and weights."""
        facts: dict[str, Any] = {"mirrored": self.targets.mirrored, "stage": self.stage}
        arrays: dict[str, NDArray[Any]] = {"columns": self.targets.columns, "shares": self.targets.shares}
        if self.model is not None:
            facts["model"] = self.model.facts()
            arrays |= self.model.arrays()
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        facts, arrays = load_state(folder)
        learner = cls(task, task.seed)
        learner.targets = Targets(arrays.pop("columns"), bool(facts["mirrored"]), arrays.pop("shares"))
        learner.stage = int(facts["stage"])
        if "model" in facts:
            learner.model = TableModel.restore(facts["model"], arrays)
        return learner

    def _mixed(self, n: int) -> NDArray[np.int64]:
        return np.random.default_rng(self.seed).permutation(n)

    def _size(self, n: int, stage: int, deadline: Deadline) -> tuple[int, int]:
        """Rows and waves of an increment: as planned, less where memory or the deadline want it."""
        settings = self.settings
        waves = settings.waves[stage]
        if (
            stage == 0 and self.task.n_test > settings.first_test_rows
        ):  # the first answer must not wait for its test rows
            waves = max(50, waves * settings.first_test_rows // self.task.n_test)
        rows = min(n, settings.rows[stage], max(1_000, ENOUGH // max(1, self.task.n_classes)))
        width = (self.model.view.width if self.model is not None else settings.hats) + waves
        rows = min(rows, max(500, settings.max_floats // width))
        columns = abs(int(np.prod(self.task.shape)))
        if max(width, columns) > settings.wide:
            rows = min(rows, settings.wide)
            if stage == 0:
                rows = min(rows, max(200, settings.first_cells // columns))
        while (
            rows > 500
            and logistic_ridge_s(rows, width, self.task.n_classes) > (0.3 if stage == 1 else 0.6) * deadline.remaining()
        ):
            rows //= 2
        return rows, waves
