"""Random trees on tables: a first grove in about a second, the kind of tree by held-out rows, then ever more trees.

See README.md in this folder. scikit-learn is imported on the first increment.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import Examples, Learner, balanced_order
from autodl_agent.learners.serialization import grouped, load_state, save_state
from autodl_agent.learners.tabular.config import ForestSettings
from autodl_agent.learners.tabular.encoding import TableEncoder, tree_matrix
from autodl_agent.learners.tabular.linear_model import portions
from autodl_agent.learners.trees.config import TreePlan
from autodl_agent.learners.trees.random_forest import (
    RandomForest,
    TrainingRows,
    Tree,
    load_library,
    median_filled,
    medians_of,
)
from autodl_agent.learners.trees.targets import Targets
from autodl_agent.scoring.fast_auc import mean_auc
from autodl_agent.system.clock import Deadline
from autodl_agent.system.resources import cores

ENCODER_ROWS = 50_000
PREDICT_CELLS = 8_000_000
DEARER = {True: 1.0, False: 4.0}  # a tree that looks for best splits takes longer than one of random ones


@final
class ExtraTrees(Learner):
    """Extra-trees or a random forest: some trees, the best plan of several, then doublings of that plan's trees."""

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.settings = ForestSettings()
        self.targets = Targets(np.zeros(0, np.int64), False, task.class_priors)
        self.random_forest = RandomForest()
        self.plan = self.settings.plans[0]
        self.encoder: TableEncoder | None = None
        self.medians = np.zeros(0, np.float32)
        self._rows = np.zeros(0, np.int64)
        self._training_rows: TrainingRows | None = None
        self._chosen = False
        self._tree_s = 0.0

    def snapshot(self) -> Self:
        """What predicts, without the training rows."""
        twin = super().snapshot()
        twin._training_rows = None
        return twin

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment; keeps its state when the deadline comes first."""
        data = data.readable()
        if (self._training_rows is None or not np.array_equal(data.rows, self._rows)) and not self._prepare(data):
            return False
        assert self._training_rows is not None
        settings, soil = self.settings, self._training_rows
        if not self.random_forest.trees:
            trees = self._grow(soil, self.plan, settings.first_trees, 0, deadline)
            self.random_forest = RandomForest(tuple(trees))
            return True
        if not self._chosen:
            plan = self._best_plan(soil, deadline)
            if plan != self.plan:
                trees = self._grow(soil, plan, 2 * settings.first_trees, 1, deadline)
                if len(trees) < settings.first_trees // 2:
                    raise OutOfTimeError(f"{len(trees)} trees of a better plan")
                self.plan, self.random_forest, self._chosen = plan, RandomForest(tuple(trees)), True
                return True
            self._chosen = True
        have = len(self.random_forest.trees)
        trees = self._grow(soil, self.plan, min(have, settings.trees - have), have + 1, deadline)
        if not trees:
            raise OutOfTimeError(f"one more tree takes {self._tree_s:.1f} s")
        self.random_forest = RandomForest((*self.random_forest.trees, *trees))
        full = len(self.random_forest.trees) >= settings.trees or self.random_forest.cells > settings.max_leaf_cells
        return not full

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) mean shares of the leaves; class frequencies before the first fit."""
        if not self.random_forest.trees or self.encoder is None:
            return np.tile(self.targets.shares, (len(data), 1))
        step = max(256, PREDICT_CELLS // max(1, len(self.medians)))
        parts = [np.zeros((0, len(self.targets.columns)), np.float32)]
        for rows in portions(len(data), step):
            x, _ = tree_matrix(self.encoder.transform(data.take(rows).table()))
            parts.append(self.random_forest.shares(median_filled(x, self.medians)))
        return self.targets.spread(np.concatenate(parts))

    def save(self, folder: Path) -> None:
        """Write the encoder and the trees' arrays."""
        facts: dict[str, Any] = {"mirrored": self.targets.mirrored}
        arrays: dict[str, NDArray[Any]] = {
            "columns": self.targets.columns,
            "shares": self.targets.shares,
            "medians": self.medians,
        }
        if self.encoder is not None:
            facts["encoder"] = self.encoder.facts()
            arrays |= {f"encoder.{k}": v for k, v in self.encoder.arrays().items()}
        arrays |= {f"grove.{k}": v for k, v in self.random_forest.arrays().items()}
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        facts, arrays = load_state(folder)
        learner = cls(task, task.seed)
        learner.targets = Targets(arrays["columns"], bool(facts["mirrored"]), arrays["shares"])
        learner.medians = arrays["medians"]
        if "encoder" in facts:
            learner.encoder = TableEncoder.restore(facts["encoder"], grouped(arrays, "encoder"))
        learner.random_forest = RandomForest.restore(grouped(arrays, "grove"))
        return learner

    def _prepare(self, data: Examples) -> bool:
        """Encode the training rows, as many as memory allows; False where there is nothing to learn."""
        self.targets = Targets.of(data.labels, not self.task.multilabel)
        self.random_forest, self._chosen = RandomForest(), False
        if not len(self.targets.columns):
            return False
        self.encoder = TableEncoder.fit(data.sample(ENCODER_ROWS, self.seed).table())
        width = max(1, len(self.encoder.kept) + self.encoder.n_slots + len(self.encoder.strings))
        most = max(100, min(self.settings.max_rows, self.settings.max_cells // width))
        part = data if len(data) <= most else data.take(np.sort(balanced_order(data.labels, self.seed)[:most]))
        x, _ = tree_matrix(self.encoder.transform(part.table()))
        self.medians = medians_of(x)
        load_library()  # so that the first tree's time is its own
        self._training_rows = TrainingRows.of(median_filled(x, self.medians), self.targets.solved(part.labels))
        self._rows = data.rows
        return True

    def _grow(self, soil: TrainingRows, plan: TreePlan, count: int, number: int, deadline: Deadline) -> list[Tree]:
        """At most `count` trees in parallel, none that the deadline would cut, but one where there is none yet."""
        seeds = np.random.SeedSequence([self.seed, number]).generate_state(max(1, count)).tolist()
        out: list[Tree] = []
        took = self._tree_s * DEARER[plan.random]
        for at in range(0, len(seeds), cores()):
            if (out or self.random_forest.trees) and deadline.remaining() < 1.5 * took:
                break
            before = deadline.now()
            out += _pool().map(lambda seed: soil.tree(plan, self._drawn(soil, plan, seed), seed), seeds[at:][: cores()])
            took = deadline.now() - before
            # It rises at once and falls slowly: one quick group of trees does not promise the next.
            self._tree_s = max(0.7 * self._tree_s, took / DEARER[plan.random])
        return out

    def _drawn(self, soil: TrainingRows, plan: TreePlan, seed: int) -> NDArray[np.int64]:
        """Rows of one tree: all, or so many that its leaves stay within memory and its growth within a second or so."""
        cells = self.settings.tree_cells if self.random_forest.trees else self.settings.tree_cells // 4
        most = min(self.settings.tree_rows, max(50, cells * plan.leaf // max(1, soil.classes)))
        most = min(most, max(1_000, self.settings.tree_values // soil.x.shape[1]))
        if len(soil) <= most:
            return np.arange(len(soil))
        drawn: NDArray[np.int64] = np.random.default_rng(seed).choice(len(soil), most, replace=False)
        return drawn

    def _best_plan(self, soil: TrainingRows, deadline: Deadline) -> TreePlan:
        """The plan whose small grove ranks held-out rows best; half of the time is left for growing it."""
        settings, n = self.settings, len(soil)
        if n < settings.least_rows:
            return self.plan
        order = np.random.default_rng(self.seed).permutation(n)[: settings.trial_rows]
        cut = len(order) // 3
        held, rest = order[:cut], order[cut:]
        truth = np.eye(soil.classes, dtype=np.float32)[soil.target[held]] if soil.exclusive else soil.target[held]
        inner = soil.take(rest)
        half = Deadline(deadline.now() + 0.5 * deadline.remaining(), deadline.now)
        plans: tuple[TreePlan, ...] = settings.plans
        # Small groves favour coarse leaves, whose votes tie less: the best few are compared again with more trees.
        for count, keep in ((settings.trial_trees, 3), (4 * settings.trial_trees, 1)):
            mean_aucs: list[float] = []
            tried: list[TreePlan] = []
            for number, plan in enumerate(plans):
                if number and half.remaining() < DEARER[plan.random] * self._tree_s * count / cores():
                    continue
                trees = self._grow(inner, plan, count, 10_000 + number, half)
                if not trees:
                    continue
                votes = RandomForest(tuple(trees)).votes(soil.x[held])
                mean_aucs.append(mean_auc(votes, truth.astype(np.float32)))
                tried.append(plan)
            if not tried:
                break
            plans = tuple(tried[place] for place in np.argsort(np.negative(mean_aucs), kind="stable")[:keep])
        return plans[0]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="trees")
