"""A (2+1)D network that starts from pretrained pictures, trained on clips: for machines with an accelerator."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.heads.ridge import fit_ridge
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import completed, decoded, good_rows, reserve_prediction_time
from autodl_agent.learners.networks.device import device
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.output_layer import mixed, targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.prior import class_priors
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.video.config import FactoredConfig
from autodl_agent.learners.video.frame_sequence import frames_recipe
from autodl_agent.learners.video.r2plus1d_model import build
from autodl_agent.learners.vision.augment import recoloured, warped
from autodl_agent.learners.vision.frozen_features import normalised
from autodl_agent.learners.vision.frozen_head import compute
from autodl_agent.pretrained.models.efficientnet_keras import rank
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]


@final
class FactoredVideo(Learner):
    """Starts from a linear head on the mean of the frames' frozen features; opens layers and adds clips as it goes."""

    helpers = ("_network",)

    config = FactoredConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.shares = class_priors(task)
        self._network: Network | None = None

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment; False without an accelerator. Raises OutOfTimeError, MissingWeightsError; its state stays."""
        if self.config.needs_gpu and not device().accelerators:
            return False
        if not len(data) or self.task.n_classes == 0:
            return False
        row_s = self._network.row_s if self._network else 0.0
        deadline = reserve_prediction_time(data, deadline, row_s, held_out=True)
        recipe = self._recipe()
        sample = decoded(self._sample(data, recipe), recipe, deadline)
        if not len(sample):
            return False
        compute(data.store, "test", recipe, np.arange(len(data.store.split("test"))), deadline)
        network = self._network or Network(self._blueprint(), self.seed, self._head(sample, deadline))
        make = partial(self._batch, sample, targets(sample.labels, not self.task.multilabel, self._smoothing))
        more = network.increment(sample.labels, make, deadline)
        self._network = network
        self.shares = ((sample.labels.sum(0) + 0.5) / (len(sample) + 1)).astype(np.float32)
        return more or len(sample) < len(data.readable())

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; clips that cannot be read get the class shares."""
        network = self._network
        if network is None or network.shown is None or not len(data):
            return np.tile(self.shares, (len(data), 1))
        recipe = self._recipe()
        compute(data.store, data.split, recipe, data.rows, data.store.end)
        good = good_rows(data)
        seen = data.take(good)
        found = network.predict(len(good), lambda positions: self._clips(seen, positions), data.store.end.now)
        return completed(data, self.shares, good, found if len(good) else self.shares[None][:0])

    def save(self, folder: Path) -> None:
        """Write all weights of the network, and the shares."""
        arrays = {} if self._network is None else self._network.arrays()
        save_state(folder, {"fitted": self._network is not None}, {"shares": self.shares, **arrays})

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`; fitted again, it starts afresh."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner.shares = arrays["shares"]
        if facts["fitted"]:
            learner._network = Network(learner._blueprint(), task.seed)
            learner._network.restore(arrays)
        return learner

    @property
    def _smoothing(self) -> float:
        return self.config.training.smoothing

    def _recipe(self) -> Recipe:
        """Pixels of a clip, kept."""
        pixels = frames_recipe(self.task, self.config.network, self.config.clip).source
        assert pixels is not None  # features of frames come from their pixels
        return replace(pixels, key=f"{pixels.key}/kept", keep=True)

    def _sample(self, data: Examples, recipe: Recipe) -> Examples:
        """A balanced sample at first, all that the store can keep afterwards."""
        config = self.config
        most = min(config.most_rows, data.store.affordable_rows(data.split, recipe))
        if self._network is None:
            most = min(most, config.first_rows + config.classes_rows * self.task.n_classes)
        return data.sample(most, self.seed)

    def _head(self, sample: Examples, deadline: Deadline) -> dict[str, Floats]:
        """First weights of the last layer: ridge regression on the mean of the frames' untouched features."""
        if len(sample) < self.config.least_head_rows:
            return {}
        some = sample.sample(self.config.head_rows, self.seed)
        features = some.array(frames_recipe(self.task, self.config.network, self.config.clip), deadline)
        return fit_ridge(features.astype(np.float32).mean(1), some.labels).last_layer()

    def _batch(self, sample: Examples, wanted: Floats, positions: Positions, rng: np.random.Generator) -> Batch:
        """Clips changed alike in all their frames, and perhaps mixed in pairs; never mirrored: sides may be classes."""
        clips = self._clips(sample, positions)
        n, frames, rows, columns, colours = clips.shape
        sheets = clips.transpose(0, 2, 3, 1, 4).reshape(n, rows, columns, frames * colours)
        sheets = recoloured(
            warped(sheets, self.config.augmentation, rng), replace(self.config.augmentation, tint=0.0), rng
        )
        clips = sheets.reshape(n, rows, columns, frames, colours).transpose(0, 3, 1, 2, 4)
        if rng.random() < self.config.augmentation.mix:
            return mixed(np.ascontiguousarray(clips), wanted[positions], self.config.mix_strength, rng)
        return np.ascontiguousarray(clips), wanted[positions]

    def _clips(self, data: Examples, positions: Positions) -> Floats:
        return normalised(data.take(positions).array(self._recipe()))

    def _blueprint(self) -> Blueprint:
        clip = self.config.clip
        facts = {
            "network": self.config.network,
            "shape": [clip.frames, clip.side_px, clip.side_px, 3],
            "classes": self.task.n_classes,
            "dropout": self.config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, self.config.training, rank)
