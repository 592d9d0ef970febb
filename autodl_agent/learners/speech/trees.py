"""Sounds of any kind by trees: many measurements, most of them beside the point for any one task.

A kernel machine mixes all measurements into one distance; trees pick the few that tell the classes apart. Random trees
answer first, boosted trees (LightGBM) join them where there are rows enough for both.
"""

from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.heads.arrays import float32
from autodl_agent.learners.serialization import grouped, load_state, save_state
from autodl_agent.learners.speech.config import TREES
from autodl_agent.learners.speech.music_features import music_recipe
from autodl_agent.learners.speech.spectrum import Floats
from autodl_agent.learners.trees.boosted_model import Forest, Run, fold_numbers, tree_settings
from autodl_agent.learners.trees.lightgbm_booster import GrowingBooster, quiet_lightgbm
from autodl_agent.learners.trees.random_forest import (
    RandomForest,
    TrainingRows,
    load_library,
    median_filled,
    medians_of,
)
from autodl_agent.learners.trees.targets import Targets
from autodl_agent.scoring.links import logit, sigmoid, softmax
from autodl_agent.system.clock import Deadline


@final
class SoundTrees(Learner):
    """Random trees on a sample, on all rows, then boosted trees with early stopping beside them."""

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.settings = TREES
        self.targets = Targets(np.zeros(0, np.int64), False, task.class_priors)
        self.random_forest, self.medians = RandomForest(), np.zeros(0, np.float32)
        self.forest: Forest | None = None
        self.softmax = False
        self._stage = 0
        self._run: Run | None = None

    def snapshot(self) -> Self:
        """What predicts, without the training under way."""
        twin = super().snapshot()
        twin._run = None
        return twin

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment. Raises OutOfTimeError while clips are analysed; what was computed is kept."""
        settings = self.settings
        sample = data.sample(settings.first_rows if self._stage == 0 else settings.most_rows, self.seed)
        sample.array(self._recipe, deadline)
        sample = sample.readable()
        if not len(sample):
            return False
        if self._stage < 2:
            if not self._fit_trees(sample, deadline):
                return False
            self._stage = 2 if len(sample) >= min(len(data), settings.most_rows) else 1
            return self._stage < 2 or self._may_boost(len(sample))
        return self._boost(sample, deadline)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; rows that cannot be read get the classes' shares."""
        if not self.random_forest.trees or not len(data):
            return np.tile(self.targets.shares, (len(data), 1))
        x = data.array(self._recipe)
        # Kept off 0 and 1, whose log-odds are infinite.
        found = self.random_forest.shares(median_filled(x, self.medians)).clip(1e-3, 1 - 1e-3)
        if self.forest is not None:
            # As log-odds, as the ensemble averages its members.
            found = sigmoid((logit(found) + self._boosted(x)) / 2)
        out = self.targets.spread(np.asarray(found, np.float32))
        out[data.store.bad[data.split][data.rows]] = self.targets.shares
        return out

    def save(self, folder: Path) -> None:
        """Write the random trees as arrays and the boosted ones as LightGBM's text."""
        facts: dict[str, Any] = {"mirrored": self.targets.mirrored, "softmax": self.softmax, "boosted": None}
        arrays: dict[str, NDArray[Any]] = {
            "columns": self.targets.columns,
            "shares": self.targets.shares,
            "medians": self.medians,
        }
        arrays |= {f"grove.{k}": v for k, v in self.random_forest.arrays().items()}
        if self.forest is not None:
            facts["boosted"] = self.forest.rounds
            arrays["start"] = self.forest.start
            self.forest.save(folder / "forest.txt")
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        facts, arrays = load_state(folder)
        learner = cls(task, task.seed)
        learner.targets = Targets(arrays["columns"], bool(facts["mirrored"]), arrays["shares"])
        learner.medians, learner.softmax = arrays["medians"], bool(facts["softmax"])
        learner.random_forest = RandomForest.restore(grouped(arrays, "grove"))
        if facts["boosted"] is not None:
            text = (folder / "forest.txt").read_text(encoding="utf-8")
            booster = quiet_lightgbm().Booster(model_str=text)
            learner.forest = Forest(booster, arrays["start"], int(facts["boosted"]), 0.0)
        return learner

    @property
    def _recipe(self) -> Recipe:
        return music_recipe(self.settings.excerpt, self.task.value_range)

    def _may_boost(self, n: int) -> bool:
        return n >= self.settings.boost_rows and len(self.targets.columns) <= self.settings.boost_classes

    def _fit_trees(self, sample: Examples, deadline: Deadline) -> bool:
        """Random trees on the sample; False where there is one class only."""
        targets = Targets.of(sample.labels, not self.task.multilabel)
        if not len(targets.columns):
            self.targets = targets
            return False
        x = sample.array(self._recipe, deadline)
        medians = medians_of(x)
        load_library()
        training_rows = TrainingRows.of(median_filled(x, medians), targets.solved(sample.labels))
        trees, rows = [], np.arange(len(training_rows))
        for number in range(self.settings.trees):
            began = deadline.now()
            trees.append(training_rows.tree(self.settings.plan, rows, self.seed + number))
            if deadline.remaining() < 2 * (deadline.now() - began):
                break
        self.targets, self.medians, self.random_forest = targets, medians, RandomForest(tuple(trees))
        return True

    def _boost(self, sample: Examples, deadline: Deadline) -> bool:
        """Some more rounds; the boosted trees count from the first doubling on."""
        if self._run is None:
            x, y = sample.array(self._recipe, deadline), self.targets.solved(sample.labels)
            held = fold_numbers(y, self.settings.folds, self.seed) == 0
            rarest = int(min(y.sum(0).min(), (1 - y).sum(0).min()))
            tuned = tree_settings(len(y), x.shape[1], rarest, y.shape[1], 0, self.seed)
            self.softmax = y.shape[1] > 1 and bool((y.sum(1) == 1).all())
            grower = GrowingBooster(x[~held], [], y[~held], self.softmax, tuned)
            self._run = Run(grower, x[held], y[held], self.settings.boost, self.settings.boost.max_rounds, tuned)
        run = self._run
        run.grow(max(16, run.grower.rounds), deadline)
        forest = run.forest()
        self.forest = Forest(forest.booster, forest.start, forest.rounds, forest.auc, forest.text())
        return not run.finished

    def _boosted(self, x: Floats) -> Floats:
        """(n, classes) log-odds."""
        assert self.forest is not None
        margins = self.forest.margins(x)
        if not self.softmax:
            return margins.clip(-12, 12)
        return float32(logit(softmax(margins).clip(1e-5, 1 - 1e-5)))
