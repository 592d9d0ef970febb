"""A network on log-mel spectrograms, learned from nothing but the set's own clips."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples
from autodl_agent.learners.networks.adapter import Arrays, InputAdapter, PredictionInputs, TrainingInputs
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import decoded, good_rows, growing_sample
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.learner import network_learner
from autodl_agent.learners.networks.output_layer import mixed, targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.speech.config import SoundNetworkConfig
from autodl_agent.learners.speech.mel_crops import (
    crop_frames,
    even_crops,
    masked,
    mel_recipe,
    random_crops,
    scale_of,
    usual_frames,
)
from autodl_agent.learners.speech.resnet_model import build
from autodl_agent.learners.speech.spectrum import BANDS, Floats
from autodl_agent.system.clock import Deadline

SCALE_ROWS = 256  # clips that the bands' mean and spread are taken from


@dataclass(frozen=True)
class InputNormalisation:
    """How clips come to the network: frames stored of a clip, frames of a crop; mean and spread (BANDS,)."""

    frames: int
    crop: int
    mean: Floats
    spread: Floats

    def standardised(self, crops: Floats) -> Floats:
        """Crops of about zero mean and unit spread."""
        return np.asarray((crops - self.mean) / self.spread, np.float32)


@final
class MelInputs(InputAdapter[InputNormalisation]):
    """Random crops for training, evenly spaced ones for predictions."""

    config = SoundNetworkConfig()

    def first_spec(self, data: Examples, deadline: Deadline) -> InputNormalisation:
        """Lengths by the usual clip, scale by a few clips."""
        frames = usual_frames(data.store, self.config.most_s)
        recipe = mel_recipe(frames, self.task.value_range)
        some = decoded(data.sample(SCALE_ROWS, self.seed), recipe, deadline)
        return InputNormalisation(frames, crop_frames(frames, self.config), *scale_of(some.array(recipe, deadline)))

    def sample(self, data: Examples, spec: InputNormalisation, first: bool, deadline: Deadline) -> Examples:
        """A balanced sample at first, all that the store can keep afterwards."""
        recipe = self._recipe(spec)
        return growing_sample(data, recipe, self.config, first, self.seed, deadline)

    def training(
        self, sample: Examples, spec: InputNormalisation, network: Network, deadline: Deadline
    ) -> TrainingInputs:
        """Masks and mixtures gain strength with the passes over the sample."""
        clips, labels, config = sample.array(self._recipe(spec), deadline), sample.labels, self.config
        wanted = targets(labels, not self.task.multilabel, config.training.smoothing)
        strength = min(1.0, network.samples / len(sample) / config.full_mask_passes)

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            crops = spec.standardised(random_crops(clips[positions], spec.crop, config, rng))
            crops = masked(crops, config, strength, rng)
            if rng.random() < config.mix * strength:
                return mixed(crops, wanted[positions], config.mix_strength, rng)
            return crops, wanted[positions]

        return TrainingInputs(labels, make)

    def prediction(self, data: Examples, spec: InputNormalisation) -> PredictionInputs:
        """As many crops of every clip as cover the usual one."""
        recipe = self._recipe(spec)
        data.array(recipe)
        good = good_rows(data)
        count = int(np.clip(-(-spec.frames // spec.crop), 1, self.config.most_crops))

        def make(places: Positions) -> Floats:
            clips = data.take(good[places // count]).array(recipe)
            crops = even_crops(clips, spec.crop, count)[np.arange(len(places)), places % count]
            return spec.standardised(crops)

        return PredictionInputs(good, make, np.full(len(good), count))

    def blueprint(self, spec: InputNormalisation) -> Blueprint:
        """A residual network, see `resnet_model`."""
        facts = {
            "frames": spec.crop,
            "bands": BANDS,
            "classes": self.task.n_classes,
            "widths": list(self.config.widths),
            "time_step": 2 if spec.crop <= self.config.fine_frames else 4,
            "dense": self.config.dense,
            "dropout": self.config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, self.config.training)

    def state(self, spec: InputNormalisation) -> tuple[dict[str, Any], Arrays]:
        """The normalisation."""
        return {"frames": spec.frames, "crop": spec.crop}, {"mean": spec.mean, "spread": spec.spread}

    def restored(self, facts: dict[str, Any], arrays: Arrays) -> InputNormalisation:
        """The inverse of `state`."""
        return InputNormalisation(int(facts["frames"]), int(facts["crop"]), arrays["mean"], arrays["spread"])

    def _recipe(self, spec: InputNormalisation) -> Recipe:
        return mel_recipe(spec.frames, self.task.value_range)


SoundNetwork = network_learner(
    "SoundNetwork",
    __name__,
    MelInputs,
    "Grows in samples seen; crops are drawn anew every time, predictions are means over crops.",
)
