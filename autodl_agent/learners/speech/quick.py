"""The first learner for sound: measured features of each clip, a kernel machine in closed form, no training loop."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self, final

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.heads.multi_kernel import KernelHead, fit_in_time
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.speech.config import DEFAULT, ExcerptConfig
from autodl_agent.learners.speech.features import layout, sound_recipe
from autodl_agent.system.clock import Deadline

LONG_SHARE = 0.02  # hearing on pays when at least so many clips are cut by the first hearing


@dataclass(frozen=True)
class _Step:
    """One increment: what is heard of how many training rows."""

    hear: ExcerptConfig
    rows: int


@final
class QuickSound(Learner):
    """Few rows, then more, then all with the first seconds; then the whole clips the same way."""

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self.shares = task.class_priors
        self.config = DEFAULT
        self._head: KernelHead | None = None
        self._hear = DEFAULT.first
        self._done: _Step | None = None
        self._cut = False

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """Take the next step of rows or hearing; False after the last. Raises OutOfTimeError and keeps its state."""
        step = self._next(len(data))
        if step is None:
            return False
        recipe = sound_recipe(step.hear, self.task.value_range)
        some = data.sample(step.rows, self.seed)
        some.array(recipe, deadline)
        some = some.readable()
        if len(some):
            features = some.array(recipe, deadline)
            self._head = fit_in_time(features, some.labels, layout(step.hear), self.config.kernel, self.seed, deadline)
            seconds = np.exp(features[:, layout(step.hear)["level"]][:, 0])
            self._cut = float(np.mean(seconds >= 0.99 * step.hear.seconds)) >= LONG_SHARE
            self._hear = step.hear
        self._done = step
        return self._next(len(data)) is not None

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) calibrated scores; rows that cannot be read get the classes' shares."""
        if self._head is None:
            return np.tile(self.shares, (len(data), 1))
        features = data.array(sound_recipe(self._hear, self.task.value_range))
        out = self._head.probabilities(features, layout(self._hear), self.config.kernel)
        out[data.store.bad[data.split][data.rows]] = self.shares
        return out

    def save(self, folder: Path) -> None:
        """Write the shares, the kernel machine and what it hears."""
        facts = {"hear": asdict(self._hear), "fitted": self._head is not None}
        arrays = {} if self._head is None else self._head.arrays()
        save_state(folder, facts, {"shares": self.shares, **arrays})

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """Read what `save` wrote."""
        facts, arrays = load_state(folder)
        learner = cls(task, task.seed)
        learner.shares = arrays.pop("shares")
        learner._hear = ExcerptConfig(**facts["hear"])
        learner._head = KernelHead(**arrays) if facts["fitted"] else None
        return learner

    def _next(self, n: int) -> _Step | None:
        """The step after the last one done: more rows of the first hearing, then all rows of the full one."""
        most = min(n, self.config.max_rows)
        if self._done is None:
            return _Step(self.config.first, min(most, self.config.first_rows))
        if self._done.rows < most:
            grown = self._done.rows * self.config.growth
            return _Step(self._done.hear, most if 2 * grown > most else grown)
        if self._cut and self._done.hear == self.config.first:
            return _Step(self.config.full, most)
        return None
