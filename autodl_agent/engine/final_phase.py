"""What is done with the time that is left when every learner has done its work: copies, then a fit on all rows.

Copies are learners of the ensemble once more, with another seed: the mean of several trees or networks errs less than
one. The last thing is to fit the members that matter on all training rows, those held out too: they chose what is
trained and how far, and are no longer needed for it.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from autodl_agent.data.arrays import Logits
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.engine.members import Member, logits_of
from autodl_agent.engine.policy.costs import guess_s
from autodl_agent.engine.round import Round
from autodl_agent.engine.snapshot import Part
from autodl_agent.engine.state import RunState
from autodl_agent.learners.registry import LearnerSpec

log = logging.getLogger(__name__)
SEED_REPLICAS = 3  # of one learner, where the user does not want all the time used
MANY = 50
WEIGHT = 0.15  # in the ensemble, of a learner worth copying
SATURATED = 0.9995  # held-out NAUC beyond which nothing can be told apart
SPARE = 1.4  # times the seconds that its slices took, for a learner to be fitted again
MARK = "~"  # between a learner's name and the number of its copy


def seed_replicas(state: RunState, most: int, endless: bool) -> tuple[LearnerSpec, ...]:
    """One more copy of each learner that has much weight; none where nothing can be gained.

    most: copies of one learner. endless: never tired, and up to MANY copies.
    """
    if not endless and state.emitted_nauc is not None and state.emitted_nauc >= SATURATED:
        return ()
    found = []
    for name, weight in state.weights.items():
        member = state.members.get(name)
        if not isinstance(member, Member) or weight < WEIGHT or MARK in name or not _is_random(state, name):
            continue
        number = 1 + sum(spec.name.startswith(f"{name}{MARK}") for spec in state.candidates)
        if number <= (MANY if endless else most):
            spec = replace(member.spec, name=f"{name}{MARK}{number}", start_s=0.0, copy=number)
            priced = guess_s(replace(spec, example_ms=1.0), state.task, len(state.held_out.folds))
            found.append(replace(spec, example_ms=_first_cost_s(state, name) / max(priced, 1e-6)))
    return tuple(found)


def refit_on_all_rows(state: RunState) -> Iterator[Round]:
    """Fit the members of the newest ensemble on all rows, where a part was held out and the time holds it."""
    snapshot, started = state.snapshot, state.budget.elapsed()
    members = [state.members.get(name) for name in state.weights]
    whole = (
        len(state.held_out.folds) == 1
        and len(state.held_out)
        and snapshot.parts
        and len(members) == len(snapshot.parts)
    )
    cost = SPARE * sum(_seconds(state, name) for name in state.weights)
    if not whole or cost > state.budget.remaining() or not all(isinstance(member, Member) for member in members):
        return
    deadline = state.budget.deadline(state.budget.remaining())
    parts, test = [], []
    try:
        for part, member in zip(snapshot.parts, members, strict=True):
            if isinstance(member, Member):
                model = member.refitted(deadline)
                parts.append(Part(part.name, part.weight, (model,)))
                test.append(np.asarray(logits_of(model, state.test, part.name), np.float32))
    except OutOfTimeError:
        return
    except Exception as error:  # the ensemble as it is stays
        log.warning("no fit on all rows: %s: %s", type(error).__name__, error)
        return
    yield state.emit(replace(snapshot, parts=tuple(parts), test=tuple(test)), "all rows", started)


def _is_random(state: RunState, name: str) -> bool:
    """Whether a copy with another seed could differ: one that was made does."""
    first = state.members.get(f"{name}{MARK}1")
    if first is None or first.held_out is None:
        return True
    return not _same(first.held_out, state.members[name].held_out)


def _same(one: Logits, other: Logits | None) -> bool:
    return other is not None and np.allclose(one, other, atol=1e-4)


def _seconds(state: RunState, name: str) -> float:
    return sum(record.seconds for record in state.history if record.learner == name)


def _first_cost_s(state: RunState, name: str) -> float:
    return next((record.seconds for record in state.history if record.learner == name), 0.0)
