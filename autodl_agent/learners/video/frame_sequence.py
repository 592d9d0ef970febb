"""A small temporal network over frozen pretrained features of single frames: what comes after what."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples, Learner, drawn_rows
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import completed, decoded, good_rows, reserve_prediction_time
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.output_layer import mixed, targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.prior import class_priors
from autodl_agent.learners.serialization import load_state, save_state
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

    def standard(self, features: NDArray[np.float16]) -> Floats:
        """(n, frames, 2 * FEATURES): how a frame looks, and how it differs from its clip, both of about unit spread.

        One spread for all features: those that hardly vary say little, and what they say is noise on a few clips.
        """
        rooted = np.sqrt(np.maximum(features.astype(np.float32), 0))
        own = rooted - rooted.mean(1, keepdims=True)
        return np.concatenate([(rooted - self.mean) / self.spreads[0], own / self.spreads[1]], 2)


@final
class FrameSequence(Learner):
    """Few small frames for the first increments, then more and larger ones with a network of their own."""

    helpers = ("_network",)

    config = FrameSequenceConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.shares = class_priors(task)
        self._input: InputSpec | None = None
        self._network: Network | None = None
        self._done = 0

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One increment. Raises OutOfTimeError; what was known before then stands."""
        if not len(data) or self.task.n_classes == 0:
            return False
        config, stage = self.config, min(self._done // self.config.stage_increments, len(self.config.clips) - 1)
        deadline = reserve_prediction_time(data, deadline, self._network.row_s if self._network else 0.0)
        recipe = frames_recipe(self.task, config.network, config.clips[stage])
        sample = decoded(data.sample(config.most_rows, self.seed), recipe, deadline)
        if not len(sample):
            return False
        same = self._input is not None and self._input.stage == stage
        stored, labels = sample.array(recipe, deadline), sample.labels
        input_spec = self._input if same and self._input else self._look(stage, stored)
        wanted = targets(labels, not self.task.multilabel, config.training.smoothing)

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            frames = input_spec.standard(stored[positions])
            if rng.random() < config.mix:
                return mixed(frames, wanted[positions], config.mix_strength, rng)
            return frames, wanted[positions]

        network = self._network if same and self._network else self._fresh(stage)
        more = network.increment(labels, make, deadline)
        self._input, self._network, self._done = input_spec, network, self._done + 1
        self.shares = ((labels.sum(0) + 0.5) / (len(labels) + 1)).astype(np.float32)
        return more or stage + 1 < len(config.clips)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; clips that cannot be read get the class shares."""
        input_spec, network = self._input, self._network
        if input_spec is None or network is None or network.shown is None or not len(data):
            return np.tile(self.shares, (len(data), 1))
        recipe = frames_recipe(self.task, self.config.network, self.config.clips[input_spec.stage])
        data.array(recipe)
        good = good_rows(data)
        if not len(good):
            return np.tile(self.shares, (len(data), 1))

        def make(positions: Positions) -> Floats:
            return input_spec.standard(data.take(good[positions]).array(recipe))

        return completed(data, self.shares, good, network.predict(len(good), make, data.store.end.now))

    def save(self, folder: Path) -> None:
        """Write the weights; the frozen network is not copied: after `load` it is looked up as in this run."""
        facts: dict[str, object] = {}
        arrays: dict[str, NDArray[np.float32]] = {"shares": self.shares}
        if self._input is not None and self._network is not None:
            facts = {"stage": self._input.stage}
            arrays |= {"mean": self._input.mean, "spreads": self._input.spreads, **self._network.arrays()}
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`; fitted again, it starts afresh."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner.shares = arrays["shares"]
        if "stage" in facts:
            learner._input = InputSpec(int(facts["stage"]), arrays["mean"], arrays["spreads"])
            learner._network = learner._fresh(learner._input.stage)
            learner._network.restore(arrays)
        return learner

    def _look(self, stage: int, stored: NDArray[np.float16]) -> InputSpec:
        return InputSpec.of(stage, stored[drawn_rows(len(stored), self.config.scale_rows, self.seed)])

    def _fresh(self, stage: int) -> Network:
        network = Network(self._blueprint(self.config.clips[stage]), self.seed)
        if self._network is not None:  # it is to be better than the one before from its first increment on
            network.planned = self._network.planned
        return network

    def _blueprint(self, clip: ClipConfig) -> Blueprint:
        config = self.config
        facts = {
            "frames": clip.frames,
            "features": 2 * FEATURES,
            "classes": self.task.n_classes,
            "narrow": config.narrow,
            "filters": config.filters,
            "layers": config.layers,
            "dropout": config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, config.training)


def _features(clips: NDArray[np.uint8], name: str) -> Floats:
    """(n, frames, side, side, 3) -> (n, frames, FEATURES). Raises MissingWeightsError."""
    n, frames = clips.shape[:2]
    return frozen_features(clips.reshape(n * frames, *clips.shape[2:]), name).reshape(n, frames, -1)


def _decode(example: Example, shape: tuple[int, int, int, int], value_range: ValueRange) -> NDArray[np.uint8]:
    from data_format.media.videos import clip_at

    return clip_at(example, *shape, value_range)
