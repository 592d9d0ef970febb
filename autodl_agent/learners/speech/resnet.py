"""A network on log-mel pictures, learned from nothing but the set's own clips."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.networks.batches import Batch, Positions
from autodl_agent.learners.networks.common import completed, decoded, good_rows, reserve_prediction_time
from autodl_agent.learners.networks.keras_model import Blueprint
from autodl_agent.learners.networks.output_layer import mixed, targets
from autodl_agent.learners.networks.trainer import Network
from autodl_agent.learners.prior import class_priors
from autodl_agent.learners.serialization import load_state, save_state
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

    def standard(self, crops: Floats) -> Floats:
        """Crops of about zero mean and unit spread."""
        return np.asarray((crops - self.mean) / self.spread, np.float32)


@final
class SoundNetwork(Learner):
    """Grows in samples seen; crops are drawn anew every time, predictions are means over crops."""

    helpers = ("_network",)

    config = SoundNetworkConfig()

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
        inputs = self._inputs or self._listen(data, deadline)
        recipe = mel_recipe(inputs.frames, self.task.value_range)
        most = min(self.config.most_rows, data.store.affordable_rows(data.split, recipe))
        if self._network is None:
            most = min(most, self.config.first_rows + self.config.classes_rows * self.task.n_classes)
        sample = decoded(data.sample(most, self.seed), recipe, deadline)
        if not len(sample):
            return False
        clips, labels = sample.array(recipe, deadline), sample.labels
        config, softmax = self.config, not self.task.multilabel
        wanted = targets(labels, softmax, config.training.smoothing)
        passes = self._network.samples / len(sample) if self._network else 0.0
        strength = min(1.0, passes / config.full_mask_passes)

        def make(positions: Positions, rng: np.random.Generator) -> Batch:
            crops = inputs.standard(random_crops(clips[positions], inputs.crop, config, rng))
            crops = masked(crops, config, strength, rng)
            if rng.random() < config.mix * strength:
                return mixed(crops, wanted[positions], config.mix_strength, rng)
            return crops, wanted[positions]

        network = self._network or Network(self._blueprint(inputs), self.seed)
        more = network.increment(labels, make, deadline)
        self._inputs, self._network = inputs, network
        self.shares = ((labels.sum(0) + 0.5) / (len(labels) + 1)).astype(np.float32)
        return more or len(sample) < len(data.readable())

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; clips that cannot be read get the class shares."""
        inputs, network = self._inputs, self._network
        if inputs is None or network is None or network.shown is None or not len(data):
            return np.tile(self.shares, (len(data), 1))
        recipe = mel_recipe(inputs.frames, self.task.value_range)
        data.array(recipe)
        good = good_rows(data)
        if not len(good):
            return np.tile(self.shares, (len(data), 1))
        count = int(np.clip(-(-inputs.frames // inputs.crop), 1, self.config.most_crops))

        def make(places: Positions) -> Floats:
            clips = data.take(good[places // count]).array(recipe)
            crops = even_crops(clips, inputs.crop, count)[np.arange(len(places)), places % count]
            return inputs.standard(crops)

        found = network.predict(len(good) * count, make, data.store.end.now)
        network.row_s *= count
        return completed(data, self.shares, good, found.reshape(len(good), count, -1).mean(1))

    def save(self, folder: Path) -> None:
        """Write weights and how clips are heard."""
        facts: dict[str, object] = {}
        arrays: dict[str, NDArray[np.float32]] = {"shares": self.shares}
        if self._inputs is not None and self._network is not None:
            facts = {"frames": self._inputs.frames, "crop": self._inputs.crop}
            arrays |= {"mean": self._inputs.mean, "spread": self._inputs.spread, **self._network.arrays()}
        save_state(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`; fitted again, it starts afresh from how it hears."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner.shares = arrays["shares"]
        if "frames" in facts:
            learner._inputs = InputNormalisation(
                int(facts["frames"]), int(facts["crop"]), arrays["mean"], arrays["spread"]
            )
            learner._network = Network(learner._blueprint(learner._inputs), task.seed)
            learner._network.restore(arrays)
        return learner

    def _listen(self, data: Examples, deadline: Deadline) -> InputNormalisation:
        frames = usual_frames(data.store, self.config.most_s)
        recipe = mel_recipe(frames, self.task.value_range)
        some = decoded(data.sample(SCALE_ROWS, self.seed), recipe, deadline)
        return InputNormalisation(frames, crop_frames(frames, self.config), *scale_of(some.array(recipe, deadline)))

    def _blueprint(self, inputs: InputNormalisation) -> Blueprint:
        facts = {
            "frames": inputs.crop,
            "bands": BANDS,
            "classes": self.task.n_classes,
            "widths": list(self.config.widths),
            "time_step": 2 if inputs.crop <= self.config.fine_frames else 4,
            "dense": self.config.dense,
            "dropout": self.config.dropout,
        }
        return Blueprint.of(build, facts, not self.task.multilabel, self.config.training)
