"""A small residual network learned from nothing but the set's own images, of any number of channels."""

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.base import Examples
from autodl_agent.learners.image.config import ScratchImageConfig
from autodl_agent.learners.image.mirror_check import mirroring_is_harmless
from autodl_agent.learners.image.quick import original_side_px
from autodl_agent.learners.image.resnet_model import build
from autodl_agent.learners.networks.adapter import Arrays, InputAdapter, PredictionInputs, TrainingInputs
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import decoded, good_rows, growing_sample
from autodl_agent.learners.networks.device import device
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.learner import network_learner
from autodl_agent.learners.networks.output_layer import targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.vision.augment import augmented
from autodl_agent.learners.vision.features import image_recipe
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
SCALE_ROWS = 512  # images that the mean and spread of every channel are taken from


@dataclass(frozen=True)
class InputNormalisation:
    """How images come to the network.

    side_px: of the square. stride: of the network's first layer. mean, spread: (channels,). flip: whether mirroring is
    harmless.
    """

    side_px: int
    stride: int
    mean: Floats
    spread: Floats
    flip: bool

    def standardised(self, images: NDArray[np.uint8]) -> Floats:
        """(n, side, side, channels) of about zero mean and unit spread."""
        return np.asarray((images - self.mean) / self.spread, np.float32)


@final
class PixelInputs(InputAdapter[InputNormalisation]):
    """Small standardised images, augmented anew in every epoch."""

    config = ScratchImageConfig()

    def first_spec(self, data: Examples, deadline: Deadline) -> InputNormalisation:
        """Side by the originals' size, scale by the images, mirroring by what left-out rows say of a linear model."""
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

    def sample(self, data: Examples, spec: InputNormalisation, first: bool, deadline: Deadline) -> Examples:
        """A balanced sample at first, all that the store can keep afterwards."""
        recipe = image_recipe(self.task, spec.side_px)
        return growing_sample(data, recipe, self.config, first, self.seed, deadline)

    def training(
        self, sample: Examples, spec: InputNormalisation, network: Network, deadline: Deadline
    ) -> TrainingInputs:
        """Augmentation gains strength with the passes over the sample."""
        images, labels = sample.array(image_recipe(self.task, spec.side_px), deadline), sample.labels
        softmax, smoothing = not self.task.multilabel, self.config.training.smoothing
        strength = network.samples / len(sample) / self.config.full_augmentation_passes
        augmentation = replace(self.config.augmentation.eased(strength), flip=spec.flip)

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            wanted = targets(labels[positions], softmax, smoothing)
            return augmented(spec.standardised(images[positions]), wanted, augmentation, rng)

        return TrainingInputs(labels, make)

    def prediction(self, data: Examples, spec: InputNormalisation) -> PredictionInputs:
        """Images as they are."""
        recipe = image_recipe(self.task, spec.side_px)
        data.array(recipe)
        good = good_rows(data)
        return PredictionInputs(good, lambda positions: spec.standardised(data.take(good[positions]).array(recipe)))

    def blueprint(self, spec: InputNormalisation) -> Blueprint:
        """A residual network, see `resnet_model`."""
        facts = {
            "side": spec.side_px,
            "channels": len(spec.mean),
            "classes": self.task.n_classes,
            "widths": list(self.config.widths),
            "stride": spec.stride,
            "dropout": self.config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, self.config.training)

    def state(self, spec: InputNormalisation) -> tuple[dict[str, Any], Arrays]:
        """The normalisation."""
        facts = {"side_px": spec.side_px, "stride": spec.stride, "flip": spec.flip}
        return facts, {"mean": spec.mean, "spread": spec.spread}

    def restored(self, facts: dict[str, Any], arrays: Arrays) -> InputNormalisation:
        """The inverse of `state`."""
        side_px, stride, flip = int(facts["side_px"]), int(facts["stride"]), bool(facts["flip"])
        return InputNormalisation(side_px, stride, arrays["mean"], arrays["spread"], flip)


ScratchImage = network_learner(
    "ScratchImage",
    __name__,
    PixelInputs,
    "Grows in samples seen; the first increment is a few epochs on a balanced sample.",
)
