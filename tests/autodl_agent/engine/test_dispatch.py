"""Two lanes with a worker that exists only on paper: its slices are judged like those of this process."""

import queue
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.data.arrays import Labels
from autodl_agent.data.domain import make_task
from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import OutOfTimeError, TensorStore
from autodl_agent.engine import dispatch
from autodl_agent.engine.ensemble.selection import to_logits
from autodl_agent.engine.policy.planner import Slice, SliceRecord
from autodl_agent.engine.rounds import Choose, Round, rounds
from autodl_agent.engine.worker.client import Finished
from autodl_agent.learners.base import Examples
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.learners.testing.contract import FakeClock, ScriptedLearner, memory_dataset, scripted
from autodl_agent.system.clock import Deadline

REMOTE = LearnerSpec("remote", "nowhere:Nothing", worker=True, libraries=())


class PaperLane:
    """Answers every slice at once, with logits that know the truth."""

    loading, playing = False, None

    def __init__(self, known: dict[str, Labels], clock: FakeClock) -> None:
        self.free = (REMOTE,)
        self._known, self._clock = known, clock

    def deliver_to(self, sink: Callable[[Finished | None], None]) -> None:
        """Where results go."""
        self._deliver = sink

    def open(self, store: TensorStore, folds: object) -> None:
        """The worker would be told the task."""
        order = np.concatenate([fold.held_out for fold in folds])
        self._known["held_out"] = self._known["train"][order]

    def play(self, spec: LearnerSpec, seconds: float) -> None:
        """Answer."""
        logits = {name: to_logits(0.2 + 0.6 * self._known[name]) for name in ("held_out", "test")}
        self._clock.at += 1
        self._deliver(Finished(spec, 0.0, logits, (Path("model"),), more=False))

    def tidy(self, needed: object) -> None:
        """Nothing to remove."""


def in_turn(
    history: Sequence[SliceRecord], candidates: Sequence[LearnerSpec], task: Task, gone: float, total: float, folds: int
) -> Slice | None:
    """One slice of each learner."""
    done = {record.learner for record in history}
    return next((Slice(spec, 5.0, 0.1) for spec in candidates if spec.name not in done), None)


def play(monkeypatch: pytest.MonkeyPatch, choose: Choose = in_turn, **settings: object) -> list[Round]:
    """A good learner here, one with these settings, then the worker's."""
    monkeypatch.setattr(dispatch, "cores", lambda: 1)
    dataset, truth = memory_dataset("text")
    clock = FakeClock()
    budget = clock.budget(60)
    store = TensorStore(dataset, make_task(dataset), budget.deadline(60))
    candidates = [scripted("good", clock=clock, truth=truth, slices=1)]
    candidates.append(scripted("bad", clock=clock, truth=truth, slices=1, **settings))
    lane = PaperLane({"train": dataset.train.labels, "test": truth}, clock)
    return list(rounds(store, candidates, budget, choose, worker=lane))  # type: ignore[arg-type]


def test_a_slice_of_the_worker_is_blended(monkeypatch: pytest.MonkeyPatch) -> None:
    played = play(monkeypatch)
    assert {r.learner for r in played} >= {"prior", "good", "bad", "remote"}
    assert not any(r.error for r in played)
    (remote,) = [r for r in played if r.learner == "remote"]
    assert remote.prediction is not None and remote.weights["remote"] > 0


def test_a_learner_of_the_worker_that_ran_out_of_time_could_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_short(lane: PaperLane, spec: LearnerSpec, seconds: float) -> None:
        lane._clock.at += 1
        lane._deliver(Finished(spec, 0.0, {}, (), more=True))

    monkeypatch.setattr(PaperLane, "play", too_short)
    (remote,) = [r for r in play(monkeypatch) if r.learner == "remote"]
    assert remote.more and not remote.error and remote.prediction is None


