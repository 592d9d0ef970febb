import numpy as np
import pytest

from autodl_agent.data.task import Domain
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.members import Member, checked
from autodl_agent.engine.rounds import rounds
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.learners.testing.contract import examples_of, memory_dataset
from autodl_agent.learners.testing.faults import FAULTS, add_to_ladders, faults
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Budget
from autodl_agent.system.errors import LearnerError, UsageError

# Those that come back within a test; the others would end it, or outlive it.
QUICK = {"raise-fit", "raise-predict", "memory-error", "recursion", "nan", "shape", "range", "none", "text"}
QUICK |= {"huge-result", "sys-exit", "interrupt", "nan-test", "raise-test"}


def soon(seconds=60.0):
    return Budget.from_now(seconds).deadline(seconds)


def test_every_fault_has_one_name_and_can_be_made_from_where_it_says():
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 25
    train, _ = examples_of(memory_dataset("tabular")[0])
    for fault, spec in zip(FAULTS, faults(), strict=True):
        assert spec.worker and spec.name == f"fault-{fault.name}"
        if fault.name == "raise-init":
            with pytest.raises(ImportError, match="scripted"):
                spec.create(train.task, 0)
        else:
            assert type(spec.create(train.task, 0)) is fault.learner


def test_a_fault_can_be_asked_into_the_coordinator():
    (spec,) = faults("here:nan")
    assert not spec.worker and spec.name == "fault-here-nan"


def test_an_unknown_fault_is_named_with_the_known_ones():
    with pytest.raises(UsageError, match="no fault is called 'nann'; there are .*segfault"):
        faults("nann")


def test_they_join_every_ladder_behind_its_first_learner():
    before = dict(LEARNERS_BY_DOMAIN)
    try:
        add_to_ladders(["nan", "here:shape"])
        for domain, candidates in before.items():
            names = [spec.name for spec in LEARNERS_BY_DOMAIN[domain]]
            old = [spec.name for spec in candidates]
            assert names == [old[0], "fault-nan", "fault-here-shape", *old[1:]]
        LEARNERS_BY_DOMAIN.update(before)
        add_to_ladders(["nan"], heavy=False)
        assert not any(
            spec.worker for candidates in LEARNERS_BY_DOMAIN.values() for spec in candidates if spec.name != "fault-nan"
        )
    finally:
        LEARNERS_BY_DOMAIN.update(before)


@pytest.mark.parametrize("domain", list(Domain))
def test_until_its_fault_comes_it_works_like_the_first_learner(domain, tmp_path):
    train, test = examples_of(memory_dataset(domain.value)[0])
    (spec,) = faults("raise-fit")
    seed = 1  # odd: the fault comes in the second slice
    object.__setattr__(train.task, "seed", seed)
    learner, plain = spec.create(train.task, seed), LEARNERS_BY_DOMAIN[domain][0].create(train.task, seed)
    assert learner.fit(train, soon())
    plain.fit(train, soon())
    kept = learner.snapshot()
    found = learner.predict(test)
    assert np.allclose(found, plain.predict(test), atol=1e-5)
    learner.save(tmp_path)
    assert np.allclose(type(learner).load(tmp_path, train.task).predict(test), found, atol=1e-5)
    with pytest.raises(ValueError, match="slice 2"):
        learner.fit(train, soon())
    assert np.array_equal(kept.predict(test), found)


@pytest.mark.parametrize("name", sorted(QUICK))
def test_quick_faults_show_in_the_first_slice_of_an_even_seed(name):
    train, test = examples_of(memory_dataset("tabular")[0])
    (spec,) = faults(name)
    learner = spec.create(train.task, 0)
    with pytest.raises((Exception, SystemExit, KeyboardInterrupt)) as caught:
        learner.fit(train, soon())
        checked(learner.predict(test), name, test)
    expected = {
        "memory-error": MemoryError, "recursion": RecursionError, "sys-exit": SystemExit,
        "interrupt": KeyboardInterrupt,
        "nan": LearnerError, "nan-test": LearnerError, "shape": LearnerError, "range": LearnerError,
        "huge-result": LearnerError,
    }  # fmt: skip
    assert isinstance(caught.value, expected.get(name, Exception))


@pytest.mark.parametrize("name", ["raise-fit", "raise-init", "nan", "none", "huge-result", "recursion"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_loop_benches_them_and_keeps_a_good_prediction(name, seed):
    dataset, truth = memory_dataset("tabular")
    task = examples_of(dataset)[0].task
    object.__setattr__(task, "seed", seed)
    budget = Budget.from_now(30.0)
    store = TensorStore(dataset, task, budget.deadline(30.0))
    candidates = (LEARNERS_BY_DOMAIN[Domain.TABULAR][0], *faults(f"here:{name}"))
    played = list(rounds(store, candidates, budget))
    errors = [r.error for r in played if r.learner == f"fault-here-{name}"]
    assert errors[-1] and not any(errors[:-1])
    assert len(errors) == (2 if seed and name != "raise-init" else 1)
    last = [r.prediction for r in played if r.prediction is not None][-1]
    assert nauc(truth, last) > 0.8


@pytest.mark.parametrize("name", ["nan-test", "raise-test"])
@pytest.mark.parametrize("seed", [0, 1])
def test_faults_on_the_test_rows_alone_cost_no_other_learner_its_place(name, seed):
    dataset, truth = memory_dataset("tabular")
    task = examples_of(dataset)[0].task
    object.__setattr__(task, "seed", seed)
    budget = Budget.from_now(30.0)
    store = TensorStore(dataset, task, budget.deadline(30.0))
    # Alone, the faulty learner makes the first answer itself.
    for candidates in (faults(f"here:{name}"), (LEARNERS_BY_DOMAIN[Domain.TABULAR][0], *faults(f"here:{name}"))):
        played = list(rounds(store, candidates, budget))
        assert {r.learner for r in played if r.error} <= {f"fault-here-{name}"}
        assert all(np.isfinite(r.prediction).all() for r in played if r.prediction is not None)
    assert nauc(truth, [r.prediction for r in played if r.prediction is not None][-1]) > 0.8


def test_faults_on_the_test_rows_alone_leave_the_held_out_rows():
    train, test = examples_of(memory_dataset("tabular")[0])
    for spec in faults("nan-test", "raise-test"):
        learner = spec.create(train.task, 0)
        learner.fit(train, soon())
        assert checked(learner.predict(train), spec.name, train).shape == (60, 3)


def test_a_copy_for_predictions_does_not_learn_on():
    train, test = examples_of(memory_dataset("text")[0])
    (spec,) = faults("late")
    member = Member(spec, train, test, ())
    assert member.more
    object.__setattr__(train.task, "seed", 1)
    learner = spec.create(train.task, 1)
    learner.fit(train, soon())
    twin = learner.snapshot()
    assert twin.inner is not learner.inner and twin.done == 1
