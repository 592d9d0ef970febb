import pytest

from autodl_agent.engine.policy.baselines import choose_by, fixed_ladder, round_robin
from autodl_agent.engine.policy.planner import SliceRecord
from autodl_agent.learners.registry import LearnerSpec

LADDER = tuple(LearnerSpec(name, "none:None") for name in ("a", "b", "c"))


def played(choose, more, slices=12, failed=()):
    """Names in the order chosen; each learner has `more[name]` slices in it, those in `failed` break at once."""
    history, order = [], []
    for _ in range(slices):
        chosen = choose(history, LADDER, None, len(order), 100.0, 1)
        if chosen is None:
            break
        name = chosen.spec.name
        order.append(name)
        history.append(SliceRecord(name, 1.0, 0.5, 0.5, order.count(name) < more[name], name in failed))
    return "".join(order)


def test_round_robin_goes_round_and_leaves_out_who_is_done():
    assert played(round_robin, {"a": 1, "b": 3, "c": 2}) == "abcbcb"


def test_the_ladder_stays_on_a_rung_until_it_is_exhausted():
    assert played(fixed_ladder, {"a": 2, "b": 1, "c": 3}) == "aabccc"


@pytest.mark.parametrize("choose", [round_robin, fixed_ladder])
def test_a_learner_that_failed_is_not_asked_again(choose):
    assert "b" not in played(choose, {"a": 2, "b": 5, "c": 2}, failed=("b",)).replace("b", "", 1)


@pytest.mark.parametrize("choose", [round_robin, fixed_ladder])
def test_slices_fit_in_the_time_left_and_grow_for_who_starved(choose):
    timed_out = SliceRecord("a", 3.0, None, 0.0, True, timed_out=True)
    assert choose([], LADDER, None, 0.0, 100.0).seconds == 10.0
    assert choose([timed_out, timed_out], LADDER[:1], None, 20.0, 100.0).seconds == 40.0
    assert choose([], LADDER, None, 98.0, 100.0).seconds == pytest.approx(1.7)
    assert choose([], LADDER, None, 100.0, 100.0) is None


def test_names_of_the_command_line():
    assert choose_by("round-robin") is round_robin
    assert choose_by("ladder") is fixed_ladder
