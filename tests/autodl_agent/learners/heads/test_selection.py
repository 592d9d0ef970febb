import numpy as np
import pytest

from autodl_agent.learners.heads.eigen import Candidate
from autodl_agent.learners.heads.selection import best_candidate, climb


def number_of_best(aucs, **limits):
    """The number chosen among candidates of these AUCs, and how many were looked at."""
    seen = []

    def candidates():
        for value in aucs:
            seen.append(value)
            yield Candidate(np.array([value]), np.zeros((1, 1), np.float32))

    chosen = best_candidate(candidates(), lambda candidate: float(candidate.solution[0]), **limits)
    assert chosen.auc == aucs[chosen.number]
    return chosen.number, len(seen)


@pytest.mark.parametrize(
    ("aucs", "limits", "expected"),
    [
        ((0.5, 0.8, 0.7), {}, (1, 3)),
        ((0.7, 0.7), {}, (0, 2)),
        ((0.7, 0.703, 0.704), {"clear_gain": 0.005}, (0, 3)),
        ((0.7, 0.71, 0.72, 0.6), {"clear_gain": 0.005}, (2, 4)),
        ((0.7, 0.8, 0.795, 0.7, 0.9), {"give_up": 0.01}, (1, 4)),
    ],
)
def test_the_best_is_taken_within_the_limits(aucs, limits, expected):
    assert number_of_best(aucs, **limits) == expected


def test_nothing_to_choose_from_is_an_error():
    with pytest.raises(ValueError, match="penalties"):
        number_of_best(())


@pytest.mark.parametrize(("start", "expected", "tried"), [(0, 2, 4), (2, 2, 3), (4, 2, 4)])
def test_climbing_ends_at_the_top_and_turns_only_at_the_start(start, expected, tried):
    values, seen = [1, 2, 5, 3, 2], []

    def trial(number, best):
        assert (best is None) == (not seen)
        seen.append(number)
        return values[number]

    assert climb(trial, float, start, 5, lambda: True) == (values[expected], expected)
    assert len(seen) == tried


def test_climbing_stops_when_told():
    assert climb(lambda number, _: number, float, 1, 5, lambda: False) == (1, 1)
