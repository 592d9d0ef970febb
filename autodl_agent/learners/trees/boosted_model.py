"""One boosted model from its first round to early stopping, within deadlines; finished, it is a frozen `Forest`."""

from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.trees.config import BoostSettings
from autodl_agent.learners.trees.lightgbm_booster import GrowingBooster, TreeSettings, raw_margins
from autodl_agent.scoring.fast_auc import fast_aucs
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
NOISE = 2e-4  # of a mean AUC
LEAST_GAIN = 1e-6  # of a mean AUC, for which a model may go on growing
_numbers = count()


@dataclass(frozen=True)
class Forest:
    """booster: LightGBM's; start: (classes,) added to its raw scores; rounds in use; merit: held-out AUC or 0.

    frozen: the text of those rounds, taken while the booster may still grow in another thread; "" to take it on demand.
    weight: its say among the forests. number: its own in this process, under which its margins are remembered.
    """

    booster: Any
    start: Floats
    rounds: int
    auc: float
    frozen: str = ""
    weight: float = 1.0
    number: int = field(default_factory=lambda: next(_numbers))

    def text(self) -> str:
        """LightGBM's own text format of the rounds in use."""
        return self.frozen or str(self.booster.model_to_string(num_iteration=self.rounds))

    def save(self, path: Path) -> None:
        """Write that text; LightGBM itself does so in half the time that it takes by way of a string."""
        if self.frozen or not str(path).isascii():
            path.write_text(self.text(), encoding="utf-8")
        else:
            self.booster.save_model(str(path), num_iteration=self.rounds)

    def margins(self, x: Floats) -> Floats:
        """(n, classes) log-odds (for a single-label task: softmax scores)."""
        return raw_margins(self.booster, x, 0, self.rounds) + self.start


