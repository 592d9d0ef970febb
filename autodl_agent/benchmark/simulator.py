"""One run on recorded slices in simulated time: a minute takes milliseconds.

The idea is that of simulator backends over tabulated benchmarks (Syne Tune: Salinas et al. 2022). The policy under test
is called as in a run; the slice that it chooses takes the seconds recorded for that learner's next slice and gives the
NAUC recorded for it, and `EnsembleModel` says what the ensemble is then worth. Where the policy allows less time than
the slice took, the learner runs out of time; what it computed counts for its next try.

Slices follow each other, as they do in a run on fewer than four cores. A learner of which no further slices were
recorded is not offered any more. Copies with other seeds and the last fit on all rows are not simulated, nor does a
slice depend on its deadline otherwise. Scores are those on held-out rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from autodl_agent.benchmark.ensemble_model import EnsembleModel
from autodl_agent.benchmark.slice_table import RecordedSet, RecordedSlice
from autodl_agent.engine.dispatch import FIRST_TRIES
from autodl_agent.engine.policy.slices import Slice, SliceRecord
from autodl_agent.engine.round import Choose
from autodl_agent.engine.state import TIME_OUTS_AT_MOST
from autodl_agent.learners.registry import LearnerSpec, learners_for
from autodl_agent.scoring.alc import LearningCurve


@dataclass(frozen=True)
class SimulatedRun:
    """A simulated run. ended_s: when its last slice ended. not_recorded: learners that could have gone on."""

    curve: LearningCurve
    history: tuple[SliceRecord, ...]
    ended_s: float
    not_recorded: tuple[str, ...]


@dataclass(frozen=True)
class Attempt:
    """What a learner does until its next result, or until the end of its record.

    seconds: of all slices together, the last of which is `result`. answer_s: those until it gave a first answer.
    """

    seconds: float
    result: RecordedSlice
    answer_s: float | None = None


def simulate(recorded: RecordedSet, choose: Choose, budget_s: float, learners: Sequence[str] = ()) -> SimulatedRun:
    """Play a policy on one data set. learners: the only ones to use; none given means all that were recorded.

    Raises UsageError where `learners` names none of this domain's.
    """
    found = tuple(spec for spec in learners_for(recorded.task.domain, learners) if spec.name in recorded.slices)
    run = _Simulation(recorded, found, budget_s)
    while run.elapsed_s < budget_s:
        candidates = run.candidates()
        chosen = None
        if candidates:
            chosen = choose(run.history, candidates, recorded.task, run.elapsed_s, budget_s, recorded.folds)
        if chosen is not None:
            run.play(chosen)
        elif not run.wait_for_worker():
            break
    curve = LearningCurve.of([t for t, _ in run.points], [nauc for _, nauc in run.points], budget_s)
    return SimulatedRun(curve, tuple(run.history), run.elapsed_s, tuple(sorted(run.not_recorded)))


@dataclass
class _Simulation:
    """State of one simulated run. points: (seconds, NAUC) of every prediction. spent_s: on attempts not finished."""

    recorded: RecordedSet
    specs: tuple[LearnerSpec, ...]
    budget_s: float
    elapsed_s: float = 0.0
    answered: bool = False
    waited: bool = False
    nauc: float = 0.0
    history: list[SliceRecord] = field(default_factory=list)
    points: list[tuple[float, float]] = field(default_factory=list)
    members: dict[str, float] = field(default_factory=dict)
    not_recorded: set[str] = field(default_factory=set)
    spent_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.elapsed_s = self.recorded.ready_s
        self.ensemble = EnsembleModel.fit(self.recorded.states)
        self.waiting = {spec.name: attempts_of(self.recorded.slices[spec.name]) for spec in self.specs}

    def candidates(self) -> list[LearnerSpec]:
        """The worker's learners are among them from when it has been opened and has loaded its libraries."""
        ready_s = self.recorded.worker_ready_s
        opened = self.answered or self.waited or len(self.history) >= FIRST_TRIES
        worker = opened and ready_s is not None and self.elapsed_s >= ready_s
        return [spec.when_loaded() for spec in self.specs if worker or not spec.worker]

    def wait_for_worker(self) -> bool:
        """Let the time pass until the worker's learners are there; whether there was anything to wait for."""
        ready_s = self.recorded.worker_ready_s
        if self.waited or ready_s is None or not any(spec.worker for spec in self.specs):
            return False
        self.waited = True
        if self.elapsed_s >= ready_s:
            return not self.answered
        self.elapsed_s = ready_s
        return True

    def play(self, chosen: Slice) -> None:
        """The next slice of the chosen learner, as far as the time allowed goes."""
        name = chosen.spec.name
        attempt = self.waiting[name][0]
        left_s = max(attempt.seconds - self.spent_s.get(name, 0.0), 0.0)
        started_s, seconds = self.elapsed_s, min(left_s, chosen.seconds)
        self.elapsed_s += seconds
        self._answer(name, attempt, started_s, seconds)
        if left_s > chosen.seconds or attempt.result.timed_out:
            self.spent_s[name] = self.spent_s.get(name, 0.0) + seconds
            self._time_out(name, seconds, ended=left_s <= chosen.seconds)
        else:
            self.spent_s[name] = 0.0
            self._finish(name, seconds, attempt.result)

    def _answer(self, name: str, attempt: Attempt, started_s: float, seconds: float) -> None:
        """The first prediction, before the slice has been judged: taken to be as good as its result."""
        if self.answered or attempt.answer_s is None or attempt.result.nauc is None:
            return
        after_s = max(attempt.answer_s - self.spent_s.get(name, 0.0), 0.0)
        if after_s <= seconds:
            self.points.append((started_s + after_s, self.ensemble.nauc({name: attempt.result.nauc})))
            self.answered = True

    def _time_out(self, name: str, seconds: float, ended: bool) -> None:
        """ended: the record ends without a result, too."""
        before = sum(record.timed_out for record in self.history if record.learner == name)
        if ended:
            self.not_recorded.add(name)
        failed = before + 1 >= TIME_OUTS_AT_MOST
        self.history.append(SliceRecord(name, seconds, None, self.nauc, not ended, failed, timed_out=True))

    def _finish(self, name: str, seconds: float, result: RecordedSlice) -> None:
        self.waiting[name] = self.waiting[name][1:]
        if result.more and not self.waiting[name]:
            self.not_recorded.add(name)
        if result.nauc is not None:
            self.members[name] = result.nauc
            found = self.ensemble.nauc(self.members)
            if not self.answered or found > self.nauc:
                self.points.append((self.elapsed_s, found))
            self.nauc, self.answered = max(self.nauc, found), True
        more = result.more and bool(self.waiting[name])
        self.history.append(
            SliceRecord(name, seconds, result.nauc, self.nauc, more, result.failed, next_s=result.next_s)
        )


def attempts_of(slices: Sequence[RecordedSlice]) -> list[Attempt]:
    """Slices by their results; those without one are a part of the next that has one, or the end of the record."""
    found: list[Attempt] = []
    seconds, answer_s = 0.0, None
    for one in slices:
        if answer_s is None and one.answer_s is not None:
            answer_s = seconds + one.answer_s
        seconds += one.seconds
        if not one.timed_out or one is slices[-1]:
            found.append(Attempt(seconds, one, answer_s))
            seconds, answer_s = 0.0, None
    return found
