"""Slices in two places, a thread of this process and the worker; their results are judged as they come.

On few cores two slices at once would only slow each other down and spoil the measured costs. So there one slice runs
at a time, wherever the policy sees the most to gain; only when it takes much longer than expected is the other place
used as well, so that a worker that hangs holds up nothing.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from autodl_agent.engine.guard import capture_errors
from autodl_agent.engine.members import Member, Worked
from autodl_agent.engine.policy.planner import Slice
from autodl_agent.engine.round import Choose, Round
from autodl_agent.engine.state import RunState
from autodl_agent.engine.worker.client import Finished, WorkerClient
from autodl_agent.engine.worker.remote_member import RemoteMember, StoredModel
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.system.resources import cores

ENOUGH_CORES = 4  # for two slices at once
OVERDUE = 2.0  # times the expected cost, and
OVERDUE_S = 3.0  # as many seconds more, after which a slice no longer keeps the other place waiting: costs are guesses
OVERDUE_SHARE = 0.1  # of the budget that these seconds are at most
TICK_S = 0.25
FIRST_TRIES = 3  # slices that may fail to give a first answer before the worker is let in
TRIES = 2  # of a learner whose worker was ended by somebody else

Place = Literal["local", "worker"]


@dataclass(frozen=True)
class LocalResult:
    """What a slice in this process came to."""

    member: Member
    started_s: float
    worked: Worked | Exception


class Dispatcher:
    """Plays slices here and in the worker for one run."""

    def __init__(self, state: RunState, choose: Choose, worker: WorkerClient) -> None:
        self.state, self.choose, self.worker = state, choose, worker
        self._events: queue.Queue[Finished | LocalResult | None] = queue.Queue()
        self._due: dict[Place, float] = {}  # when the slice there is overdue
        self._retries: dict[str, int] = {}
        self._opened = False
        worker.deliver_to(self._events.put)

    def play(self) -> Iterator[Round]:
        """Rounds as they end. Slices run in this thread until there is a first answer: nothing is to come before it."""
        state = self.state
        if not self._opened:
            yield from self._first_answer()
            self.worker.open(state.store, state.held_out.folds)
            self._opened = True
        while not state.over:
            self._fill()
            # A slice may have ended since both places were filled: its result is among the events then.
            if self._idle and self._events.empty():
                return
            try:
                event = self._events.get(timeout=max(0.01, min(TICK_S, state.budget.remaining())))
            except queue.Empty:
                continue
            if isinstance(event, LocalResult):
                state.mark_running(None)
                yield from state.finish_slice(event.member, event.started_s, event.worked)
            elif event is not None:
                yield from self._finish_remote(event)

    def _first_answer(self) -> Iterator[Round]:
        state = self.state
        for _ in range(FIRST_TRIES):
            if (first := self._chosen(state.candidates)) is not None:
                yield from state.play(first)
            if state.answered or state.over or first is None:
                return

    @property
    def _idle(self) -> bool:
        return self.state.running is None and self.worker.playing is None and not self.worker.loading

    def _fill(self) -> None:
        """Start what the policy wants where a slice can start."""
        state, heavy = self.state, self.worker.free
        local_is_free = state.running is None
        busy: list[Place] = [] if local_is_free else ["local"]
        if self.worker.playing is not None:
            busy.append("worker")
        now = state.budget.elapsed()
        if not busy and cores() < ENOUGH_CORES:
            self._start(self._chosen((*state.candidates, *heavy)))
        elif cores() >= ENOUGH_CORES or all(now > self._due.get(place, 0.0) for place in busy):
            if heavy:
                self._start(self._chosen(heavy))
            if local_is_free:
                self._start(self._chosen(state.candidates))

    def _chosen(self, candidates: Sequence[LearnerSpec]) -> Slice | None:
        return self.state.choose_from(candidates, self.choose) if candidates else None

    def _start(self, chosen: Slice | None) -> None:
        if chosen is None:
            return
        budget = self.state.budget
        place: Place = "worker" if chosen.spec.worker else "local"
        spare = min(OVERDUE_S, OVERDUE_SHARE * budget.total_s)
        self._due[place] = budget.elapsed() + OVERDUE * chosen.expected_cost_s + spare
        if chosen.spec.worker:
            self.worker.play(chosen.spec, chosen.seconds)
            return
        member = self.state.member(chosen.spec)
        self.state.mark_running(chosen.spec.name)
        threading.Thread(target=self._work, args=(member, chosen.seconds), name="slice", daemon=True).start()

    def _work(self, member: Member, seconds: float) -> None:
        started = self.state.budget.elapsed()
        worked = capture_errors(lambda: member.work(self.state.budget.deadline(seconds)))
        self._events.put(LocalResult(member, started, worked))

    def _finish_remote(self, event: Finished) -> Iterator[Round]:
        """Judge a slice of the worker."""
        state, name = self.state, event.spec.name
        found = state.members.get(name)
        member = found if isinstance(found, RemoteMember) else RemoteMember(event.spec)
        if event.again:
            self._retries[name] = self._retries.get(name, 0) + 1
        if event.error and (not event.again or self._retries[name] >= TRIES):
            yield state.disabled(member, event.started_s, event.error)
        elif not event.logits:
            yield state.timed_out(member, event.started_s)
        else:
            yield from state.finish(member, event.started_s, lambda: self._take(member, event))
            models = [model for part in state.snapshot.parts for model in part.models] + list(member.frozen_models)
            self.worker.tidy(model.folder for model in models if isinstance(model, StoredModel))

    def _take(self, member: RemoteMember, event: Finished) -> None:
        """Make the slice's results the member's own, unless they are worse than those before."""
        self.state.replace_member(member)
        member.more = event.more
        if not self.state.held_out.is_worse(event.logits.get("held_out"), member.held_out):
            member.accept(event.logits.get("held_out"), event.logits["test"], list(event.models), self.state.task)
