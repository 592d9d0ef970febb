"""A (2+1)D network that starts from an image network's weights, trained on clips: for machines with an accelerator."""

from dataclasses import replace
from functools import partial
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples
from autodl_agent.learners.networks.adapter import Arrays, InputAdapter, PredictionInputs, TrainingInputs
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import good_rows, growing_sample, ridge_head
from autodl_agent.learners.networks.device import device
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.learner import network_learner
from autodl_agent.learners.networks.output_layer import mixed, targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.video.config import ClipConfig, FactoredConfig
from autodl_agent.learners.video.frame_sequence import frames_recipe
from autodl_agent.learners.video.r2plus1d_model import build
from autodl_agent.learners.vision.augment import recoloured, warped
from autodl_agent.learners.vision.frozen_features import normalised
from autodl_agent.learners.vision.frozen_head import compute
from autodl_agent.pretrained.models.efficientnet_keras import rank
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]


@final
class ClipInputs(InputAdapter[ClipConfig]):
    """Normalised pixels of all frames of a sampling, which the configuration gives."""

    config = FactoredConfig()
    slow_prediction = True

    def usable(self, data: Examples) -> Examples | None:
        """None without an accelerator."""
        return data if device().accelerators or not self.config.needs_gpu else None

    def first_spec(self, data: Examples, deadline: Deadline) -> ClipConfig:
        """The one of the configuration."""
        return self.config.clip

    def sample(self, data: Examples, spec: ClipConfig, first: bool, deadline: Deadline) -> Examples:
        """A balanced sample at first, all that the store can keep afterwards; with the pixels of the test rows."""
        recipe = self.recipe(spec)
        sample = growing_sample(data, recipe, self.config, first, self.seed, deadline)
        if len(sample):
            compute(data.store, "test", recipe, np.arange(len(data.store.split("test"))), deadline)
        return sample

    def first_weights(self, sample: Examples, spec: ClipConfig, deadline: Deadline) -> dict[str, Floats]:
        """A ridge head on the mean of the frames' untouched features."""
        recipe = frames_recipe(self.task, self.config.network, spec)
        features = lambda some: some.array(recipe, deadline).astype(np.float32).mean(1)  # noqa: E731
        return ridge_head(sample, self.config, self.seed, features)

    def training(self, sample: Examples, spec: ClipConfig, network: Network, deadline: Deadline) -> TrainingInputs:
        """Augmented clips, some of them mixed in pairs."""
        wanted = targets(sample.labels, not self.task.multilabel, self.config.training.smoothing)
        recipe = self.recipe(spec)

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            return self.augmented(_clips(sample, recipe, positions), wanted[positions], rng)

        return TrainingInputs(sample.labels, make)

    def prediction(self, data: Examples, spec: ClipConfig) -> PredictionInputs:
        """Clips as they are."""
        recipe = self.recipe(spec)
        compute(data.store, data.split, recipe, data.rows, data.store.end)
        good = good_rows(data)
        return PredictionInputs(good, partial(_clips, data.take(good), recipe))

    def blueprint(self, spec: ClipConfig) -> Blueprint:
        """The image network with branches over time, see `r2plus1d_model`."""
        facts = {
            "network": self.config.network,
            "shape": [spec.frames, spec.side_px, spec.side_px, 3],
            "classes": self.task.n_classes,
            "dropout": self.config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, self.config.training, rank)

    def state(self, spec: ClipConfig) -> tuple[dict[str, Any], Arrays]:
        """Nothing but that there is a network."""
        return {"fitted": True}, {}

    def restored(self, facts: dict[str, Any], arrays: Arrays) -> ClipConfig:
        """The sampling of the configuration."""
        return self.config.clip

    def recipe(self, clip: ClipConfig) -> Recipe:
        """Pixels of a clip, kept."""
        pixels = frames_recipe(self.task, self.config.network, clip).source
        assert pixels is not None  # features of frames come from their pixels
        return replace(pixels, key=f"{pixels.key}/kept", keep=True)

    def augmented(self, clips: Floats, wanted: Floats, rng: np.random.Generator) -> Batch:
        """Clips changed alike in all their frames, and perhaps mixed in pairs; never mirrored: sides may be classes."""
        n, frames, rows, columns, colours = clips.shape
        sheets = clips.transpose(0, 2, 3, 1, 4).reshape(n, rows, columns, frames * colours)
        sheets = recoloured(
            warped(sheets, self.config.augmentation, rng), replace(self.config.augmentation, tint=0.0), rng
        )
        clips = np.ascontiguousarray(sheets.reshape(n, rows, columns, frames, colours).transpose(0, 3, 1, 2, 4))
        if rng.random() < self.config.augmentation.mix:
            return mixed(clips, wanted, self.config.mix_strength, rng)
        return clips, wanted


FactoredVideo = network_learner(
    "FactoredVideo",
    __name__,
    ClipInputs,
    "Starts from a linear head on the mean of the frames' frozen features; opens layers and adds clips as it goes.",
)


def _clips(data: Examples, recipe: Recipe, positions: Positions) -> Floats:
    return normalised(data.take(positions).array(recipe))
