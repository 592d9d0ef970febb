"""EfficientNet-Lite trained on: from its last blocks downwards on cached maps, at full depth where there is a GPU."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples
from autodl_agent.learners.image.config import TunedImageConfig
from autodl_agent.learners.image.finetuned_model import build
from autodl_agent.learners.image.mirror_check import mirroring_is_harmless
from autodl_agent.learners.image.quick import original_side_px
from autodl_agent.learners.networks.adapter import Arrays, InputAdapter, PredictionInputs, TrainingInputs
from autodl_agent.learners.networks.batches import Batch, MakeBatch, Positions
from autodl_agent.learners.networks.common import good_rows, growing_sample, ridge_head
from autodl_agent.learners.networks.device import device
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.learner import network_learner
from autodl_agent.learners.networks.output_layer import targets
from autodl_agent.learners.networks.trainer import Network
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

    side_px: of the view. aspect: usual rows / columns. cut: number of the first trained block, 0 for images.
    flip: whether mirroring is harmless.
    """

    side_px: int
    aspect: float
    cut: int
    flip: bool


@final
class FinetunedInputs(InputAdapter[InputSpec]):
    """Maps that the frozen blocks make of images, or the images where all blocks are trained."""

    config = TunedImageConfig()
    slow_prediction = True

    def first_spec(self, data: Examples, deadline: Deadline) -> InputSpec:
        """Side by the originals' size and the device, mirroring by what left-out rows say."""
        config, accelerated = self.config, device().accelerators > 0
        large = original_side_px(data.store) > config.large_from_px
        side = (config.accelerated_px if accelerated else (config.small_px, config.large_px))[large]
        flip = mirroring_is_harmless(data, config.least_flip_rows, self.seed, deadline)
        return InputSpec(side, usual_aspect(data.store), 0 if accelerated else config.cut, flip)

    def sample(self, data: Examples, spec: InputSpec, first: bool, deadline: Deadline) -> Examples:
        """A balanced sample at first, all that the store can keep afterwards; with the maps of the test rows."""
        recipe = self.recipe(spec)
        sample = growing_sample(data, recipe, self.config, first, self.seed, deadline)
        if len(sample):
            compute(data.store, "test", recipe, np.arange(len(data.store.split("test"))), deadline)
        return sample

    def first_weights(self, sample: Examples, spec: InputSpec, deadline: Deadline) -> dict[str, Floats]:
        """A ridge head on the features of the untouched network."""
        recipe = view_recipe(self.task, self.view(spec), spec.aspect)
        return ridge_head(sample, self.config, self.seed, lambda some: some.array(recipe, deadline))

    def training(self, sample: Examples, spec: InputSpec, network: Network, deadline: Deadline) -> TrainingInputs:
        """Maps are mirrored and mixed in pairs, images augmented."""
        mirrored = self.mirrored(sample, spec, network.increments, deadline)
        return TrainingInputs(sample.labels, self._maker(sample, spec, mirrored))

    def prediction(self, data: Examples, spec: InputSpec) -> PredictionInputs:
        """Maps or images as they are."""
        recipe = self.recipe(spec)
        compute(data.store, data.split, recipe, data.rows, data.store.end)
        good = good_rows(data)
        return PredictionInputs(good, partial(_inputs, data.take(good), recipe))

    def blueprint(self, spec: InputSpec) -> Blueprint:
        """The network from the cut on."""
        facts = {
            "network": self.config.network,
            "cut": spec.cut,
            "shape": list(self.recipe(spec).shape),
            "classes": self.task.n_classes,
            "dropout": self.config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, self.config.training, rank)

    def state(self, spec: InputSpec) -> tuple[dict[str, Any], Arrays]:
        """The spec's fields."""
        return dict(vars(spec)), {}

    def restored(self, facts: dict[str, Any], arrays: Arrays) -> InputSpec:
        """The inverse of `state`."""
        return InputSpec(**facts)

    def view(self, spec: InputSpec, mirrored: bool = False) -> ViewConfig:
        """How images are seen by the network."""
        return ViewConfig(self.config.network, spec.side_px, mirrored=mirrored)

    def recipe(self, spec: InputSpec, mirrored: bool = False) -> Recipe:
        """Maps before the cut, or pixels."""
        view = self.view(spec, mirrored)
        if spec.cut:
            return map_recipe(self.task, view, spec.aspect, spec.cut)
        return pixel_recipe(self.task, view, spec.aspect, keep=True)

    def mirrored(self, sample: Examples, spec: InputSpec, increments: int, deadline: Deadline) -> Recipe | None:
        """Mirrored maps of the sample, where there is time and room for them; images need none."""
        if not spec.flip or not spec.cut or increments < self.config.mirrored_from:
            return None
        recipe = self.recipe(spec, mirrored=True)
        if sample.store.affordable_rows(sample.split, recipe) < len(sample):
            return None
        compute(sample.store, sample.split, recipe, sample.rows, deadline)
        return recipe

    def _maker(self, sample: Examples, spec: InputSpec, mirrored: Recipe | None) -> MakeBatch:
        recipe, config, labels = self.recipe(spec), self.config, sample.labels
        softmax, smoothing = not self.task.multilabel, config.training.smoothing
        augmentation = replace(config.augmentation, flip=spec.flip)

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            wanted = targets(labels[positions], softmax, smoothing)
            inputs = _inputs(sample, recipe, positions)
            if not spec.cut:
                return augmented(inputs, wanted, augmentation, rng)
            if mirrored is not None:
                turned = rng.random(len(positions)) < 0.5
                inputs[turned] = _inputs(sample, mirrored, positions[turned])
            return cut_mixed(inputs, wanted, rng) if rng.random() < config.mix else (inputs, wanted)

        return make


TunedImage = network_learner(
    "TunedImage",
    __name__,
    FinetunedInputs,
    "Starts from a linear head on the frozen features; further blocks are opened and rows added as it goes.",
)


def _inputs(data: Examples, recipe: Recipe, positions: Positions) -> Floats:
    """(n, *recipe.shape): maps as they are, images normalised."""
    found = data.take(positions).array(recipe)
    return normalised(found) if found.dtype == np.uint8 else found.astype(np.float32)
