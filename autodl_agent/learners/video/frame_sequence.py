"""A small temporal network over frozen pretrained features of single frames: what comes after what."""

from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples, drawn_rows
from autodl_agent.learners.networks.adapter import Arrays, InputAdapter, PredictionInputs, TrainingInputs
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import decoded, good_rows
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.learner import network_learner
from autodl_agent.learners.networks.output_layer import mixed, targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.video.config import ClipConfig, FrameSequenceConfig
from autodl_agent.learners.video.frame_sequence_model import build
from autodl_agent.learners.vision.frozen_features import frozen_features
from autodl_agent.pretrained.models.efficientnet import FEATURES
from autodl_agent.pretrained.networks import can_serve
from autodl_agent.system.clock import Deadline
from data_format.examples import Example
from data_format.media.pixels import ValueRange

Floats = NDArray[np.float32]


def fits(task: Task) -> bool:
    """Whether `FrameSequence` can serve the task: grey or colour frames, and weights to be found."""
    return task.shape[3] in (1, 3) and can_serve(FrameSequenceConfig().network)


def frames_recipe(task: Task, network: str, clip: ClipConfig) -> Recipe:
    """(frames, FEATURES) float16 of every clip."""
    shape = (clip.frames, clip.side_px, clip.side_px, 3)
    pixels = Recipe(
        f"frames@{'x'.join(map(str, shape))}",
        shape,
        "uint8",
        partial(_decode, shape=shape, value_range=task.pixel_range),
        keep=False,
    )
    batch = partial(_features, name=network)
    return Recipe(f"{pixels.key}/{network}/each", (clip.frames, FEATURES), "float16", source=pixels, batch=batch)


@dataclass(frozen=True)
class InputSpec:
    """Which sampling of clips is looked at; mean (FEATURES,) of the features' square roots; spreads (2,) of what is off
    that mean, and of what is off a clip's own.
    """

    stage: int
    mean: Floats
    spreads: Floats

    @classmethod
    def of(cls, stage: int, features: NDArray[np.float16]) -> "InputSpec":
        """From some clips' features (n, frames, FEATURES)."""
        rooted = np.sqrt(np.maximum(features.astype(np.float32), 0))
        mean = rooted.mean((0, 1))
        spreads = [(rooted - mean).std(), (rooted - rooted.mean(1, keepdims=True)).std()]
        return cls(stage, mean, np.maximum(spreads, 1e-3).astype(np.float32))

    def standardised(self, features: NDArray[np.float16]) -> Floats:
        """(n, frames, 2 * FEATURES): how a frame looks, and how it differs from its clip, both of about unit spread.

        One spread for all features: those that hardly vary say little, and what they say is noise on a few clips.
        """
        rooted = np.sqrt(np.maximum(features.astype(np.float32), 0))
        own = rooted - rooted.mean(1, keepdims=True)
        return np.concatenate([(rooted - self.mean) / self.spreads[0], own / self.spreads[1]], 2)


@final
class FrameInputs(InputAdapter[InputSpec]):
    """Features of a few small frames for the first increments, of more and larger ones afterwards."""

    config = FrameSequenceConfig()

    def first_spec(self, data: Examples, deadline: Deadline) -> InputSpec | None:
        """The first sampling; None without readable clips."""
        return self._spec(data, 0, deadline)

    def next_spec(self, data: Examples, known: InputSpec, increments: int, deadline: Deadline) -> InputSpec | None:
        """Each sampling serves some increments, the last one for good."""
        stage = min(increments // self.config.stage_increments, len(self.config.clips) - 1)
        return known if known.stage == stage else self._spec(data, stage, deadline)

    def sample(self, data: Examples, spec: InputSpec, first: bool, deadline: Deadline) -> Examples:
        """A balanced sample."""
        return self._decoded(data, self.recipe(spec.stage), deadline)

    def training(self, sample: Examples, spec: InputSpec, network: Network, deadline: Deadline) -> TrainingInputs:
        """Some batches are mixed in pairs."""
        stored, labels, config = sample.array(self.recipe(spec.stage), deadline), sample.labels, self.config
        wanted = targets(labels, not self.task.multilabel, config.training.smoothing)

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            frames = spec.standardised(stored[positions])
            if rng.random() < config.mix:
                return mixed(frames, wanted[positions], config.mix_strength, rng)
            return frames, wanted[positions]

        return TrainingInputs(labels, make)

    def can_grow(self, data: Examples, sample: Examples, spec: InputSpec) -> bool:
        """Until the last sampling."""
        return spec.stage + 1 < len(self.config.clips)

    def prediction(self, data: Examples, spec: InputSpec) -> PredictionInputs:
        """All frames of the sampling."""
        recipe = self.recipe(spec.stage)
        data.array(recipe)
        good = good_rows(data)
        return PredictionInputs(good, lambda positions: spec.standardised(data.take(good[positions]).array(recipe)))

    def blueprint(self, spec: InputSpec) -> Blueprint:
        """Convolutions over time, see `frame_sequence_model`."""
        config = self.config
        facts = {
            "frames": config.clips[spec.stage].frames,
            "features": 2 * FEATURES,
            "classes": self.task.n_classes,
            "narrow": config.narrow,
            "filters": config.filters,
            "layers": config.layers,
            "dropout": config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, config.training)

    def state(self, spec: InputSpec) -> tuple[dict[str, Any], Arrays]:
        """The spec's fields."""
        return {"stage": spec.stage}, {"mean": spec.mean, "spreads": spec.spreads}

    def restored(self, facts: dict[str, Any], arrays: Arrays) -> InputSpec:
        """The inverse of `state`."""
        return InputSpec(int(facts["stage"]), arrays["mean"], arrays["spreads"])

    def recipe(self, stage: int) -> Recipe:
        """Features of every frame of this sampling."""
        return frames_recipe(self.task, self.config.network, self.config.clips[stage])

    def spec_of(self, stage: int, stored: NDArray[np.float16]) -> InputSpec:
        """By the features (n, frames, FEATURES) of some clips drawn from these, which may be sorted by class."""
        return InputSpec.of(stage, stored[drawn_rows(len(stored), self.config.scale_rows, self.seed)])

    def _spec(self, data: Examples, stage: int, deadline: Deadline) -> InputSpec | None:
        recipe = self.recipe(stage)
        sample = self._decoded(data, recipe, deadline)
        return self.spec_of(stage, sample.array(recipe, deadline)) if len(sample) else None

    def _decoded(self, data: Examples, recipe: Recipe, deadline: Deadline) -> Examples:
        return decoded(data.sample(self.config.most_rows, self.seed), recipe, deadline)


FrameSequence = network_learner(
    "FrameSequence",
    __name__,
    FrameInputs,
    "Few small frames for the first increments, then more and larger ones with a new network.",
)


def _features(clips: NDArray[np.uint8], name: str) -> Floats:
    """(n, frames, side, side, 3) -> (n, frames, FEATURES). Raises MissingWeightsError."""
    n, frames = clips.shape[:2]
    return frozen_features(clips.reshape(n * frames, *clips.shape[2:]), name).reshape(n, frames, -1)


def _decode(example: Example, shape: tuple[int, int, int, int], value_range: ValueRange) -> NDArray[np.uint8]:
    from data_format.media.videos import clip_at

    return clip_at(example, *shape, value_range)
