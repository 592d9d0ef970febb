"""Runs on recorded slices: time passes as recorded, the policy is asked at every step, the budget is kept."""

from functools import partial

import pytest

from autodl_agent.benchmark.simulator import simulate
from autodl_agent.benchmark.slice_table import RecordedSet, RecordedSlice
from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.policy.baselines import fixed_ladder, round_robin
from autodl_agent.engine.policy.planner import choose
from autodl_agent.engine.policy.slices import Slice
from autodl_agent.scoring.alc import alc

TASK = Task("made", Domain.TABULAR, "", ("a", "b"), 5000, 1000, (1, 1, 5, 1), False, (1, 1))


def made(worker_ready_s=5.0, **slices):
    """quick is weak, fast and soon exhausted; trees cost nothing and lead; boosting is expensive and brings nothing."""
    usual = {
        "quick-table": [RecordedSlice(0.5, 0.5, True, answer_s=0.2), RecordedSlice(0.5, 0.52, False)],
        "extra-trees": [RecordedSlice(1.0, 0.8, True, next_s=1.0), RecordedSlice(1.0, 0.9, False)],
        "boosted-trees": [RecordedSlice(20.0, 0.3, True, next_s=20.0), RecordedSlice(20.0, 0.31, False)],
    }
    given = {name.replace("_", "-"): found for name, found in slices.items()}
    return RecordedSet("made", TASK, 1, 0.4, worker_ready_s, {**usual, **given})


def names(run):
    return [record.learner for record in run.history]


def test_the_policy_finds_the_best_order_and_the_baselines_do_not():
    without_priors = partial(choose, priors={})
    runs = [simulate(made(), policy, 30.0) for policy in (without_priors, fixed_ladder, round_robin)]
    assert names(runs[0])[:3] == ["quick-table", "extra-trees", "extra-trees"]
    scores = [run.curve.get_alc() for run in runs]
    assert scores[0] > max(scores[1:])
    assert runs[0].curve.get_final_score() > 0.9


def test_the_curve_is_that_of_the_recorded_slices():
    run = simulate(made(), fixed_ladder, 30.0, ("quick-table", "extra-trees"))
    assert names(run) == ["quick-table", "quick-table", "extra-trees", "extra-trees"]
    assert run.curve.times == pytest.approx((0.6, 0.9, 1.4, 2.4, 3.4))
    assert run.curve.scores[:3] == pytest.approx((0.5, 0.5, 0.52))
    assert run.curve.get_alc() == pytest.approx(alc(run.curve.times, run.curve.scores, 30.0))
    assert list(run.curve.scores) == sorted(run.curve.scores)
    assert run.ended_s == pytest.approx(3.4) and run.not_recorded == ()


def test_the_policy_is_asked_at_every_step_with_what_it_needs():
    seen = []

    def spy(history, candidates, task, elapsed_s, total_s, folds):
        seen.append((len(history), [spec.name for spec in candidates], task, elapsed_s, total_s, folds))
        return choose(history, candidates, task, elapsed_s, total_s, folds)

    run = simulate(made(), spy, 30.0)
    assert [one[0] for one in seen] == list(range(len(run.history) + 1))
    assert [one[3] for one in seen][:3] == pytest.approx([0.4, 0.9, 1.9])
    assert all(one[1:3] == (["quick-table", "extra-trees", "boosted-trees"], TASK) for one in seen)
    assert {one[4:] for one in seen} == {(30.0, 1)}


def test_the_same_table_gives_the_same_run():
    assert simulate(made(), choose, 30.0) == simulate(made(), choose, 30.0)


@pytest.mark.parametrize("policy", [choose, fixed_ladder, round_robin])
@pytest.mark.parametrize("budget_s", [0.3, 1.0, 3.0, 10.0, 60.0])
def test_the_budget_is_kept(policy, budget_s):
    run = simulate(made(), policy, budget_s)
    assert sum(record.seconds for record in run.history) <= budget_s
    assert all(moment <= budget_s for moment in run.curve.times)


def test_a_slice_cut_short_goes_on_where_it_was():
    def impatient(history, candidates, *rest):
        spec = next(spec for spec in candidates if spec.name == "boosted-trees")
        return Slice(spec, 8.0, 8.0) if len(history) < 3 else None

    run = simulate(made(), impatient, 60.0)
    assert [(record.seconds, record.timed_out) for record in run.history] == [(8.0, True), (8.0, True), (4.0, False)]
    assert run.history[-1].nauc == 0.3 and run.curve.times == (20.4,)


def test_a_learner_that_never_gets_a_result_is_given_up():
    def stubborn(history, candidates, *rest):
        return None if history and history[-1].failed else Slice(candidates[-1], 1.0, 1.0)

    run = simulate(made(), stubborn, 60.0)
    assert [record.failed for record in run.history] == [False, False, False, True]
    assert run.curve.times == ()


def test_slices_without_a_result_belong_to_the_next_one():
    late = [RecordedSlice(3.0, None, True, timed_out=True), RecordedSlice(4.0, 0.7, True)]
    run = simulate(made(quick_table=late), fixed_ladder, 80.0, ("quick-table",))
    assert [(record.seconds, record.nauc, record.more) for record in run.history] == [(7.0, 0.7, False)]
    assert run.not_recorded == ("quick-table",)  # it could have gone on


def test_a_record_that_ends_without_a_result_takes_its_time():
    endless = [RecordedSlice(0.5, 0.5, True), RecordedSlice(6.0, None, True, timed_out=True)]
    run = simulate(made(quick_table=endless), fixed_ladder, 80.0, ("quick-table",))
    assert [(record.seconds, record.timed_out) for record in run.history] == [(0.5, False), (6.0, True)]
    assert run.ended_s == pytest.approx(6.9) and run.not_recorded == ("quick-table",)


def test_the_worker_s_learners_come_when_it_is_ready():
    network = {"table_network": [RecordedSlice(2.0, 0.95, False)]}
    only = ("quick-table", "table-network")
    run = simulate(made(**network), fixed_ladder, 30.0, only)
    assert names(run) == ["quick-table", "quick-table", "table-network"]
    assert run.curve.times[-1] == pytest.approx(7.0)  # waited for until 5 s
    assert names(simulate(made(None, **network), fixed_ladder, 30.0, only)) == ["quick-table"] * 2
    assert simulate(made(**network), fixed_ladder, 30.0, ("table-network",)).curve.times == pytest.approx((7.0,))


def test_a_learner_that_failed_gets_no_more():
    broken = [RecordedSlice(0.2, None, False, failed=True)]
    run = simulate(made(extra_trees=broken), round_robin, 30.0, ("quick-table", "extra-trees"))
    assert names(run) == ["quick-table", "extra-trees", "quick-table"]
    assert run.curve.get_final_score() == pytest.approx(0.52)
