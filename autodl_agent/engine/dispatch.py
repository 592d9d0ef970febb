"""Two lanes of slices: one in a thread of this process, one in the worker; their results are judged as they come.

On few cores two slices at once would only slow each other down and spoil the measured costs. So there one slice runs
at a time, wherever the policy sees the most to gain; only when it takes much longer than expected is the other lane
used as well, so that a worker that hangs holds up nothing.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autodl_agent.engine.members import Member, Worked
from autodl_agent.engine.policy.planner import Slice
from autodl_agent.engine.state import Choose, Round, RunState, capture_errors
from autodl_agent.engine.worker.client import Finished, WorkerClient
from autodl_agent.engine.worker.remote_member import RemoteMember, StoredModel
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.system.resources import cores

ENOUGH_CORES = 4  # for two slices at once
OVERDUE = 2.0  # times the expected cost, and
OVERDUE_S = 3.0  # as many seconds more, after which a slice no longer keeps the other lane waiting: costs are guesses
OVERDUE_SHARE = 0.1  # of the budget that these seconds are at most
TICK_S = 0.25
FIRST_TRIES = 3  # slices that may fail to give a first answer before the worker is let in
TRIES = 2  # of a learner whose worker was ended by somebody else


@dataclass(frozen=True)
class LocalResult:
    """What a slice in this process came to."""

    member: Member
    started_s: float
    worked: Worked | Exception


class Dispatcher:
    """Plays both lanes for one loop."""

    def __init__(self, loop: RunState, choose: Choose, lane: WorkerClient) -> None:
        self.loop, self.choose, self.lane = loop, choose, lane
        self.events: queue.Queue[Finished | LocalResult | None] = lane.events  # type: ignore[assignment]
        self._due: dict[str, float] = {}  # lane -> when its slice is overdue
        self._retries: dict[str, int] = {}
        self._opened = False

    def play(self) -> Iterator[Round]:
        """Rounds as they end. Slices run in this thread until there is a first answer: nothing is to come before it."""
        loop = self.loop
        if not self._opened:
            for _ in range(FIRST_TRIES):
                if (first := self._chosen(loop.candidates)) is not None:
                    yield from loop.play(first)
                if loop.answered or loop.over or first is None:
                    break
            self.lane.open(loop.store, loop.folds)
            self._opened = True
        while not loop.over:
            self._fill()
            # A slice may have ended since the lanes were filled: its result is among the events then.
            if self._idle and self.events.empty():
                return
            try:
                event = self.events.get(timeout=max(0.01, min(TICK_S, loop.budget.remaining())))
            except queue.Empty:
                continue
            if isinstance(event, LocalResult):
                loop.running = None
                yield from loop.finish_slice(event.member, event.started_s, event.worked)
            elif event is not None:
                yield from self._finished(event)

    @property
    def _idle(self) -> bool:
        return self.loop.running is None and self.lane.playing is None and not self.lane.loading

    def _fill(self) -> None:
        """Start what the policy wants in the lanes that are free."""
        here = self.loop.running is None
        heavy = self.lane.free
        now = self.loop.budget.elapsed()
        waiting = [name for name, busy in (("here", not here), ("worker", self.lane.playing is not None)) if busy]
        if not waiting and cores() < ENOUGH_CORES:
            chosen = self._chosen((*self.loop.candidates, *heavy) if here else heavy)
            self._start(chosen)
        elif cores() >= ENOUGH_CORES or all(now > self._due.get(name, 0.0) for name in waiting):
            if heavy:
                self._start(self._chosen(heavy))
            if here:
                self._start(self._chosen(self.loop.candidates))

    def _chosen(self, candidates: Sequence[LearnerSpec]) -> Slice | None:
        loop = self.loop
        if not candidates:
            return None
        gone, total = loop.budget.elapsed(), loop.budget.total_s
        return self.choose(loop.history, candidates, loop.task, gone, total, len(loop.folds))

    def _start(self, chosen: Slice | None) -> None:
        if chosen is None:
            return
        lane = "worker" if chosen.spec.worker else "here"
        spare = min(OVERDUE_S, OVERDUE_SHARE * self.loop.budget.total_s)
        self._due[lane] = self.loop.budget.elapsed() + OVERDUE * chosen.expected_cost_s + spare
        if chosen.spec.worker:
            self.lane.play(chosen.spec, chosen.seconds)
            return
        member = self.loop.member(chosen.spec)
        self.loop.running = chosen.spec.name
        threading.Thread(target=self._work, args=(member, chosen.seconds), name="slice", daemon=True).start()

    def _work(self, member: Member, seconds: float) -> None:
        started = self.loop.budget.elapsed()
        worked = capture_errors(lambda: member.work(self.loop.budget.deadline(seconds)))
        self.events.put(LocalResult(member, started, worked))

    def _finished(self, event: Finished) -> Iterator[Round]:
        """HoldoutMetric a slice of the worker."""
        loop, name = self.loop, event.spec.name
        found = loop.members.get(name)
        member = found if isinstance(found, RemoteMember) else RemoteMember(event.spec)
        if event.again:
            self._retries[name] = self._retries.get(name, 0) + 1
        if event.error and (not event.again or self._retries[name] >= TRIES):
            yield loop.disabled(member, event.started_s, event.error)
        elif not event.logits:
            yield loop.timed_out(member, event.started_s)
        else:
            yield from loop.finish(member, event.started_s, lambda: self._take(member, event))
            models = [model for part in loop.snapshot.parts for model in part.models] + list(member.frozen_models)
            self.lane.tidy(model.folder for model in models if isinstance(model, StoredModel))

    def _take(self, member: RemoteMember, event: Finished) -> None:
        """Make the slice's results the member's own, unless they are worse than those before."""
        loop = self.loop
        loop.members[event.spec.name] = member
        member.more = event.more
        if not loop.is_worse(event.logits.get("held_out"), member.held_out):
            member.accept(event.logits.get("held_out"), event.logits["test"], list(event.models), loop.task)
