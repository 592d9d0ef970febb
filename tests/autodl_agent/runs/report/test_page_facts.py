"""What the page says, as values: state, ensemble, data, machine."""

from dataclasses import replace

import pytest

from autodl_agent.engine.snapshot import Part, Snapshot
from data_format.dataset import Problem


def test_a_run_at_one_moment(make_data, facts_of):
    facts = facts_of(make_data())
    assert (facts.running, facts.ended, facts.elapsed_s, facts.budget_s) == (True, "", 12.0, 60.0)
    assert (facts.seed, facts.refresh_s, facts.n_predictions) == (7, 4, 2)
    assert facts.held_out_nauc == 0.8 and facts.test_nauc is None
    assert facts_of(make_data(ended="done")).ended == "done"


def test_members_are_shares_of_the_whole_with_their_latest_score(make_data, facts_of):
    data = make_data()
    sharp = Snapshot((Part("linear", 1.0, ()), Part("forest", 3.0, ()), Part("new", 0.0, ())))
    members = facts_of(replace(data, snapshot=sharp)).members
    assert [(m.learner, m.weight, m.nauc) for m in members] == [
        ("forest", 0.75, 0.5), ("linear", 0.25, 0.8), ("new", 0.0, None),
    ]  # fmt: skip
    assert facts_of(make_data(judged=False)).members == ()


def test_the_data(make_data, facts_of):
    facts = facts_of(make_data("image", n_test=20)).data
    assert (facts.domain, facts.n_test, facts.n_classes, facts.checked) == ("image", 20, 3, False)
    assert len(facts.shape) == 4 and facts.skipped == 0 and facts.reasons == ()
    checked = facts_of(replace(make_data(), checks=("odd",))).data
    assert checked.checked and checked.notes == ("odd",)


def test_problems_by_reason_the_most_frequent_first(make_data, facts_of):
    data = make_data()
    data.dataset.problems.extend(Problem(f"a{i}", "rare") for i in range(2))
    data.dataset.problems.extend(Problem(f"b{i}", "common") for i in range(5))
    data.dataset.problems.extend(Problem("c", f"single {i}") for i in range(30))
    facts = facts_of(data).data
    assert (facts.skipped, facts.n_reasons, len(facts.reasons)) == (37, 32, 20)
    assert [(r.reason, r.places, r.count) for r in facts.reasons[:2]] == [
        ("common", ("b0", "b1", "b2"), 5), ("rare", ("a0", "a1"), 2),
    ]  # fmt: skip


def test_the_machine(make_data, facts_of):
    machine = facts_of(make_data()).machine
    assert machine.cores >= 1 and machine.memory_bytes > 0 and "numpy" in dict(machine.versions)


def test_facts_cannot_be_changed(make_data, facts_of):
    with pytest.raises(AttributeError):
        facts_of(make_data()).task = "other"
