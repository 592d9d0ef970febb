from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.data.task import Domain, Task
from autodl_agent.engine.policy.config import DEFAULT
from autodl_agent.engine.policy.planner import Candidate, choose, first_of_plan
from autodl_agent.engine.policy.priors import Prior
from autodl_agent.engine.policy.slices import Slice, SliceRecord
from autodl_agent.learners.registry import LearnerSpec

TASK = Task("t", Domain.TABULAR, "", ("a", "b"), 1000, 1000, (1, 1, 5, 1), False, (500, 500))
QUICK = LearnerSpec("quick", "x:Y", example_ms=0.1, expected=0.6)
STRONG = LearnerSpec("strong", "x:Y", start_s=2.0, example_ms=1.0, expected=0.9)
LADDER = (QUICK, STRONG)


def done(name, nauc, best=None, seconds=1.0, **more):
    return SliceRecord(name, seconds, nauc, best if best is not None else nauc, **({"more": True} | more))


def test_the_first_rung_answers_first_even_when_a_later_one_promises_more():
    assert choose([], LADDER, TASK, 0.3, 60).spec is QUICK


def test_the_first_rung_is_tried_even_when_there_is_no_time():
    assert choose([], LADDER, TASK, 0.95, 1.0).spec is QUICK


def test_the_first_rung_answers_first_even_when_only_another_seems_to_fit():
    """Its guess may be too high; a prior for its cost must not hand the first answer to a slower learner."""
    slow = {("tabular", "quick"): Prior(0.5, 0.6, cost=100.0)}
    assert choose([], (QUICK, replace(STRONG, start_s=0.1, example_ms=0.01)), TASK, 0.5, 4, priors=slow).spec is QUICK


def test_an_untried_learner_with_much_to_gain_is_next():
    history = [done("quick", 0.5), done("quick", 0.51)]
    assert choose(history, LADDER, TASK, 3, 60).spec is STRONG


def planned(gone, until, **slices):
    """The name of what comes first; slices: name=(seconds, gain)."""
    candidates = [Candidate(Slice(replace(QUICK, name=n), s, s), gain) for n, (s, gain) in slices.items()]
    return first_of_plan(candidates, gone, until, 60).spec.name


def test_a_dear_slice_is_not_put_off_until_it_does_not_fit():
    slices = {"large": (22.0, 0.0054), "small": (7.4, 0.0017)}
    assert planned(20, 59, **slices) == "small"  # more a second, and there is time for both
    assert planned(35, 59, **slices) == "large"  # after the small one it would not fit


def test_a_plan_begins_with_what_brings_most_a_second_where_all_fits():
    slices = {f"s{k}": (1.0 + k % 3, 0.001 * (1 + k * 5 % 7)) for k in range(8)}
    assert planned(1, 59, **slices) == max(slices, key=lambda name: slices[name][1] / slices[name][0])


def test_what_the_last_prediction_gains_counts_besides_the_area():
    """At the end of the budget the area under the curve hardly grows any more."""
    assert planned(57, 59.6, late=(2.5, 0.01), small=(0.5, 0.0025)) == "late"


def test_a_steep_curve_goes_on():
    history = [done("quick", 0.3, seconds=0.2), done("quick", 0.85, seconds=0.2)]
    assert choose(history, LADDER, TASK, 3, 60).spec is QUICK


def test_exhausted_and_failed_learners_are_left_alone():
    history = [done("quick", 0.5, more=False), done("strong", None, best=0.5, failed=True)]
    assert choose(history, LADDER, TASK, 3, 60) is None


def test_a_slice_that_cannot_finish_is_not_started():
    history = [done("quick", 0.5, more=False)]
    assert choose(history, LADDER, TASK, 59.5, 60) is None
    assert choose(history, LADDER, TASK, 30, 60).spec is STRONG


