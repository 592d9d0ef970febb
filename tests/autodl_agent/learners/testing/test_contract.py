"""Every learner of every ladder keeps the contract; none can be forgotten, since the registry is walked."""

import pytest

from autodl_agent.data.task import Domain
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN, PRIOR
from autodl_agent.learners.testing.contract import check_learner, examples_of, memory_dataset, scripted

RUNGS = [(domain, spec) for domain, candidates in LEARNERS_BY_DOMAIN.items() for spec in candidates]


@pytest.mark.parametrize(("domain", "spec"), RUNGS, ids=[f"{d}-{s.name}" for d, s in RUNGS])
def test_the_contract(domain, spec):
    check_learner(spec, domain)


def test_every_domain_has_a_ladder_and_names_are_unique():
    for domain in Domain:
        names = [spec.name for spec in LEARNERS_BY_DOMAIN[domain]]
        assert names
        assert len(set(names)) == len(names)


def test_the_prior_knows_the_shares_before_and_after_fit(tmp_path):
    train, test = examples_of(memory_dataset("text")[0])
    learner = PRIOR.create(train.task, 0)
    assert abs(learner.predict(test)[0].sum() - 1) < 0.02
    learner.fit(train.take(train.labels[:, 0] > 0), train.store.end)
    found = learner.predict(test)
    assert found[0, 0] > 0.9 > 0.1 > found[0, 1]
    learner.save(tmp_path)
    assert (type(learner).load(tmp_path, train.task).predict(test) == found).all()


@pytest.mark.parametrize(("misbehave", "complaint"), [("shared", "snapshot after slice 1"), ("", "NAUC")])
def test_a_snapshot_that_learns_on_breaks_the_contract(misbehave, complaint):
    """The scripted learner knows nothing of the test rows, which is found only where its snapshots are in order."""
    with pytest.raises(AssertionError, match=complaint):
        check_learner(scripted("scripted", misbehave=misbehave), Domain.TEXT)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_next_s_is_a_number_of_seconds(seconds):
    with pytest.raises(AssertionError, match="next_s"):
        check_learner(scripted("scripted", next_s=seconds), Domain.TEXT)
