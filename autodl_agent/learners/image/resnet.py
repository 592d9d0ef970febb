"""A small residual network learned from nothing but the set's own pictures, of any number of channels."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.image.config import ScratchImageConfig
from autodl_agent.learners.image.mirror_check import mirroring_is_harmless
from autodl_agent.learners.image.quick import original_side_px
from autodl_agent.learners.image.resnet_model import build
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import completed, decoded, good_rows, reserve_prediction_time
from autodl_agent.learners.networks.device import device
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.output_layer import targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.prior import class_priors
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.vision.augment import augmented
from autodl_agent.learners.vision.features import image_recipe
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
SCALE_ROWS = 512  # pictures that the mean and spread of every channel are taken from


@dataclass(frozen=True)
class InputNormalisation:
    """How pictures come to the network: side in pixels; mean and spread (channels,); whether mirroring is harmless."""

    side_px: int
    stride: int
    mean: Floats
    spread: Floats
    flip: bool

    def see(self, pictures: NDArray[np.uint8]) -> Floats:
        """(n, side, side, channels) of about zero mean and unit spread."""
        return np.asarray((pictures - self.mean) / self.spread, np.float32)


@final
class ScratchImage(Learner):
    """Grows in samples seen; the first increment is a few epochs on a balanced sample."""

    helpers = ("_network",)

    config = ScratchImageConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.shares = class_priors(task)
        self._inputs: InputNormalisation | None = None
        self._network: Network | None = None

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment. Raises OutOfTimeError; what was known before then stands."""
        if not len(data) or self.task.n_classes == 0:
            return False
        deadline = reserve_prediction_time(data, deadline, self._network.row_s if self._network else 0.0)
        inputs = self._inputs or self._look(data, deadline)
        recipe = image_recipe(self.task, inputs.side_px)
        sample = decoded(self._sample(data, recipe), recipe, deadline)
        if not len(sample):
            return False
        pictures, labels = sample.array(recipe, deadline), sample.labels
        softmax, training = not self.task.multilabel, self.config.training
        passes = self._network.samples / len(sample) if self._network else 0.0
        augmentation = replace(
            self.config.augmentation.eased(passes / self.config.full_augmentation_passes), flip=inputs.flip
        )

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            wanted = targets(labels[positions], softmax, training.smoothing)
            return augmented(inputs.see(pictures[positions]), wanted, augmentation, rng)

        network = self._network or Network(self._blueprint(inputs), self.seed)
        more = network.increment(labels, make, deadline)
        self._inputs, self._network = inputs, network
        self.shares = ((labels.sum(0) + 0.5) / (len(labels) + 1)).astype(np.float32)
        return more or len(sample) < len(data.readable())

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; pictures that cannot be read get the class shares."""
        inputs, network = self._inputs, self._network
        if inputs is None or network is None or network.shown is None or not len(data):
            return np.tile(self.shares, (len(data), 1))
        recipe = image_recipe(self.task, inputs.side_px)
        data.array(recipe)
        good = good_rows(data)

        def make(positions: Positions) -> Floats:
            return inputs.see(data.take(good[positions]).array(recipe))

        found = network.predict(len(good), make, data.store.end.now) if len(good) else self.shares[None][:0]
        return completed(data, self.shares, good, found)

    def save(self, folder: Path) -> None:
        """Write weights and how pictures are seen."""
        facts: dict[str, object] = {}
        arrays: dict[str, NDArray[np.float32]] = {"shares": self.shares}
        if self._inputs is not None and self._network is not None:
            facts = {"side_px": self._inputs.side_px, "stride": self._inputs.stride, "flip": self._inputs.flip}
            arrays |= {"mean": self._inputs.mean, "spread": self._inputs.spread, **self._network.arrays()}
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`; fitted again, it starts afresh from what it sees."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner.shares = arrays["shares"]
        if "side_px" in facts:
            learner._inputs = InputNormalisation(
                int(facts["side_px"]), int(facts["stride"]), arrays["mean"], arrays["spread"], bool(facts["flip"])
            )
            learner._network = Network(learner._blueprint(learner._inputs), task.seed)
            learner._network.restore(arrays)
        return learner

    def _sample(self, data: Examples, recipe: Recipe) -> Examples:
        """A balanced sample at first, all that the store can keep afterwards."""
        config = self.config
        most = min(config.most_rows, data.store.affordable_rows(data.split, recipe))
        if self._network is None:
            most = min(most, config.first_rows + config.classes_rows * self.task.n_classes)
        return data.sample(most, self.seed)

    def _look(self, data: Examples, deadline: Deadline) -> InputNormalisation:
        """Side by the originals' size, scale by the pictures, mirroring by what left-out rows say of a linear model."""
        config, original = self.config, original_side_px(data.store)
        side = min(max(round(original / 4) * 4, config.least_px), config.side_px)
        if original > config.large_from_px and device().accelerators:
            side = config.large_px
        stride = 1 if device().accelerators else 2
        recipe = image_recipe(self.task, side)
        some = decoded(data.sample(SCALE_ROWS, self.seed), recipe, deadline)
        values = some.array(recipe, deadline).reshape(-1, recipe.shape[2]).astype(np.float32)
        if not len(values):
            values = np.zeros((1, recipe.shape[2]), np.float32)
        flip = mirroring_is_harmless(data, config.least_flip_rows, self.seed, deadline)
        return InputNormalisation(side, stride, values.mean(0), np.maximum(values.std(0), 1.0), flip)

    def _blueprint(self, inputs: InputNormalisation) -> Blueprint:
        facts = {
            "side": inputs.side_px,
            "channels": len(inputs.mean),
            "classes": self.task.n_classes,
            "widths": list(self.config.widths),
            "stride": inputs.stride,
            "dropout": self.config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, self.config.training)
