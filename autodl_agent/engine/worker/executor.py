"""The worker's side of a task: its own store and members, one slice at a time, results as files."""

from pathlib import Path

import numpy as np

from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.members import Member
from autodl_agent.engine.worker.task_files import read_handover
from autodl_agent.learners.base import Examples
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.system.clock import Budget, Deadline

HELD_OUT, TEST = "held_out", "test"
CLOSING_S = 0.3  # of a slice, kept for writing the results
FIRST_CLOSING = 0.2  # share of a learner's first slice, kept for predictions of which nothing is known yet


class SliceExecutor:
    """Plays slices of learners on one task."""

    def __init__(self, folder: Path) -> None:
        """folder: the handover. Raises what reading it raises."""
        dataset, task, self.folds, share, memory_bytes = read_handover(folder)
        never = Budget.from_now(1e9).deadline(1e9)
        self.store = TensorStore(dataset, task, never, memory_bytes, spill_parent=share, share=share)
        self.train = Examples(self.store, "train", np.arange(task.n_train), dataset.train.labels)
        self.test = Examples(self.store, "test", np.arange(task.n_test), dataset.test.labels)
        self.members: dict[str, Member] = {}
        self._predicting_s: dict[str, float] = {}

    def play(self, name: str, where: str, deadline: Deadline, results: Path) -> Member:
        """One increment; the logits and the models are in `results` afterwards. Raises what the learner raises."""
        if name not in self.members:
            self.members[name] = Member(LearnerSpec(name, where), self.train, self.test, self.folds)
        member = self.members[name]
        predicting_s = 1.5 * self._predicting_s.get(name, FIRST_CLOSING / 1.5 * deadline.remaining())
        reserve = min(0.5 * deadline.remaining(), CLOSING_S + predicting_s)
        member.advance(Deadline(deadline.at - reserve, deadline.now))
        before = deadline.now()
        np.save(results / f"{TEST}.npy", member.test())
        if member.held_out is not None:
            np.save(results / f"{HELD_OUT}.npy", member.held_out)
        (results / "models").mkdir()  # without its parents: a folder that was removed stays so
        for fold, model in enumerate(member.frozen_models):
            place = results / "models" / str(fold)
            place.mkdir()
            model.save(place)
        self._predicting_s[name] = deadline.now() - before
        return member
