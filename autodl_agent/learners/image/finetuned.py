"""EfficientNet-Lite trained on: from its last blocks downwards on cached maps, at full depth where there is a card."""

from dataclasses import dataclass, replace
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
from autodl_agent.learners.image.config import TunedImageConfig
from autodl_agent.learners.image.finetuned_model import build
from autodl_agent.learners.image.mirror_check import mirroring_is_harmless
from autodl_agent.learners.image.quick import original_side_px
from autodl_agent.learners.networks.batches import Batch, MakeBatch, Positions
from autodl_agent.learners.networks.common import completed, decoded, good_rows, reserve_prediction_time
from autodl_agent.learners.networks.device import device
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.output_layer import targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.prior import class_priors
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.vision.augment import augmented, cut_mixed
from autodl_agent.learners.vision.config import ViewConfig
from autodl_agent.learners.vision.frozen_features import map_recipe, normalised, pixel_recipe, usual_aspect, view_recipe
from autodl_agent.learners.vision.frozen_head import compute
from autodl_agent.pretrained.models.efficientnet_keras import rank
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class InputSpec:
    """What the trained layers are given.

    side_px: of the view. aspect: usual rows / columns. cut: number of the first trained block, 0 for pictures.
    flip: whether mirroring is harmless.
    """

    side_px: int
    aspect: float
    cut: int
    flip: bool


@final
class TunedImage(Learner):
    """Starts from a linear head on the frozen features; further blocks are opened and rows added as it goes."""

    helpers = ("_network",)

    config = TunedImageConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.shares = class_priors(task)
        self._input: InputSpec | None = None
        self._network: Network | None = None

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment. Raises OutOfTimeError; what was known before then stands."""
        if not len(data) or self.task.n_classes == 0:
            return False
        row_s = self._network.row_s if self._network else 0.0
        deadline = reserve_prediction_time(data, deadline, row_s, held_out=True)
        input_spec = self._input = self._input or self._look(data, deadline)
        recipe = self._recipe(input_spec)
        sample = decoded(self._sample(data, recipe), recipe, deadline)
        if not len(sample):
            return False
        compute(data.store, "test", recipe, np.arange(len(data.store.split("test"))), deadline)
        network = self._network or Network(
            self._blueprint(input_spec), self.seed, self._head(sample, input_spec, deadline)
        )
        make = self._maker(sample, input_spec, self._mirrored(sample, input_spec, network.increments, deadline))
        more = network.increment(sample.labels, make, deadline)
        self._network = network
        self.shares = ((sample.labels.sum(0) + 0.5) / (len(sample) + 1)).astype(np.float32)
        return more or len(sample) < len(data.readable())

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; pictures that cannot be read get the class shares."""
        input_spec, network = self._input, self._network
        if input_spec is None or network is None or network.shown is None or not len(data):
            return np.tile(self.shares, (len(data), 1))
        recipe = self._recipe(input_spec)
        compute(data.store, data.split, recipe, data.rows, data.store.end)
        good = good_rows(data)
        make = partial(_inputs, data.take(good), recipe)
        found = network.predict(len(good), make, data.store.end.now) if len(good) else self.shares[None][:0]
        return completed(data, self.shares, good, found)

    def save(self, folder: Path) -> None:
        """Write the trained weights; the frozen ones are looked up after `load` as in this run."""
        facts: dict[str, object] = {}
        arrays: dict[str, NDArray[np.float32]] = {"shares": self.shares}
        if self._input is not None and self._network is not None:
            facts, arrays = vars(self._input), arrays | self._network.arrays()
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`; fitted again, it starts afresh from what it sees."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner.shares = arrays["shares"]
        if facts:
            learner._input = InputSpec(**facts)
            learner._network = Network(learner._blueprint(learner._input), task.seed)
            learner._network.restore(arrays)
        return learner

    def _look(self, data: Examples, deadline: Deadline) -> InputSpec:
        """Side by the originals' size and the device, mirroring by what left-out rows say."""
        config, card = self.config, device().accelerators > 0
        large = original_side_px(data.store) > config.large_from_px
        side = (config.accelerated_px if card else (config.small_px, config.large_px))[large]
        flip = mirroring_is_harmless(data, config.least_flip_rows, self.seed, deadline)
        return InputSpec(side, usual_aspect(data.store), 0 if card else config.cut, flip)

    def _sample(self, data: Examples, recipe: Recipe) -> Examples:
        """A balanced sample at first, all that the store can keep afterwards."""
        config = self.config
        most = min(config.most_rows, data.store.affordable_rows(data.split, recipe))
        if self._network is None:
            most = min(most, config.first_rows + config.classes_rows * self.task.n_classes)
        return data.sample(most, self.seed)

    def _head(self, sample: Examples, input_spec: InputSpec, deadline: Deadline) -> dict[str, Floats]:
        """First weights of the last layer: ridge regression on the features of the untouched network."""
        config = self.config
        if len(sample) < config.least_head_rows:
            return {}
        some = sample.sample(config.head_rows, self.seed)
        return fit_ridge(
            some.array(view_recipe(self.task, self._view(input_spec), input_spec.aspect), deadline), some.labels
        ).last_layer()

    def _mirrored(self, sample: Examples, input_spec: InputSpec, increments: int, deadline: Deadline) -> Recipe | None:
        """Mirrored maps of the sample, where there is time and room for them; pictures need none."""
        if not input_spec.flip or not input_spec.cut or increments < self.config.mirrored_from:
            return None
        recipe = self._recipe(input_spec, mirrored=True)
        if sample.store.affordable_rows(sample.split, recipe) < len(sample):
            return None
        compute(sample.store, sample.split, recipe, sample.rows, deadline)
        return recipe

    def _maker(self, sample: Examples, input_spec: InputSpec, mirrored: Recipe | None) -> MakeBatch:
        recipe, config, labels = self._recipe(input_spec), self.config, sample.labels
        softmax, smoothing = not self.task.multilabel, config.training.smoothing
        augmentation = replace(config.augmentation, flip=input_spec.flip)

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            wanted = targets(labels[positions], softmax, smoothing)
            inputs = _inputs(sample, recipe, positions)
            if not input_spec.cut:
                return augmented(inputs, wanted, augmentation, rng)
            if mirrored is not None:
                turned = rng.random(len(positions)) < 0.5
                inputs[turned] = _inputs(sample, mirrored, positions[turned])
            return cut_mixed(inputs, wanted, rng) if rng.random() < config.mix else (inputs, wanted)

        return make

    def _recipe(self, input_spec: InputSpec, mirrored: bool = False) -> Recipe:
        view = self._view(input_spec, mirrored)
        if input_spec.cut:
            return map_recipe(self.task, view, input_spec.aspect, input_spec.cut)
        return pixel_recipe(self.task, view, input_spec.aspect, keep=True)

    def _view(self, input_spec: InputSpec, mirrored: bool = False) -> ViewConfig:
        return ViewConfig(self.config.network, input_spec.side_px, mirrored=mirrored)

    def _blueprint(self, input_spec: InputSpec) -> Blueprint:
        facts = {
            "network": self.config.network,
            "cut": input_spec.cut,
            "shape": list(self._recipe(input_spec).shape),
            "classes": self.task.n_classes,
            "dropout": self.config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, self.config.training, rank)


def _inputs(data: Examples, recipe: Recipe, positions: Positions) -> Floats:
    """(n, *recipe.shape): maps as they are, pictures normalised."""
    found = data.take(positions).array(recipe)
    return normalised(found) if found.dtype == np.uint8 else found.astype(np.float32)
