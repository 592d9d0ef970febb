"""Quick video learner: looks, changes and movement of a few small frames under a linear head."""

from pathlib import Path
from typing import Self, final

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.serialization import load_state
from autodl_agent.learners.video.config import ClipConfig, QuickVideoConfig
from autodl_agent.learners.video.features import changes_feature, looks_feature, movement_feature
from autodl_agent.learners.vision.features import Feature
from autodl_agent.learners.vision.staged_head import Growth, StagedHead
from autodl_agent.system.clock import Deadline


@final
class QuickVideo(Learner):
    """Frames' looks, their differences and signed displacements under a ridge head; more clips, then more frames."""

    helpers = ("_staged",)

    config = QuickVideoConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        config = self.config
        growth = Growth(config.first_rows, config.classes_rows, config.most_first_rows, config.row_growth)
        self._staged = StagedHead(task, seed, growth)
        self._clip = 0

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One more stage: a sample, larger samples, all clips, then more and larger frames."""
        if not len(data):
            return False
        done, clip = self._staged.fitted, self._clip
        if done is not None and done.rows >= self._staged.rows_for(data, done.features):
            if clip + 1 == len(self.config.clips):
                return False
            clip += 1
        features = self._features(clip)
        self._staged.advance(data, features, self._staged.next_rows(data, features), deadline, self.config.weights)
        self._clip, done = clip, self._staged.fitted
        complete = done is not None and done.rows >= self._staged.rows_for(data, features)
        last = clip + 1 == len(self.config.clips)
        # More and larger frames are unlike the slice before: it says nothing of what they take.
        self.next_s = self._staged.cost_s(data, self._features(clip + 1)) if complete and not last else None
        return done is not None and not (last and complete)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities."""
        return self._staged.predict(data)

    def save(self, folder: Path) -> None:
        """Write the head; the features are made by code alone."""
        self._staged.save(folder, {"clip": self._clip}, {})

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`."""
        learner = cls(task, task.seed)
        learner._clip = int(load_state(folder)[0]["clip"])
        learner._staged.restore(folder, learner._features(learner._clip))
        return learner

    def _features(self, clip: int) -> tuple[Feature, ...]:
        return clip_features(self.task, self.config.clips[clip])


def clip_features(task: Task, clip: ClipConfig) -> tuple[Feature, ...]:
    """Looks, changes and movement of one sampling."""
    makers = (looks_feature, changes_feature, movement_feature)
    return tuple(make(task, clip.frames, clip.side_px) for make in makers)
