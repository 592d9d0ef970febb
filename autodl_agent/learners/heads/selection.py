"""The choice of a penalty: the candidate with the best score, of all or by climbing."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from autodl_agent.learners.heads.eigen import Candidate

Trial = TypeVar("Trial")


class Selected(NamedTuple):
    """The chosen candidate. number: its place in the sequence. auc: what it was judged by."""

    number: int
    candidate: Candidate
    auc: float


def best_candidate(
    candidates: Iterable[Candidate],
    auc_of: Callable[[Candidate], float],
    clear_gain: float = 0.0,
    give_up: float = math.inf,
) -> Selected:
    """The candidate of the best AUC, the first of equal ones; only the best one so far is kept in memory.

    clear_gain: by so much another must beat the first one. give_up: the search ends after a candidate that is worse
    than the best one by more than this. Raises ValueError without candidates.
    """
    best: Selected | None = None
    least = 0.0
    for number, candidate in enumerate(candidates):
        auc = auc_of(candidate)
        if best is None:
            best, least = Selected(number, candidate, auc), auc + clear_gain
        elif auc > max(best.auc, least):
            best = Selected(number, candidate, auc)
        elif auc < best.auc - give_up:
            break
    if best is None:
        raise ValueError("no penalties to choose from")
    return best


def climb(
    trial: Callable[[int, Trial | None], Trial],
    auc_of: Callable[[Trial], float],
    start: int,
    count: int,
    goes_on: Callable[[], bool],
) -> tuple[Trial, int]:
    """The best of `count` settings in a row and its number, from number `start` upwards, else downwards.

    trial: makes one from its number and the best one so far. Each step must be better than the last: the AUC is taken
    to have one top, and what got better one way is not sought the other way. goes_on: asked before each further trial.
    """
    best, at = trial(start, None), start
    for way in (1, -1):
        number = start + way
        while 0 <= number < count and goes_on():
            new = trial(number, best)
            if auc_of(new) <= auc_of(best):
                break
            best, at, number = new, number, number + way
        if at != start:
            break
    return best, at
