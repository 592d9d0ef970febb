"""Which learners serve which domain, in the order of the ladder: a literal table, imported without the learners."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from autodl_agent.learners.base import Learner
from autodl_agent.task import Domain, Task


@dataclass(frozen=True)
class LearnerSpec:
    """One rung of a ladder.

    where: "module:Class", imported on first use. start_s: seconds of imports before its first slice.
    example_ms: first guess of milliseconds per training and test row of its first slice; measured afterwards.
    expected: held-out NAUC a typical set reaches with it, a prior that only orders the untried.
    fits: whether the learner can serve the task at all.
    """

    name: str
    where: str
    start_s: float = 0.0
    example_ms: float = 0.1
    expected: float = 0.5
    fits: Callable[[Task], bool] = lambda task: True

    def create(self, task: Task, seed: int) -> Learner:
        """Import the class and make an untrained learner."""
        module, _, name = self.where.partition(":")
        learner: Learner = getattr(import_module(f"autodl_agent.learners.{module}"), name)(task, seed)
        return learner


PRIOR = LearnerSpec("prior", "prior:PriorLearner", expected=0.0)

LADDERS: dict[Domain, tuple[LearnerSpec, ...]] = {
    Domain.IMAGE: (
        LearnerSpec("quick-image", "image.learner:QuickImage", example_ms=0.3, expected=0.75),
        LearnerSpec("patch-image", "image.learner:PatchImage", example_ms=1.0, expected=0.85),
    ),
    Domain.VIDEO: (LearnerSpec("quick-video", "video.learner:QuickVideo", example_ms=15.0, expected=0.5),),
    Domain.SPEECH: (
        LearnerSpec("quick-sound", "speech.learner:QuickSound", start_s=0.1, example_ms=3.0, expected=0.9),
    ),
    Domain.TEXT: (
        LearnerSpec("hashed-bayes", "text.learner:HashedBayes", example_ms=0.08, expected=0.8),
        LearnerSpec("linear-text", "text.learner:LinearText", start_s=0.4, example_ms=0.5, expected=0.9),
    ),
    Domain.TABULAR: (
        LearnerSpec("quick-table", "tabular.learner:QuickTable", example_ms=0.05, expected=0.7),
        LearnerSpec("boosted-trees", "tabular.boosting:BoostedTrees", start_s=2.5, example_ms=0.1, expected=0.8),
    ),
}
