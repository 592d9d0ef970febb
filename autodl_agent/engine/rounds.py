"""The any-time loop as a generator: it obeys the policy, yields one Round a slice, and never lets a learner end it.

Consumers decide what a round is for: the command line writes predictions and shows progress, the challenge adapter
takes one a `train` call, tests read them as a list.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine import final_phase
from autodl_agent.engine.policy import planner
from autodl_agent.engine.round import Choose, Keep, Round
from autodl_agent.engine.state import RunState
from autodl_agent.engine.warm_start import WarmStart
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.system.clock import Budget

if TYPE_CHECKING:
    from autodl_agent.engine.worker.client import WorkerClient

Play = Callable[[], Iterator[Round]]


def rounds(
    store: TensorStore,
    candidates: Sequence[LearnerSpec],
    budget: Budget,
    choose: Choose = planner.choose,
    keep: Keep = lambda snapshot: None,
    worker: "WorkerClient | None" = None,
    previous: WarmStart | None = None,
    endless: bool = False,
    seed_replicas: int = final_phase.SEED_REPLICAS,
) -> Iterator[Round]:
    """Yield rounds until nothing is left to gain or to afford. The first is the prior's, at once.

    keep: handed the ensemble behind every prediction, just before the round with that prediction is yielded.
    worker: plays the learners that need the worker process; without one they are left out.
    previous: what another run left; there is no prior then, and no prediction until one is better than its last.
    endless: make more copies of the best learners rather than end early.
    seed_replicas: copies of one learner with other seeds, at most, once every learner has done its work.
    """
    state = RunState(
        store, tuple(spec for spec in candidates if not spec.worker and spec.fits(store.task)), budget, keep
    )
    if previous is None:
        yield state.prior()
    else:
        state.adopt(previous)
    play = _alone(state, choose) if worker is None else _with_worker(state, choose, worker)
    yield from play()
    while not state.over and (more := final_phase.seed_replicas(state, seed_replicas, endless)):
        before, nauc = len(state.history), state.emitted_nauc
        state.add_candidates(more)
        yield from play()
        # No copy fits the time that is left, or they bring nothing.
        if len(state.history) == before or (not endless and state.emitted_nauc == nauc):
            break
    yield from final_phase.refit_on_all_rows(state)


def _alone(state: RunState, choose: Choose) -> Play:
    """One slice after the other, in this thread, until the policy wants no more."""

    def play() -> Iterator[Round]:
        while not state.over:
            chosen = state.choose_from(state.candidates, choose)
            if chosen is None:
                return
            yield from state.play(chosen)

    return play


def _with_worker(state: RunState, choose: Choose, worker: "WorkerClient") -> Play:
    from autodl_agent.engine.dispatch import Dispatcher  # with all that a worker needs

    return Dispatcher(state, choose, worker).play


__all__ = ["Choose", "Keep", "Round", "rounds"]
