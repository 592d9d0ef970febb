"""Features of a TensorFlow Hub module that the user names, under the Gaussian kernel head of `FrozenImage`."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.image.config import HubImageConfig
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.vision.frozen_features import sized_recipe
from autodl_agent.learners.vision.frozen_head import FeatureView, FrozenHead
from autodl_agent.pretrained.tf_hub import image_handle, module
from autodl_agent.system.clock import Deadline


@final
class HubImage(Learner):
    """A balanced sample of rows first, then several times more until all; needs TensorFlow, so it is for the worker."""

    helpers = ("_head",)

    config = HubImageConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self._handle = image_handle()
        self._head = FrozenHead(task, seed, self.config.head)
        self._rows = 0  # of the last fit

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """Fit on the next number of rows. Raises MissingWeightsError, OutOfTimeError; features made so far are kept."""
        most = min(len(data), self.config.most_rows)
        if self._rows >= most:
            return False
        first = self.config.first_rows + self.config.classes_rows * self.task.n_classes
        rows = min(most, self.config.row_growth * self._rows or first)
        self._head.fit(data, rows, self._feature_views(), deadline)
        self._rows = rows
        return rows < most

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; rows that cannot be read get the class shares. Raises MissingWeightsError."""
        return self._head.predict(data, self._feature_views() if self._head.head else [])

    def save(self, folder: Path) -> None:
        """Write the head and the handle; the module is not copied."""
        save_state(folder, {"handle": self._handle, "rows": self._rows}, self._head.arrays())

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`; the module is looked up by the saved handle."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner._handle, learner._rows = str(facts["handle"]), int(facts["rows"])
        learner._head.restore(arrays)
        return learner

    def _feature_views(self) -> list[FeatureView]:
        hub, digest = module(self._handle), hashlib.sha1(self._handle.encode(), usedforsecurity=False).hexdigest()
        pixels = sized_recipe(self.task, hub.rows, hub.columns)
        batch = partial(_features, handle=self._handle)
        recipe = Recipe(f"{pixels.key}/hub/{digest}", (hub.features,), "float32", source=pixels, batch=batch)
        return [FeatureView(recipe, (1.0,))]


def _features(pictures: NDArray[np.uint8], handle: str) -> NDArray[np.float32]:
    return module(handle).run(pictures)