def tree_settings(n: int, columns: int, rarest: int, classes: int, number: int, seed: int) -> TreeSettings:
    """Settings for n rows; rarest: positives of the rarest class; number: of the model.

    Models after the first take half steps, unless many classes make every round dear. Small tables get small trees and
    slow steps; a leaf may be as small as half of the rarest class.
    """
    small = n < 5_000
    leaves = 31 if not small else max(4, min(15, n // 40))
    min_rows = max(1, min(20, n // 60, max(1, rarest // 2)))
    return TreeSettings(
        learning_rate=0.05 if small or (number and classes <= 10) else 0.1,
        leaves=leaves,
        min_rows=min_rows,
        column_share=min(0.5 if columns > 8 else 0.8, max(0.05, 1_000 / columns)),
        row_share=0.8 if small else 1.0,
        l2=1.0,
        seed=seed + 101 * number,
    )


def varied(settings: TreeSettings, seed: int, near: bool) -> TreeSettings:
    """Settings drawn around these: all of them, or (near) about a third."""
    rng = np.random.default_rng([seed, 7])
    drawn = {
        "leaves": int(np.clip(round(settings.leaves * rng.choice((0.25, 0.5, 1.0, 2.0))), 4, 255)),
        "min_rows": int(np.clip(round(settings.min_rows * rng.choice((0.5, 1.0, 2.5, 5.0))), 1, 500)),
        "column_share": float(np.clip(settings.column_share * rng.choice((0.4, 0.7, 1.0, 1.4)), 0.02, 1.0)),
        "row_share": float(rng.choice((0.6, 0.8, 1.0))),
        "l2": float(rng.choice((0.1, 1.0, 10.0))),
        "level_smooth": float(rng.choice((10.0, 50.0))),
    }
    changed: dict[str, Any] = {k: v for k, v in drawn.items() if not near or rng.random() < 0.35}
    return replace(settings, seed=seed, **changed)


def chosen_weights(margins: list[Floats], labels: Floats) -> list[float]:
    """(models,) 0 or 1: the largest number of best models whose mean ranks held-out rows about as well as any fewer.

    What averaging more models gains on new rows, a few thousand held-out rows cannot tell from nothing.
    """
    aucs = [_merit(margin, labels) for margin in margins]
    order = np.argsort(np.negative(aucs), kind="stable").tolist()
    total, means = np.zeros_like(margins[0]), []
    for place in order:
        total = total + margins[place]
        means.append(_merit(total, labels))
    most = max(k for k, mean in enumerate(means) if mean >= max(means) - NOISE)
    return [float(place in order[: most + 1]) for place in range(len(margins))]


def _merit(margins: Floats, labels: Floats) -> float:
    return float(np.nanmean(fast_aucs(margins, labels)))


class Run:
    """A model under training.

    held_x, held_y: held-out rows (possibly none) and their labels; without a merit from them, rounds are fixed.
    limit: most rounds. tuned: LightGBM's settings.
    """

    def __init__(
        self,
        grower: GrowingBooster,
        held_x: Floats,
        held_y: Floats,
        settings: BoostSettings,
        limit: int,
        tuned: TreeSettings,
    ) -> None:
        self.grower, self.held_x, self.held_y, self.settings, self.limit = grower, held_x, held_y, settings, limit
        self.tuned = tuned
        self.held = np.zeros(held_y.shape, np.float32) + grower.start
        self.best_held = self.held
        self.seen = self.best_rounds = 0
        self.auc, self.loss = 0.0, np.inf
        self.round_s = 0.0
        positives = (held_y > 0.5).sum(0)
        self.blind = not ((positives > 0) & (positives < len(held_y))).any() or positives.sum() < 3

    @property
    def finished(self) -> bool:
        """Whether more rounds would not help."""
        rounds, settings = self.grower.rounds, self.settings
        if self.grower.stuck or rounds >= (settings.blind_rounds if self.blind else self.limit):
            return True
        return not self.blind and self.seen - self.best_rounds >= max(settings.patience_rounds, rounds // 5)

    def grow(self, rounds: int, deadline: Deadline) -> None:
        """At most `rounds` more rounds (one at least), none that the deadline would cut."""
        for number in range(rounds):
            if self.finished or (number and deadline.remaining() < 1.5 * self.round_s):
                break
            before = deadline.now()
            self.grower.grow()
            if self.grower.rounds - self.seen >= max(1, min(10, self.seen // 8)):
                self._look()
            self.round_s = max(deadline.now() - before, 0.7 * self.round_s)
        self._look()

    def forest(self) -> Forest:
        """The model at its best round so far."""
        return Forest(self.grower.booster, self.grower.start, self.best_rounds or self.grower.rounds, self.auc)

    def _look(self) -> None:
        """Score the held-out rows with the rounds grown since the last look."""
        rounds = self.grower.rounds
        if rounds == self.seen:
            return
        if not self.blind:
            self.held += raw_margins(self.grower.booster, self.held_x, self.seen, rounds - self.seen)
            auc = float(np.nanmean(fast_aucs(self.held, self.held_y)))
            # Few held-out rows are soon ranked perfectly; the loss still tells rounds apart.
            loss = float(np.logaddexp(0, np.where(self.held_y > 0.5, -self.held, self.held)).mean())
            if auc > self.auc + LEAST_GAIN or (auc >= self.auc and loss < 0.999 * self.loss):
                self.auc, self.loss, self.best_rounds = auc, loss, rounds
                self.best_held = self.held.copy()
        self.seen = rounds


def fold_numbers(labels: Floats, folds: int, seed: int) -> NDArray[np.int64]:
    """(n,) fold of every row, each class spread evenly over the folds; a row counts for its rarest class."""
    n = len(labels)
    weight = (1 / np.maximum((labels > 0.5).sum(0), 1)).astype(np.float32)
    kind = np.full(n, -1)
    for at in range(0, n, 4096):  # in parts: the weighted labels of very many classes are large
        rarity = (labels[at : at + 4096] > 0.5) * weight
        kind[at : at + 4096] = np.where(rarity.max(1, initial=0) > 0, rarity.argmax(1), -1) if len(weight) else -1
    order = np.lexsort((np.random.default_rng(seed).random(n), kind))
    out = np.empty(n, np.int64)
    out[order] = np.arange(n) % folds
    return out