def test_the_first_answer_comes_first_where_the_first_slice_was_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """One model's answer before those of all folds, also in the second try; the worker waits as long."""
    late = []
    fit = ScriptedLearner.fit

    def too_late_once(self: ScriptedLearner, data: Examples, deadline: Deadline) -> bool:
        if not late:
            late.append(self)
            raise OutOfTimeError("too short")
        return fit(self, data, deadline)

    monkeypatch.setattr(ScriptedLearner, "fit", too_late_once)
    slices = iter(["good", "good", "bad"])

    def in_order(
        history: Sequence[SliceRecord],
        candidates: Sequence[LearnerSpec],
        task: Task,
        gone: float,
        total: float,
        folds: int,
    ) -> Slice | None:
        names = {spec.name: spec for spec in candidates}
        done = {record.learner for record in history if not record.timed_out}
        wanted = next(slices, "remote")
        return None if wanted in done else Slice(names[wanted], 5.0, 0.1)

    played = play(monkeypatch, choose=in_order)
    assert [r.learner for r in played[:4]] == ["prior", "good", "good", "good"]
    assert [r.prediction is not None for r in played[:4]] == [True, False, True, True]
    assert played[2].member_nauc is None and played[3].member_nauc is not None
    assert any(r.learner == "remote" for r in played[4:])


@pytest.mark.parametrize("misbehave", ["test-nan", "test-raise", "test-exit"])
def test_a_learner_of_this_process_that_fails_on_the_test_rows_ends_no_run(
    monkeypatch: pytest.MonkeyPatch, misbehave: str
) -> None:
    """The fault shows when the worker's slice is judged; neither the worker's learner nor the run pays for it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        played = pool.submit(play, monkeypatch, misbehave=misbehave).result()
    assert [r.learner for r in played if r.error] == ["bad"]
    (remote,) = [r for r in played if r.learner == "remote"]
    assert remote.prediction is not None and "bad" not in remote.weights
    assert [r.number for r in played] == list(range(len(played)))


class HungLane(PaperLane):
    """Takes a slice and never answers."""

    def play(self, spec: LearnerSpec, seconds: float) -> None:
        """Nothing comes back."""
        self.playing, self.free = spec.name, ()
        self.began = self._clock.at


@pytest.mark.parametrize(("total", "waited"), [(5.0, 0.5), (60.0, 3.0)])
def test_a_worker_that_hangs_keeps_the_other_lane_waiting_in_proportion_to_the_budget(
    monkeypatch: pytest.MonkeyPatch, total: float, waited: float
) -> None:
    monkeypatch.setattr(dispatch, "cores", lambda: 1)
    dataset, truth = memory_dataset("text")
    clock = FakeClock()
    budget = clock.budget(total)
    store = TensorStore(dataset, make_task(dataset), budget.deadline(total))
    lane = HungLane({"train": dataset.train.labels, "test": truth}, clock)

    def empty(events: object, timeout: float) -> None:
        clock.at += 0.1
        raise queue.Empty

    monkeypatch.setattr(queue.Queue, "get", empty)
    began: list[float] = []

    def remote_first(
        history: Sequence[SliceRecord],
        candidates: Sequence[LearnerSpec],
        task: Task,
        gone: float,
        total: float,
        folds: int,
    ) -> Slice | None:
        names = {spec.name: spec for spec in candidates}
        if not history or "remote" not in names:
            if history:
                began.append(clock.at)
            return Slice(names["good"], 5.0, 0.1)
        return Slice(names["remote"], 5.0, 0.0)

    candidates = [scripted("good", clock=clock, truth=truth, slices=50)]
    played = rounds(store, candidates, budget, remote_first, worker=lane)  # type: ignore[arg-type]
    for _ in played:
        if began:
            break
    if not began:  # the rounds end with the budget where nothing else was begun
        pytest.fail("the other lane was never used")
    assert began[0] - lane.began == pytest.approx(waited, abs=0.25)
