"""State of one run and what is done with one slice: played, judged on held-out rows, blended, never fatal."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from autodl_agent.data.arrays import Labels, Logits, Probabilities
from autodl_agent.data.tensor_store import OutOfTimeError, TensorStore
from autodl_agent.engine.ensemble.selection import Blend
from autodl_agent.engine.guard import capture_errors
from autodl_agent.engine.held_out import HeldOutRows
from autodl_agent.engine.members import Member, Worked
from autodl_agent.engine.policy import planner
from autodl_agent.engine.round import Choose, Keep, Round
from autodl_agent.engine.snapshot import HeldOut, Part, Snapshot
from autodl_agent.engine.warm_start import WarmStart
from autodl_agent.learners.base import Examples
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.system.clock import Budget, Deadline

if TYPE_CHECKING:
    from autodl_agent.engine.worker.remote_member import RemoteMember

log = logging.getLogger(__name__)
CHANCE = 0.0  # held-out NAUC of what knows nothing
TIME_OUTS_AT_MOST = 4  # slices without a result after which a learner is disabled


class _TestRowsError(Exception):
    """A member raised the cause when it was to predict the test rows."""

    def __init__(self, member: Member, cause: Exception) -> None:
        super().__init__(str(cause))
        self.member, self.cause = member, cause


class RunState:
    """State of one run of `rounds`. running: the learner whose slice another thread is in, if any."""

    def __init__(self, store: TensorStore, candidates: tuple[LearnerSpec, ...], budget: Budget, keep: Keep) -> None:
        self.store, self.candidates, self.budget, self.task, self.keep = store, candidates, budget, store.task, keep
        self.labels: Labels = store.dataset.train.labels
        self.data = Examples(store, "train", np.arange(self.task.n_train), self.labels)
        self.test = Examples(store, "test", np.arange(self.task.n_test), store.dataset.test.labels)
        self.members: dict[str, Member | RemoteMember] = {}
        self.running: str | None = None
        self.answered = False  # whether there is a prediction that rests on something learned
        self.history: list[planner.SliceRecord] = []
        self.number = 0
        self.emitted_nauc: float | None = None
        self.snapshot = Snapshot()  # behind the newest prediction, and the weights of its members by name
        self.weights: dict[str, float] = {}
        self.own: dict[str, float] = {}  # held-out NAUC of each learner's last finished slice

    def add_candidates(self, more: tuple[LearnerSpec, ...]) -> None:
        """Let the policy choose from these learners, too."""
        self.candidates += more

    def mark_running(self, learner: str | None) -> None:
        """Say whose slice another thread is in now; None when it has ended."""
        self.running = learner

    def choose_from(self, candidates: Sequence[LearnerSpec], choose: Choose) -> planner.Slice | None:
        """What the policy would do next with these learners; None where nothing useful fits the time left."""
        elapsed_s, total_s = self.budget.elapsed(), self.budget.total_s
        return choose(self.history, candidates, self.task, elapsed_s, total_s, len(self.held_out.folds))

    def replace_member(self, member: "Member | RemoteMember") -> None:
        """Let this member stand for its learner from now on."""
        self.members[member.spec.name] = member

    @property
    def over(self) -> bool:
        """Whether the budget is used up."""
        return self.budget.remaining() <= 0

    @cached_property
    def held_out(self) -> HeldOutRows:
        """Made when it is first asked for, after the prior is out: a table is read for it."""
        return HeldOutRows.of(self.store)

    def prior(self) -> Round:
        """Class frequencies for every row: what stands on disk until something is learned."""
        now = self.budget.elapsed()
        prediction = np.tile(self.task.class_priors, (self.task.n_test, 1))
        self.keep(Snapshot())
        return self._round("prior", now, prediction=prediction)

    def adopt(self, previous: WarmStart) -> None:
        """Start from another run: from its ensemble where the same rows were held out, and from its held-out NAUC."""
        self.answered = True
        # The figure of other rows is as good a guess as any of what a better prediction must reach.
        self.emitted_nauc = previous.to_beat
        if not np.array_equal(previous.rows, self.held_out.rows):
            what = "was judged on other rows" if len(previous.rows) else "was not kept"
            log.warning("the ensemble of the run before %s; its last prediction stays until one is better", what)
            return
        for part in previous.members(self.task):
            self.members[f"earlier {part.spec.name}"] = part

    def member(self, spec: LearnerSpec) -> Member:
        """The learner's member here, made when it is first asked for."""
        found = self.members.get(spec.name)
        if not isinstance(found, Member):
            found = self.members[spec.name] = Member(spec, self.data, self.test, self.held_out.folds)
        return found

    def play(self, chosen: planner.Slice) -> Iterator[Round]:
        """Run one slice, whatever happens inside the learner; yields a round, two for the very first answer."""
        started, done = self.budget.elapsed(), 0
        deadline, member = self.budget.deadline(chosen.seconds), self.member(chosen.spec)
        if not self.answered:
            first = capture_errors(lambda: self._first_answer(member, started, deadline))
            if isinstance(first, Exception):
                yield from self.finish_slice(member, started, first)
                return
            yield first
            done = 1
        yield from self.finish_slice(member, started, capture_errors(lambda: member.work(deadline, done)))

    def finish_slice(self, member: Member, started: float, worked: Worked | Exception) -> Iterator[Round]:
        """Judge what a slice came to: results, out of time, or an error that disables the learner."""

        def take() -> None:
            if isinstance(worked, Exception):
                raise worked
            if self.held_out.is_worse(worked.held_out, member.held_out):
                member.reject(worked)
            else:
                member.accept(worked)

        yield from self.finish(member, started, take)

    def finish(self, member: "Member | RemoteMember", started: float, take: Callable[[], None]) -> Iterator[Round]:
        """Let the member `take` what its slice came to and judge it; what that raises never ends the run."""
        try:
            take()
            yield from self.evaluate(member, started)
        except OutOfTimeError:
            # What was decoded is kept, so the next slice gets further.
            yield self.timed_out(member, started)
        except Exception as error:
            yield self._failed(member, started, error)

    def _failed(self, member: "Member | RemoteMember", started: float, error: Exception) -> Round:
        log.warning("%s disabled: %s: %s", member.spec.name, type(error).__name__, error, exc_info=error)
        return self.disabled(member, started, f"{type(error).__name__}: {error}")

    def timed_out(self, member: "Member | RemoteMember", started: float) -> Round:
        """A slice without a result; a learner that times out again and again is left alone."""
        member.timed_out += 1
        member.more = True
        failed = member.timed_out >= TIME_OUTS_AT_MOST
        self._remember(member.spec, started, member, failed=failed, timed_out=True)
        # A learner of the worker is no member yet while its first result has not come.
        return replace(self._round(member.spec.name, started, error="out of time" if failed else ""), more=not failed)

    def disabled(self, member: "Member | RemoteMember", started: float, error: str) -> Round:
        """A learner that gets no more slices; what it had delivered before stays in the ensemble."""
        if not member.frozen_models or (member.held_out is None and len(self.held_out)):
            self.members.pop(member.spec.name, None)
        member.more = False
        self._remember(member.spec, started, member, failed=True)
        return self._round(member.spec.name, started, error=error)

    def evaluate(self, member: "Member | RemoteMember", started: float) -> Iterator[Round]:
        """Blend all members after one advanced; predict the test rows when the blend got better.

        A member that fails on the test rows is disabled, whoever's turn it is: it goes back to the last result that
        could predict them, or out of the blend, and the others are blended anew.
        """
        while True:
            try:
                found = self._evaluate(member, started)
            except _TestRowsError as failure:
                failed = failure.member
                failed.revert()
                self.own.pop(failed.spec.name, None)
                self._alone(failed)
                yield self._failed(failed, started if failed is member else self.budget.elapsed(), failure.cause)
                if failed is member:
                    return
            else:
                yield found
                return

    def _evaluate(self, member: "Member | RemoteMember", started: float) -> Round:
        """While another thread is in a slice, members that would have to predict first are left for the next time."""
        names = [
            name
            for name, m in self.members.items()
            if m.frozen_models
            and (m.held_out is not None or not len(self.held_out))
            and (self.running is None or m.test_is_cached)
        ]
        member_nauc = self._alone(member)
        # A learner that came to nothing answers with class shares: blended in, it would only change the sharpness.
        names = [name for name in names if self.own.get(name, 1.0) > CHANCE] or names
        blend = self.held_out.blend([self.members[name].held_out for name in names])
        better = self.emitted_nauc is None or blend.nauc > self.emitted_nauc or not len(self.held_out)
        weights = {n: w for n, w in zip(names, blend.weights, strict=True) if w > 0}
        prediction = None
        if better:
            self.snapshot, self.weights = self._snapshot(names, blend), weights
            prediction = self._guarded(self.snapshot.combine(list(self.snapshot.test)))
            self.emitted_nauc = blend.nauc
            self.keep(self.snapshot)
        self._remember(member.spec, started, member, nauc=member_nauc)
        ensemble_nauc = max(blend.nauc, self.emitted_nauc or 0.0) if len(self.held_out) else None
        return self._round(member.spec.name, started, member_nauc, ensemble_nauc, prediction, weights if better else {})

    def _first_answer(self, member: Member, started: float, deadline: Deadline) -> Round:
        odds = member.first_answer(deadline)
        first = Snapshot((Part(member.spec.name, 1.0, member.frozen_models),))
        prediction = self._guarded(first.combine([odds]))
        self.keep(first)
        self.answered = True
        return self._round(member.spec.name, started, prediction=prediction)

    def emit(self, snapshot: Snapshot, learner: str, started: float) -> Round:
        """A prediction that held-out rows cannot judge."""
        self.snapshot = snapshot
        prediction = self._guarded(snapshot.combine(list(snapshot.test)))
        self.keep(snapshot)
        return self._round(learner, started, ensemble_nauc=self.emitted_nauc, prediction=prediction)

    def _snapshot(self, names: list[str], blend: Blend) -> Snapshot:
        used = [(self.members[name], weight) for name, weight in zip(names, blend.weights, strict=True) if weight > 0]
        scale = blend.inverse_temperature  # of the softmax, where there is one
        parts = tuple(Part(member.spec.name, weight * scale, member.frozen_models) for member, weight in used)
        logits = tuple(member.held_out for member, _ in used if member.held_out is not None)
        judged = bool(len(self.held_out)) and len(logits) == len(parts)
        held_out = HeldOut(logits, self.held_out.labels, self.held_out.rows) if judged else None
        snapshot = Snapshot.of(parts, blend.softmax, blend.nauc if judged else None, held_out)
        return replace(snapshot, test=tuple(_test_rows_of(member) for member, _ in used))

    def _alone(self, member: "Member | RemoteMember") -> float | None:
        """NAUC of one learner on the held-out rows."""
        nauc = self.held_out.nauc(member.held_out)
        if nauc is not None:
            self.own[member.spec.name] = nauc
        return nauc

    def _remember(
        self,
        spec: LearnerSpec,
        started: float,
        member: "Member | RemoteMember",
        nauc: float | None = None,
        failed: bool = False,
        timed_out: bool = False,
    ) -> None:
        seconds = self.budget.elapsed() - started
        best = self.emitted_nauc or 0.0
        self.history.append(
            planner.SliceRecord(spec.name, seconds, nauc, best, member.more, failed, timed_out, member.next_s)
        )

    def _round(
        self,
        learner: str,
        started: float,
        member_nauc: float | None = None,
        ensemble_nauc: float | None = None,
        prediction: Probabilities | None = None,
        weights: dict[str, float] | None = None,
        error: str = "",
    ) -> Round:
        self.number += 1
        ended, found = self.budget.elapsed(), self.members.get(learner)
        more = found is not None and found.more and not error
        next_s = found.next_s if found is not None and more else None
        return Round(
            self.number - 1,
            learner,
            started,
            ended,
            member_nauc,
            ensemble_nauc,
            prediction,
            weights or {},
            error,
            more,
            next_s,
        )

    def _guarded(self, prediction: Probabilities) -> Probabilities:
        """Test rows that could not be read get the class frequencies; what an image of zeros says means nothing."""
        bad = self.store.bad["test"]
        if bad.any():
            prediction = np.where(bad[:, None], self.task.class_priors, prediction)
        return np.asarray(prediction, np.float32)


def _test_rows_of(member: "Member | RemoteMember") -> Logits:
    """(n_test, classes) logits. Raises OutOfTimeError, and _TestRowsError for all that a learner may raise."""
    found = capture_errors(member.test)
    if isinstance(found, Exception):
        if isinstance(found, OutOfTimeError) or not isinstance(member, Member):
            raise found
        raise _TestRowsError(member, found) from found
    return found
