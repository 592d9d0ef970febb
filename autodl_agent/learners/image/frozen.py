"""Frozen pretrained features under a Gaussian kernel head: more pixels and more rows while time lasts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, final

from autodl_agent.data.arrays import Probabilities
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.learners.base import Examples, Learner
from autodl_agent.learners.image.config import FrozenImageConfig
from autodl_agent.learners.image.quick import original_side_px
from autodl_agent.learners.serialization import load_state, save_state
from autodl_agent.learners.vision.frozen_features import serves, usual_aspect, view_recipe
from autodl_agent.learners.vision.frozen_head import FeatureView, FrozenHead
from autodl_agent.pretrained.networks import can_serve
from autodl_agent.system.clock import Deadline

FEWEST_ROWS = 50  # a first sample that runs out of time is halved down to this


@dataclass(frozen=True)
class ImageStep:
    """One increment: these views (numbers), this many rows."""

    views: tuple[int, ...]
    rows: int


def fits(task: Task) -> bool:
    """Whether `FrozenImage` can serve the task: grey or colour pictures, and weights to be found."""
    return serves(task, FrozenImageConfig().views)


def plan(config: FrozenImageConfig, n: int, classes: int, predicted: int, large: bool = False) -> Iterator[ImageStep]:
    """The increments for n training rows, first to last.

    predicted: rows whose features every view needs anyway. large: whether the pictures are large enough for all views.
    """
    first = min(n, config.most_first_rows, config.first_rows + config.classes_rows * classes)
    grown = tuple(range(1, 1 + config.grown_views))
    rows = _level(config.middle_rows, min(n, config.most_rows[0]))
    yield ImageStep((0,), first)
    if predicted <= config.leap_rows:  # large pictures at once: small ones in between would hardly be cheaper
        yield ImageStep(grown[-1:], first)
        yield ImageStep(grown[-1:], rows)
        yield ImageStep(grown, rows)
    else:
        yield ImageStep((1,), first)
        yield ImageStep((1,), rows)
        # Larger ones of half the rows say more, and sooner.
        yield ImageStep(grown, _level(config.middle_rows // 2, rows))
        yield ImageStep(grown, rows)
    while rows < min(n, config.most_rows[0]):
        rows = _level(rows * config.row_growth, min(n, config.most_rows[0]))
        yield ImageStep(grown, rows)
    views = grown
    for view in config.later_views:
        if large or view != config.large_view:
            views = (*views, view)
            yield ImageStep(views, min(rows, config.most_rows[1]))


def _level(wanted: int, most: int) -> int:
    """`wanted`, or all where little more would be left for another step."""
    return most if most <= 1.5 * wanted else wanted


@final
class FrozenImage(Learner):
    """EfficientNet-Lite features of growing size under Gaussian kernel ridge; needs weights (`fits`)."""

    helpers = ("_head",)

    config = FrozenImageConfig()

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__(task, seed)
        self._head = FrozenHead(task, seed, self.config.head)
        self._views: tuple[int, ...] = ()  # of the fitted head
        self._aspect = 1.0
        self._done = 0  # steps of the plan
        self._halved = 0

    def fit(self, data: Examples, deadline: Deadline) -> bool:
        """One step of the plan; where its features take longer than there is time, they are finished next time."""
        steps = self._steps(data)
        if self._done >= len(steps):
            return False
        step, aspect = steps[self._done], usual_aspect(data.store)
        try:
            self._head.fit(data, step.rows >> self._halved, self._feature_views(step.views, aspect), deadline)
        except OutOfTimeError:
            if self._done:  # what was computed is kept, and the head of the step before still stands
                self._foresee(data, steps)
                return True
            self._halved += step.rows >> self._halved > FEWEST_ROWS
            raise
        self._views, self._aspect, self._done, self._halved = step.views, aspect, self._done + 1, 0
        self._foresee(data, steps)
        return self._done < len(steps)

    def predict(self, data: Examples) -> Probabilities:
        """(n, classes) probabilities; rows that cannot be read get the class shares."""
        return self._head.predict(data, self._feature_views(self._views, self._aspect))

    def save(self, folder: Path) -> None:
        """Write the head; the network is not copied: after `load` it is looked up as in this run."""
        facts = {"views": list(self._views), "aspect": self._aspect, "done": self._done}
        save_state(folder, facts, self._head.arrays())

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        """The inverse of `save`."""
        learner = cls(task, task.seed)
        facts, arrays = load_state(folder)
        learner._views, learner._aspect = tuple(facts["views"]), float(facts["aspect"])
        learner._done = int(facts["done"])
        learner._head.restore(arrays)
        return learner

    def _feature_views(self, views: tuple[int, ...], aspect: float) -> list[FeatureView]:
        """Views count by their pixels: what a larger one shows, a smaller one mostly shows too."""
        chosen = [self.config.views[k] for k in views]
        return [FeatureView(view_recipe(self.task, view, aspect), (float(view.side_px**2),)) for view in chosen]

    def _foresee(self, data: Examples, steps: list[ImageStep]) -> None:
        self.next_s = None
        if self._done < len(steps):
            step = steps[self._done]
            self.next_s = self._head.cost_s(data, step.rows, self._feature_views(step.views, self._aspect))

    def _steps(self, data: Examples) -> list[ImageStep]:
        """The plan for these rows without the views whose network is not there."""
        n, large = len(data), original_side_px(data.store) >= self.config.large_from_px
        there = {name: can_serve(name) for name in {view.network for view in self.config.views}}
        out: list[ImageStep] = []
        predicted = self.task.n_train - n + self.task.n_test
        for step in plan(self.config, n, self.task.n_classes, predicted, large) if n else ():
            views = tuple(k for k in step.views if there[self.config.views[k].network])
            if views and ImageStep(views, step.rows) not in out:
                out.append(ImageStep(views, step.rows))
        return out
