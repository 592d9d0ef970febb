"""Frozen pretrained features of a clip's frames, pooled over time, under a Gaussian kernel head."""

from functools import partial
from pathlib import Path
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import OutOfTimeError, Recipe
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.video.config import ClipConfig, FrozenVideoConfig
from autodl_agent.learners.vision.frozen_features import frozen_features
from autodl_agent.learners.vision.frozen_head import FeatureView, FrozenHead
from autodl_agent.pretrained.models.efficientnet import FEATURES
from autodl_agent.pretrained.networks import can_serve
from autodl_agent.system.clock import Deadline
from data_format.examples import Example
from data_format.media.pixels import ValueRange

Floats = NDArray[np.float32]
BLOCKS = 5
SEGMENTS = 3  # parts of the clip; the first and the last of them are its beginning and its end
FEWEST_ROWS = 20  # a first sample that runs out of time is halved down to this


def fits(task: Task) -> bool:
    """Whether `FrozenVideo` can serve the task: grey or colour frames, and weights to be found."""
    return task.shape[3] in (1, 3) and can_serve(FrozenVideoConfig().network)


@final
class FrozenVideo(Learner):
    """EfficientNet-Lite features of a few small frames, then of more and larger ones; needs weights (`fits`)."""

    helpers = ("_head",)

    config = FrozenVideoConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self._head = FrozenHead(task, seed, self.config.head)
        self._clips: tuple[int, ...] = ()  # of the fitted head
        self._done = 0
        self._halved = 0

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """A sample, all clips, then one more sampling each time."""
        steps = self._steps(len(data))
        if self._done >= len(steps):
            return False
        clips, rows = steps[self._done]
        try:
            self._head.fit(data, rows >> self._halved, self._feature_views(clips), deadline)
        except OutOfTimeError:
            if self._done:  # what was computed is kept, and the head of the step before still stands
                self._foresee(data, steps)
                return True
            self._halved += rows >> self._halved > FEWEST_ROWS
            raise
        self._clips, self._done, self._halved = clips, self._done + 1, 0
        self._foresee(data, steps)
        return self._done < len(steps)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; clips that cannot be read get the class shares."""
        return self._head.predict(data, self._feature_views(self._clips))

    def save(self, folder: Path) -> None:
        """Write the head; the network is not copied: after `load` it is looked up as in this run."""
        save_state(folder, {"clips": list(self._clips), "done": self._done}, self._head.arrays())

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner._clips, learner._done = tuple(facts["clips"]), int(facts["done"])
        learner._head.restore(arrays)
        return learner

    def _foresee(self, data: Examples, steps: list[tuple[tuple[int, ...], int]]) -> None:
        self.next_s = None
        if self._done < len(steps):
            clips, rows = steps[self._done]
            self.next_s = self._head.cost_s(data, rows, self._feature_views(clips))

    def _steps(self, n: int) -> list[tuple[tuple[int, ...], int]]:
        """(samplings, rows) of every step."""
        config, most = self.config, min(n, self.config.most_rows)
        first = min(most, config.most_first_rows, config.first_rows + config.classes_rows * self.task.n_classes)
        steps = [((0,), first), ((0,), most), *((tuple(range(end + 1)), most) for end in range(1, len(config.clips)))]
        return list(dict.fromkeys(steps)) if n else []

    def _feature_views(self, clips: tuple[int, ...]) -> list[FeatureView]:
        out = []
        for clip in (self.config.clips[k] for k in clips):
            weights = tuple(w * clip.frames * clip.side_px for w in self.config.weights)
            out.append(FeatureView(clip_recipe(self.task, self.config.network, clip), weights))
        return out


def clip_recipe(task: Task, network: str, clip: ClipConfig) -> Recipe:
    """(BLOCKS, FEATURES) float16 of every clip: see `pooled`."""
    shape = (clip.frames, clip.side_px, clip.side_px, 3)
    decode = partial(_decode, shape=shape, value_range=task.pixel_range)
    pixels = Recipe(f"frames@{'x'.join(map(str, shape))}", shape, "uint8", decode, keep=False)
    batch = partial(clip_features, name=network)
    return Recipe(f"{pixels.key}/{network}", (BLOCKS, FEATURES), "float16", source=pixels, batch=batch)


def clip_features(clips: NDArray[np.uint8], name: str) -> Floats:
    """(n, frames, side, side, 3) -> (n, BLOCKS, FEATURES). Raises MissingWeightsError."""
    n, frames = clips.shape[:2]
    return pooled(frozen_features(clips.reshape(n * frames, *clips.shape[2:]), name).reshape(n, frames, -1))


def pooled(features: Floats) -> Floats:
    """(n, frames, d) -> (n, BLOCKS, d): mean, spread, mean change between neighbours, beginning, end; none below 0."""
    cut = max(1, features.shape[1] // SEGMENTS)
    change = np.abs(np.diff(features, axis=1)).mean(1) if features.shape[1] > 1 else np.zeros_like(features[:, 0])
    parts = (features.mean(1), features.std(1), change, features[:, :cut].mean(1), features[:, -cut:].mean(1))
    return np.stack(parts, 1)


def _decode(example: Example, shape: tuple[int, int, int, int], value_range: ValueRange) -> NDArray[np.uint8]:
    from data_format.media.videos import clip_at

    return clip_at(example, *shape, value_range)
