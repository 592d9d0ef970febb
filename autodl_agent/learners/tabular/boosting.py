"""Boosted trees on tables: growing rounds on growing rows, early stopping on rows of its own, then bags.

See README.md in this folder. LightGBM is imported on the first increment.
"""

from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner, balanced_order, drawn_rows
from autodl_agent.learners.heads.cost import logistic_ridge_s
from autodl_agent.learners.serialization import grouped, load_state, save_state
from autodl_agent.learners.tabular.config import QuickSettings
from autodl_agent.learners.tabular.encoding import TableEncoder, tree_matrix
from autodl_agent.learners.tabular.linear_model import Shape, TableModel, fit_model, portions, probabilities
from autodl_agent.learners.trees.boosted_model import Forest, Run, chosen_weights, fold_numbers, tree_settings, varied
from autodl_agent.learners.trees.config import BoostSettings
from autodl_agent.learners.trees.lightgbm_booster import GrowingBooster, TreeSettings, quiet_lightgbm
from autodl_agent.learners.trees.targets import Targets
from autodl_agent.scoring.links import sigmoid, softmax
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
PREDICT_CELLS = 8_000_000
BIN_S = 4e-7  # first guess of seconds to encode and bin one cell
_numbers = count()


@final
class BoostedTrees(Learner):
    """LightGBM in increments: a small sample, then all rows round by round, other settings, then averaged bags."""

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.settings = BoostSettings()
        self.targets = Targets(np.zeros(0, np.int64), False, task.class_priors)
        self.grown = np.zeros(0, np.int64)  # which of the targets' columns have trees
        self.softmax = False
        self.encoder: TableEncoder | None = None
        self.rest: TableModel | None = None
        self.forests: tuple[Forest, ...] = ()
        self._number = next(_numbers)  # copies have the same: what one remembers serves the others
        self._run: Run | None
        self._reset(np.zeros(0, np.int64))

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment: more rounds, or a model on more rows, or another bag."""
        data = data.readable()
        if not np.array_equal(data.rows, self._rows):
            self._reset(data.rows)
        if self._run is None and self._bag == 0 and self._size == 0:
            self.targets = Targets.of(data.labels, not self.task.multilabel)
            self.forests, self.rest = (), None
            if not len(self.targets.columns):
                return False
            self._choose_classes(data)
        elif self.rest is None and len(self.grown) < len(self.targets.columns):
            self._fit_rest(data, deadline)
        if self._run is None or self._run.finished or self._wants_more_rows(len(data)):
            self._settle()
            if self._bag >= self._models:
                return False
            self._run = self._begin(data, deadline) or self._run
        run = self._run
        if run is None:
            return False
        # A bag shows only when it is complete, so it is grown in one go; the first model shows at every doubling.
        rounds = self.settings.max_rounds if self._bag else max(self.settings.first_rounds, run.grower.rounds)
        run.grow(rounds, deadline)
        if self._bag == 0:
            self._show(run.forest())
        elif run.finished:
            self._settle()
        return self._bag < self._models

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; class frequencies before the first fit."""
        if not self.forests or self.encoder is None:
            return np.tile(self.targets.shares, (len(data), 1))
        width = len(self.encoder.kept) + self.encoder.n_slots + len(self.encoder.strings) + 64
        step = max(256, PREDICT_CELLS // width)
        parts = [self._forecast(data.take(rows)) for rows in portions(len(data), step)]
        out = np.full((len(data), len(self.targets.columns)), 0.5, np.float32)
        if self.rest is not None:
            out[:] = probabilities(self.rest.margins(data))
        else:
            out[:] = self.targets.shares[self.targets.columns]
        if parts:
            out[:, self.grown] = np.concatenate(parts)
        return self.targets.spread(out)

    def snapshot(self) -> Self:
        """What predicts, without the training under way; a booster that goes on growing is kept as text."""
        twin = super().snapshot()
        if self._run is not None:
            growing = self._run.grower.booster
            twin.forests = tuple(replace(f, frozen=f.text()) if f.booster is growing else f for f in self.forests)
        twin._run = None
        return twin

    def save(self, folder: Path) -> None:
        """Write the encoder, LightGBM's text of every forest, and the linear model of the rarest classes."""
        facts: dict[str, Any] = {"mirrored": self.targets.mirrored, "softmax": self.softmax}
        arrays: dict[str, NDArray[Any]] = {
            "columns": self.targets.columns,
            "shares": self.targets.shares,
            "grown": self.grown,
        }
        if self.encoder is not None:
            facts["encoder"] = self.encoder.facts()
            arrays |= {f"encoder.{k}": v for k, v in self.encoder.arrays().items()}
        facts["forests"] = [{"rounds": f.rounds, "merit": f.auc, "weight": f.weight} for f in self.forests]
        for number, forest in enumerate(self.forests):
            forest.save(folder / f"forest_{number}.txt")
            arrays[f"start_{number}"] = forest.start
        if self.rest is not None:
            facts["rest"] = self.rest.facts()
            arrays |= {f"rest.{k}": v for k, v in self.rest.arrays().items()}
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote; such a learner predicts, and starts afresh when it is fitted again."""
        facts, arrays = load_state(folder)
        learner = cls(task, task.seed)
        learner.targets = Targets(arrays["columns"], bool(facts["mirrored"]), arrays["shares"])
        learner.grown, learner.softmax = arrays["grown"], bool(facts["softmax"])
        if "encoder" in facts:
            learner.encoder = TableEncoder.restore(facts["encoder"], grouped(arrays, "encoder"))
        if "rest" in facts:
            learner.rest = TableModel.restore(facts["rest"], grouped(arrays, "rest"))
        for number, fact in enumerate(facts["forests"]):
            text = (folder / f"forest_{number}.txt").read_text(encoding="utf-8")
            booster = quiet_lightgbm().Booster(model_str=text)
            rounds, auc, weight = int(fact["rounds"]), float(fact["merit"]), float(fact["weight"])
            learner.forests += (Forest(booster, arrays[f"start_{number}"], rounds, auc, weight=weight),)
        return learner

    def _reset(self, rows: NDArray[np.int64]) -> None:
        """Forget the training under way, not what `predict` uses."""
        self._rows = rows
        self._run = None
        self._size, self._bag = 0, 0
        self._tried: list[tuple[float, TreeSettings]] = []
        self._rivals: tuple[tuple[Forest, Floats], ...] = ()
        self._cell_s, self._whole = BIN_S, False
        self._folds = np.zeros(0, np.int64)

    def _choose_classes(self, data: Examples) -> None:
        """Encoder, folds, and which classes get trees: the most frequent ones of very many."""
        positives = (data.labels > 0.5).sum(0)[self.targets.columns]
        most = self.settings.max_classes
        self.grown = np.arange(len(positives))
        if len(positives) > most:
            self.grown = np.sort(np.argsort(-positives, kind="stable")[:most])
        y = self.targets.solved(data.labels, self.grown)
        self.softmax = len(self.grown) > 1 and bool((y.sum(1) == 1).all())
        self._folds = fold_numbers(y, self.settings.folds, self.seed)
        self.encoder = TableEncoder.fit(data.sample(50_000, self.seed).table())

    def _fit_rest(self, data: Examples, deadline: Deadline) -> None:
        """A linear model for the classes without trees, on as many rows as a third of the time allows."""
        classes = len(self.targets.columns)
        rows = min(len(data), self.settings.linear_rows)
        while logistic_ridge_s(rows, 600, classes) > 0.3 * deadline.remaining():
            rows //= 2
            if rows < 500:
                return
        sample = data.take(balanced_order(data.labels, self.seed)[:rows])
        # Classes that the sample lacks keep their share of positives, as constant columns do.
        quick = replace(QuickSettings(), polish=1)
        self.rest = fit_model(sample, self.targets, 300, Shape(), self.seed, quick, deadline)

    def _wants_more_rows(self, n: int) -> bool:
        return self._bag == 0 and 0 < self._size < n

    def _begin(self, data: Examples, deadline: Deadline) -> Run | None:
        """Start a model on the next size; None when there is not the time for it."""
        assert self.encoder is not None
        settings, n = self.settings, len(data)
        held, rest = self._split(n)
        columns = max(1, len(self.encoder.kept) + self.encoder.n_slots + len(self.encoder.strings))
        size = min(n, self._size * settings.growth if self._size else settings.first_rows)
        room = int(min(settings.max_cells, 0.5 * max(deadline.remaining(), 0.0) / self._cell_s) / columns)
        if size > room:
            size = max(room, min(n, 500))
        if self._size and size <= self._size and self._bag == 0:
            self._size = n  # no time for more rows: go on with those at hand
            return None
        before = deadline.now()
        chosen = rest
        if size < len(rest):
            chosen = rest[balanced_order(data.labels[rest], self.seed + self._bag)[:size]]
        train = data.take(chosen)
        y = self.targets.solved(train.labels, self.grown)
        x, categories = tree_matrix(self.encoder.transform(train.table()))
        rarest = int(min(y.sum(0).min(), (1 - y).sum(0).min()))
        tuned = self._settings(tree_settings(len(train), x.shape[1], rarest, y.shape[1], self._bag, self.seed))
        grower = GrowingBooster(x, categories, y, self.softmax, tuned)
        held_rows = data.take(held)
        held_x, _ = tree_matrix(self.encoder.transform(held_rows.table()))
        self._cell_s = max(1e-8, (deadline.now() - before) / max(1, x.size))
        self._size = n if size >= len(rest) or self._bag else size
        self._whole = 2 * size >= len(rest)
        held_y = self.targets.solved(held_rows.labels, self.grown)
        # Later models take steps of half the size and may have smaller trees: more rounds than the first.
        limit = max(50, 4 * self.forests[0].rounds) if self._bag else settings.max_rounds
        return Run(grower, held_x, held_y, settings, min(limit, settings.max_rounds), tuned)

    def _split(self, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Held-out and other positions; nothing is held out of tables of a few dozen rows or with a lone positive."""
        if n < 40:
            return np.zeros(0, np.int64), np.arange(n)
        fold = max(0, self._bag - self.settings.searches) % self.settings.folds
        held, rest = np.flatnonzero(self._folds == fold), np.flatnonzero(self._folds != fold)
        return held[drawn_rows(len(held), self.settings.held_rows, self.seed)], rest

    def _show(self, forest: Forest) -> None:
        """Predict with this forest unless the one shown was better on the same held-out rows."""
        if not self.forests or forest.auc >= self.forests[0].auc:
            self.forests = (forest,)

    @property
    def _models(self) -> int:
        """How many models a whole training has."""
        return 1 + self.settings.searches + self.settings.bags

    def _settings(self, plain: TreeSettings) -> TreeSettings:
        """Of the next model: plain ones, then draws near the best and far from it, then the best few in turn."""
        if self._bag < 2 or not self._tried:
            return plain
        ranked = sorted(self._tried, key=lambda tried: -tried[0])
        seed = self.seed + 101 * self._bag
        if self._bag <= self.settings.searches:
            near = self._bag % 2 == 0
            return varied(ranked[0][1] if near else plain, seed, near)
        return replace(ranked[self._bag % min(3, len(ranked))][1], seed=seed)

    def _settle(self) -> None:
        """A finished model of full size becomes a member; the next one has other settings or is another bag."""
        run = self._run
        if run is None or not run.finished or self._size < len(self._rows):
            return
        if run.blind:  # nothing to compare by: other seeds, averaged
            self.forests = (*self.forests, run.forest()) if self._bag else self.forests
        elif self._bag <= self.settings.searches:
            self._tried.append((run.auc, run.tuned))
            self._rivals = (*self._rivals, (run.forest(), run.best_held))
            weights = chosen_weights([held for _, held in self._rivals], run.held_y)
            self.forests = tuple(replace(f, weight=w) for (f, _), w in zip(self._rivals, weights, strict=True) if w)
        elif self._whole:  # held-out rows differ, so merits cannot be compared; sizes can
            self.forests = (*self.forests, replace(run.forest(), weight=1.0))
        self._bag += 1
        self._run = None

    def _forecast(self, data: Examples) -> Floats:
        margins = self._margins(data)
        return softmax(margins) if self.softmax else sigmoid(margins.clip(-30, 30))

    def _margins(self, data: Examples) -> Floats:
        """(n, classes) weighted mean over the forests; what a finished forest says of the same rows is remembered."""
        total = np.zeros((len(data), len(self.grown)), np.float32)
        rows = cache(lambda: self._matrix(data))
        known, here = self._remembered(data), (len(data), hash(data.rows.tobytes()))
        for forest in self.forests:
            found = known.get((forest.number, *here))
            if found is None:
                found = forest.margins(rows())
                growing = self._run is not None and forest.booster is self._run.grower.booster
                if not growing and sum(map(np.size, list(known.values()))) + found.size <= self.settings.margin_cells:
                    known[(forest.number, *here)] = found
            total += np.float32(forest.weight) * found
        return np.asarray(total / sum(forest.weight for forest in self.forests), np.float32)

    def _remembered(self, data: Examples) -> dict[tuple[int, int, int], Floats]:
        """Margins by number of the forest, number of rows and their hash, kept as long as the store and the forest."""
        known: dict[tuple[int, int, int], Floats] = data.store.kept(data.split, ("margins", self._number), dict)
        used = {forest.number for forest in self.forests}
        for key in list(known):
            if key[0] not in used:
                known.pop(key, None)
        return known

    def _matrix(self, data: Examples) -> Floats:
        assert self.encoder is not None
        return tree_matrix(self.encoder.transform(data.table()))[0]
