"""Quick image learners: gradients and colours, then convolutional features without labels, under linear heads."""

from dataclasses import asdict
from pathlib import Path
from typing import Self, final

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.image.config import BankConfig, PatchImageConfig, QuickImageConfig
from autodl_agent.learners.image.patches import Bank, bank_of, patch_feature
from autodl_agent.learners.serialization import load_state
from autodl_agent.learners.vision.features import Feature, colour_feature, gradient_feature
from autodl_agent.learners.vision.staged_head import Growth, StagedHead
from autodl_agent.system.clock import Deadline
from data_format.errors import Unreadable

PEEKED_ROWS = 15  # images whose headers tell how large the originals are


@final
class QuickImage(Learner):
    """Gradient histograms, colour pixels and colour histogram under a ridge head; more rows, then more pixels."""

    helpers = ("_staged",)

    config = QuickImageConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self._staged = StagedHead(task, seed, _growth(self.config))
        self._joined = False

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One more stage: sample, larger samples, all rows, larger pictures joined."""
        if not len(data):
            return False
        small, both = self._features(False), self._features(True)
        done = self._staged.fitted
        large = original_side_px(data.store) > 1.25 * self.config.side_px
        if done is None or done.rows < self._staged.rows_for(data, small) and not self._joined:
            self._staged.advance(data, small, self._staged.next_rows(data, small), deadline)
        elif large and not self._joined:
            self._staged.advance(data, both, self._staged.rows_for(data, both), deadline)
            self._joined = True
        done = self._staged.fitted
        return done is not None and not self._joined and (large or done.rows < self._staged.rows_for(data, small))

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities."""
        return self._staged.predict(data)

    def save(self, folder: Path) -> None:
        """Write the head; the features are made by code alone."""
        self._staged.save(folder, {"joined": self._joined}, {})

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`."""
        learner = cls(task, task.seed)
        learner._joined = bool(load_state(folder)[0]["joined"])
        learner._staged.restore(folder, learner._features(learner._joined))
        return learner

    def _features(self, large: bool) -> tuple[Feature, ...]:
        return base_features(self.task, self.config, large)


@final
class PatchImage(Learner):
    """Whitened patches of the images as convolution filters, joined with `QuickImage`'s features; banks are added."""

    helpers = ("_staged",)

    config = PatchImageConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self._staged = StagedHead(task, seed, _growth(self.config))
        self._banks: tuple[Bank, ...] = ()

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One more stage: first bank on a sample, on all rows, then one more bank each time."""
        if not len(data):
            return False
        plan = self._plan(data)
        done, banks = self._staged.fitted, self._banks
        more_rows = done is not None and done.rows < self._staged.rows_for(data, done.features)
        if not more_rows:
            if len(banks) == len(plan):
                return False
            banks = (*banks, self._make(data.store, plan[len(banks)], len(banks), deadline))
        features = self._features(banks)
        self._staged.advance(data, features, self._staged.next_rows(data, features), deadline)
        self._banks = banks  # only now: an interrupted stage is begun again
        done = self._staged.fitted
        return done is not None and (len(banks) < len(plan) or done.rows < self._staged.rows_for(data, features))

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities."""
        return self._staged.predict(data)

    def save(self, folder: Path) -> None:
        """Write the head and the filters."""
        arrays = {f"filters_{i}": bank.filters for i, bank in enumerate(self._banks)}
        arrays |= {f"bias_{i}": bank.bias for i, bank in enumerate(self._banks)}
        self._staged.save(folder, {"banks": [asdict(bank.config) for bank in self._banks]}, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner._banks = tuple(
            Bank(BankConfig(**config), arrays[f"filters_{i}"], arrays[f"bias_{i}"])
            for i, config in enumerate(facts["banks"])
        )
        learner._staged.restore(folder, learner._features(learner._banks))
        return learner

    def _plan(self, data: Examples) -> tuple[BankConfig, ...]:
        """Banks that suit the originals and the number of rows: pixels that are not there are not asked for."""
        side = max(32.0, original_side_px(data.store))
        return tuple(bank for bank in self.config.banks if bank.side_px <= side and bank.least_rows <= len(data))

    def _make(self, store: TensorStore, config: BankConfig, index: int, deadline: Deadline) -> Bank:
        return bank_of(store, config, index, (self.config.sample_rows, self.config.sample_patches), deadline)

    def _features(self, banks: tuple[Bank, ...]) -> tuple[Feature, ...]:
        return (*base_features(self.task, QuickImage.config, False), *(patch_feature(self.task, b) for b in banks))


def base_features(task: Task, config: QuickImageConfig, large: bool) -> tuple[Feature, ...]:
    """Gradients and colours of small pictures, and where `large` of larger ones too."""
    sides = (config.side_px, config.large_px) if large else (config.side_px,)
    return tuple(make(task, side) for side in sides for make in (gradient_feature, colour_feature))


def original_side_px(store: TensorStore) -> float:
    """Median of the longer sides of a few training images, from their headers; 0 where none can be read."""
    return store.kept("train", "original_side_px", lambda: _peek(store))


def _peek(store: TensorStore) -> float:
    from data_format.media.images import image_size

    source, sides = store.split("train").source, []
    for row in np.linspace(0, len(source) - 1, min(PEEKED_ROWS, len(source))).astype(int):
        try:
            sides.append(max(image_size(source.example(int(row)))[:2]))
        except Unreadable:
            continue  # the row is counted when it is decoded
    return float(np.median(sides)) if sides else 0.0


def _growth(config: QuickImageConfig | PatchImageConfig) -> Growth:
    return Growth(config.first_rows, config.classes_rows, config.most_first_rows, config.row_growth)