def test_a_slice_that_may_finish_is_tried_only_when_nothing_else_fits():
    alone = [done("quick", 0.5, more=False)]
    assert choose(alone, LADDER, TASK, 57.5, 60).spec is STRONG
    going_on = [done("quick", 0.5, seconds=0.1), done("quick", 0.51, seconds=0.1)]
    assert choose(going_on, LADDER, TASK, 57.5, 60).spec is QUICK


def test_the_choice_is_a_pure_function():
    history = [done("quick", 0.5)]
    assert choose(history, LADDER, TASK, 3, 60) == choose(list(history), LADDER, TASK, 3, 60)


def test_a_starved_learner_gets_a_longer_slice_each_time():
    timed_out = [done("quick", None, best=0.3, seconds=2.0, timed_out=True)]
    once = choose(timed_out, (QUICK,), TASK, 3, 600)
    twice = choose(timed_out * 2, (QUICK,), TASK, 5, 600)
    assert twice.seconds >= 2 * once.seconds


def test_a_measured_slice_that_cannot_finish_is_left_where_a_guessed_one_is_tried():
    # 3.8 s of room; the guess for the untried is 4 s and more, the next slice of the tried one takes at least 8.
    tried = [done("quick", 0.5, seconds=8.0), done("quick", 0.6, seconds=8.0)]
    assert choose(tried, (QUICK,), TASK, 56, 60, priors={}) is None
    assert choose(tried, LADDER, TASK, 56, 60, priors={}).spec is STRONG


def test_the_untried_are_judged_by_the_table_where_it_knows_them():
    history = [done("quick", 0.5, more=False)]
    table = {("tabular", "strong"): Prior(0.01, 0.02), ("tabular", "third"): Prior(0.6, 0.7)}
    candidates = (QUICK, STRONG, replace(STRONG, name="third", expected=0.1))
    assert choose(history, candidates, TASK, 3, 60, priors={}).spec.name == "strong"
    assert choose(history, candidates, TASK, 3, 60, priors=table).spec.name == "third"
    other = {("image", learner): prior for (_, learner), prior in table.items()}
    assert choose(history, candidates, TASK, 3, 60, priors=other).spec.name == "strong"


def test_lanes_share_a_history_whatever_order_their_slices_end_in():
    mine = [done("quick", 0.5, best=0.6), done("quick", 0.55, best=0.6)]
    theirs = [done("strong", 0.6, best=0.6, seconds=20), done("strong", 0.62, best=0.62, seconds=30)]
    first = choose([*mine, *theirs], (QUICK,), TASK, 30, 60)
    mixed = choose([mine[0], *theirs, mine[1]], (QUICK,), TASK, 30, 60)
    assert first == mixed
    assert choose([*mine, *theirs], (STRONG,), TASK, 3, 600).spec is STRONG


RECORDS = st.builds(
    SliceRecord,
    st.sampled_from(["quick", "strong"]),
    st.floats(0, 1e4),
    st.none() | st.floats(-1, 1),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(RECORDS, max_size=8), st.floats(0, 100), st.floats(0.1, 100), st.integers(1, 4))
def test_whatever_has_happened_the_slice_fits_the_time_left(history, gone, total, folds):
    chosen = choose(history, LADDER, TASK, gone, total, folds)
    if chosen is not None and gone < total:
        assert 0 < chosen.seconds <= total - gone
        last = [record for record in history if record.learner == chosen.spec.name][-1:]
        assert all(record.more and not record.failed for record in last)


def test_a_slice_that_its_learner_expects_not_to_fit_is_left():
    past = [done("strong", 0.5, seconds=1.0), done("strong", 0.6, seconds=1.2, next_s=17.0)]
    assert choose(past, (STRONG,), TASK, 55, 60) is None


def test_the_settings_decide():
    history = [done("quick", 0.5, more=False)]
    assert choose(history, LADDER, TASK, 57.5, 60).spec is STRONG
    strict = replace(DEFAULT, min_cost_ratio_guessed=1.0)
    assert choose(history, LADDER, TASK, 57.5, 60, config=strict) is None
