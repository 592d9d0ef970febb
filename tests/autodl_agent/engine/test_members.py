"""Cross-fitted learners: slices, settled copies, and predictions that break the contract."""

import numpy as np
import pytest

from autodl_agent.data.splits import Fold
from autodl_agent.data.tensor_store import OutOfTimeError
from autodl_agent.engine.ensemble.selection import to_logits
from autodl_agent.engine.members import Member, checked, mean_logits
from autodl_agent.learners.prior import PriorLearner
from autodl_agent.learners.testing.contract import FakeClock, examples_of, memory_dataset, scripted
from autodl_agent.system.clock import Deadline
from autodl_agent.system.errors import LearnerError

TRAIN, TEST = examples_of(memory_dataset("tabular", n_train=12, n_test=4)[0])
HALVES = (Fold(np.arange(6), np.arange(6, 12)), Fold(np.arange(6, 12), np.arange(6)))


def member(**settings: object) -> tuple[Member, FakeClock]:
    clock = FakeClock()
    return Member(scripted("fake", clock=clock, **settings), TRAIN, TEST, HALVES), clock


def later(clock: FakeClock, seconds: float = 100) -> Deadline:
    return Deadline(clock.at + seconds, clock)


def test_held_out_rows_come_fold_by_fold() -> None:
    one, clock = member()
    one.advance(later(clock))
    assert one.held_out is not None and one.held_out.shape == (12, 3)
    truth = np.concatenate([TRAIN.labels[fold.held_out] for fold in HALVES])
    # The fake adds a third of the truth to its noise in the first slice.
    assert one.held_out[truth == 1].mean() > one.held_out[truth == 0].mean()


def test_the_test_rows_are_computed_once_a_slice() -> None:
    one, clock = member()
    assert not one.test_is_cached
    one.advance(later(clock))
    first = one.test()
    assert one.test_is_cached and one.test() is first
    one.advance(later(clock))
    assert not one.test_is_cached and not np.array_equal(one.test(), first)
    assert one.increments == 2


def test_work_changes_nothing_until_it_is_accepted() -> None:
    one, clock = member()
    one.advance(later(clock))
    before, shown = one.held_out, one.test().copy()
    worked = one.work(later(clock))
    assert one.held_out is before and one.increments == 1 and np.array_equal(one.test(), shown)
    one.accept(worked)
    assert one.held_out is worked.held_out and one.increments == 2


def test_a_result_that_cannot_predict_the_test_rows_gives_way_to_the_last_that_could() -> None:
    one, clock = member(misbehave="test-nan", at=3, slices=9)
    one.advance(later(clock))
    one.advance(later(clock))
    held_out, frozen_models, shown = one.held_out, one.frozen_models, one.test()
    one.advance(later(clock))
    one.advance(later(clock))
    with pytest.raises(LearnerError, match="not finite"):
        one.test()
    one.revert()
    assert one.held_out is held_out and one.frozen_models is frozen_models and one.test() is shown
    assert one.increments == 2 and one.test_is_cached


def test_without_such_a_result_nothing_is_left() -> None:
    one, clock = member(misbehave="test-raise")
    one.advance(later(clock))
    with pytest.raises(ValueError, match="on the test rows"):
        one.test()
    one.revert()
    assert one.held_out is None and one.frozen_models == () and not one.test_is_cached


def test_a_first_answer_that_fails_leaves_nothing() -> None:
    one, clock = member(misbehave="test-nan")
    with pytest.raises(LearnerError, match="not finite"):
        one.first_answer(later(clock))
    assert one.frozen_models == ()


def test_more_is_over_when_no_fold_has_more() -> None:
    one, clock = member(slices=2)
    one.advance(later(clock))
    assert one.more
    one.advance(later(clock))
    assert not one.more


def test_the_first_answer_fits_one_fold_and_the_others_follow() -> None:
    one, clock = member(seconds=1.0)
    found = one.first_answer(later(clock))
    assert (found.shape, clock.at, len(one.frozen_models)) == ((4, 3), 101.0, 1)
    one.advance(later(clock), start_at=1)
    assert (clock.at, len(one.frozen_models), one.increments) == (102.0, 2, 1)


def test_a_refit_takes_as_many_increments_and_all_rows() -> None:
    one, clock = member(slices=5)
    for _ in range(3):
        one.advance(later(clock))
    model = one.refitted(later(clock))
    assert model.done == 3  # type: ignore[attr-defined]
    with pytest.raises(OutOfTimeError):
        one.refitted(Deadline(clock.at, clock))


@pytest.mark.parametrize(
    ("misbehave", "says"),
    [
        ("shape", r"of shape \(6, 3\) expected, found \(6, 2\)"),
        ("nan", "1 values are not finite"),
        ("range", r"\[0, 1\]"),
    ],
)
def test_a_broken_contract_names_the_learner(misbehave: str, says: str) -> None:
    one, clock = member(misbehave=misbehave)
    with pytest.raises(LearnerError, match=f"fake: .*{says}"):
        one.advance(later(clock))
    assert one.held_out is None and one.increments == 0


@pytest.mark.parametrize("value", [-1e-6, 1 + 1e-6, np.inf, np.nan])
def test_one_bad_value_is_enough(value: float) -> None:
    found = np.full((4, 3), 0.5)
    assert checked(found, "x", TEST) is found
    found[3, 2] = value
    with pytest.raises(LearnerError):
        checked(found, "x", TEST)


def test_no_rows_are_a_good_prediction() -> None:
    none = TEST.take(np.arange(0))
    assert checked(np.zeros((0, 3)), "x", none).shape == (0, 3)


def test_a_settled_copy_does_not_learn() -> None:
    learner = PriorLearner(TRAIN.task, 0)
    twin = learner.snapshot()
    before = twin.predict(TEST).copy()
    learner.fit(TRAIN.take(np.array([0])), later(FakeClock()))
    assert np.array_equal(twin.predict(TEST), before)
    assert not np.array_equal(learner.predict(TEST), before)


def test_models_are_averaged_as_logits() -> None:
    pair = [PriorLearner(TRAIN.task, 0) for _ in range(2)]
    pair[0].shares, pair[1].shares = np.full(3, 0.9, np.float32), np.full(3, 0.5, np.float32)
    expected = to_logits(np.full((4, 3), 0.9, np.float32)) / 2
    assert np.allclose(mean_logits(tuple(pair), TEST, "x"), expected, atol=1e-5)


def test_there_is_more_while_any_fold_has_more() -> None:
    one, clock = member(slices=9)
    one.advance(later(clock))
    one._models[1].slices = 1  # type: ignore[attr-defined]
    one.advance(later(clock))
    assert one.more
