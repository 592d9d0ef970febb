"""A linear head that grows in stages: more rows first, then more features. Shared by the quick media learners."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples
from autodl_agent.learners.cost import recipes_cost_s
from autodl_agent.learners.heads.block_ridge import fit_head, fit_operations, is_wide
from autodl_agent.learners.heads.cost import Speed
from autodl_agent.learners.heads.ridge import RidgeHead
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.vision.block_weights import CHOICE_ROWS, Choice, Weights, choose
from autodl_agent.learners.vision.features import Feature
from autodl_agent.learners.vision.mirror_symmetry import fold
from autodl_agent.system.clock import Deadline

BATCH_ROWS = 2048  # rows folded at once while fitting many columns
PREDICT_ROWS = 2048  # rows folded at once while predicting
FEWEST_ROWS = 100  # of a first head, however little time there is


@dataclass(frozen=True)
class Growth:
    """How the rows grow: fields as in `QuickImageConfig`."""

    first_rows: int
    classes_rows: int
    most_first_rows: int
    row_growth: int

    def first(self, classes: int) -> int:
        """Rows of the first increment."""
        return min(self.first_rows + self.classes_rows * classes, self.most_first_rows)


@dataclass(frozen=True)
class Fitted:
    """A head with the features that it reads and the rows it was taught on."""

    features: tuple[Feature, ...]
    head: RidgeHead
    choice: Choice
    rows: int


class StagedHead:
    """Holds the last fitted head; every `advance` makes a better one or leaves it as it is.

    Whether left and right matter, and what each feature weighs, is decided anew until enough rows have decided it.
    """

    def __init__(self, task: Task, seed: int, growth: Growth) -> None:
        self.task, self.seed, self.growth = task, seed, growth
        self.fitted: Fitted | None = None
        self.speed = Speed()
        self.shares = task.class_priors

    def rows_for(self, data: Examples, features: tuple[Feature, ...]) -> int:
        """Ceiling of rows for these features: what the store can keep."""
        return max(1, min([len(data), *(data.store.affordable_rows(data.split, f.recipe) for f in features)]))

    def next_rows(self, data: Examples, features: tuple[Feature, ...]) -> int:
        """Rows of the next fit with these features: the first sample, then a multiple of the last one, then all."""
        most = self.rows_for(data, features)
        if self.fitted is None:
            return min(most, self.growth.first(self.task.n_classes))
        return min(most, self.fitted.rows * self.growth.row_growth)

    def cost_s(self, data: Examples, features: tuple[Feature, ...]) -> float | None:
        """Seconds that these features take for the next fit and the rows to be predicted; None where unknown."""
        sample = data.sample(self.next_rows(data, features), self.seed)
        return recipes_cost_s(data, sample, [feature.recipe for feature in features])

    def advance(
        self,
        data: Examples,
        features: tuple[Feature, ...],
        rows: int,
        deadline: Deadline,
        options: tuple[Weights, ...] = ((),),
    ) -> None:
        """Fit `features` on `rows` balanced rows of `data`. Raises OutOfTimeError; the old head then stays.

        options: weights that the features may get; with the default every column counts alike.
        """
        sample = data.sample(rows, self.seed)
        for start in range(0, len(sample), BATCH_ROWS):  # all of it first: unreadable rows are known afterwards
            part = sample.take(np.arange(start, min(len(sample), start + BATCH_ROWS)))
            for feature in features:
                part.array(feature.recipe, deadline)
        sample = sample.readable()
        if not len(sample):
            return
        choice = self._choice(sample, features, deadline, options)
        multipliers = choice.multipliers(features)
        if self.fitted is None and not is_wide(len(sample), len(multipliers)):
            fewer = self._affordable(len(sample), len(multipliers), deadline)
            if fewer < len(sample):
                sample, rows = sample.sample(fewer, self.seed), fewer
        # Few columns are fitted at once; many in batches, so that memory does not grow with the rows.
        n_parts = -(-len(sample) // BATCH_ROWS) if is_wide(len(sample), len(multipliers)) else 1

        def batches() -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
            for start in range(n_parts):  # every n-th row: each batch is typical however the rows are sorted
                part = sample.take(np.arange(start, len(sample), n_parts))
                yield fold(part, features, deadline, choice.with_odd).joined(choice.with_odd), part.labels

        head = fit_head(batches, multipliers, sample.labels, deadline, self.speed)
        self.shares = ((sample.labels.sum(0) + 0.5) / (len(sample) + 1)).astype(np.float32)
        self.fitted = Fitted(features, head, choice, rows)

    def _affordable(self, rows: int, width: int, deadline: Deadline) -> int:
        """Rows of a fit that is expected to end in time, halved as often as it takes: few are better than none."""
        while rows > FEWEST_ROWS and not self.speed.holds(fit_operations(rows, width, self.task.n_classes), deadline):
            rows //= 2
        return rows

    def _choice(
        self, sample: Examples, features: tuple[Feature, ...], deadline: Deadline, options: tuple[Weights, ...]
    ) -> Choice:
        """The last choice where it was made on as many rows as there will ever be, else a new one."""
        done = self.fitted
        # No more than CHOICE_ROWS are looked at, so a choice made on as many stands; other features need their own.
        if done is not None and done.rows >= CHOICE_ROWS and len(options[0]) == len(done.choice.weights):
            return done.choice
        few = sample.sample(CHOICE_ROWS, self.seed)
        return choose(fold(few, features, deadline), few.labels, features, options, self.seed)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) float32 in [0, 1]; rows that cannot be read get the class shares."""
        out = np.tile(self.shares, (len(data), 1))
        if self.fitted is None:
            return out
        features, head, with_odd = self.fitted.features, self.fitted.head, self.fitted.choice.with_odd
        for start in range(0, len(data), PREDICT_ROWS):
            part = data.take(np.arange(start, min(len(data), start + PREDICT_ROWS)))
            found = head.probabilities(fold(part, features, None, with_odd).joined(with_odd))
            good = ~data.store.bad[data.split][part.rows]
            out[start : start + len(part)][good] = found[good]
        return out

    def save(self, folder: Path, facts: dict[str, object], arrays: dict[str, NDArray[np.float32]]) -> None:
        """Write the head, with what else the learner needs to make its features anew."""
        head = {f"head_{k}": v for k, v in self.fitted.head.arrays().items()} if self.fitted else {}
        more: dict[str, object] = {}
        if self.fitted is not None:
            choice = self.fitted.choice
            more = {"with_odd": choice.with_odd, "weights": list(choice.weights), "rows": self.fitted.rows}
        save_state(folder, {**facts, **more}, {"shares": self.shares, **head, **arrays})

    def restore(self, folder: Path, features: tuple[Feature, ...]) -> None:
        """Read the head that `save` wrote; `features` are the ones it was fitted on."""
        facts, arrays = load_state(folder)
        self.shares = arrays["shares"]
        if "rows" in facts:
            ridge = RidgeHead(**{k.removeprefix("head_"): v for k, v in arrays.items() if k.startswith("head_")})
            choice = Choice(bool(facts["with_odd"]), tuple(facts["weights"]))
            self.fitted = Fitted(features, ridge, choice, int(facts["rows"]))
