from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from autodl_agent.data.domain import make_task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.rounds import rounds
from autodl_agent.engine.state import RunState
from autodl_agent.learners.testing.contract import FakeClock, memory_dataset, scripted
from autodl_agent.runs.resume import PreviousRun
from autodl_agent.scoring.auc import nauc
from data_format import open_dataset


def play(candidates, total_s=60, n_train=60):
    dataset, truth = memory_dataset("text", n_train=n_train)
    clock = FakeClock()
    budget = clock.budget(total_s)
    store = TensorStore(dataset, make_task(dataset), budget.deadline(total_s))
    specs = [scripted(name, clock=clock, truth=truth, **settings) for name, settings in candidates.items()]
    return list(rounds(store, specs, budget)), truth, store


def in_a_thread(work):
    """As the engine plays: what looks like the user's wish to end the program can only be the learner's there."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_the_prior_comes_first_and_every_prediction_after_it_is_better():
    played, truth, _ = play({"a": {}, "b": {}})
    assert played[0].learner == "prior"
    assert nauc(truth, played[0].prediction) == 0
    curve = [nauc(truth, r.prediction) for r in played if r.prediction is not None]
    assert len(curve) >= 3
    assert all(later >= earlier - 0.05 for earlier, later in zip(curve, curve[1:], strict=False))


def test_the_first_answer_does_not_wait_for_held_out_rows():
    played, _, _ = play({"a": {"slices": 1}})
    assert [r.learner for r in played[:3]] == ["prior", "a", "a"]
    assert played[1].prediction is not None and played[1].member_nauc is None
    assert played[2].member_nauc is not None


def test_held_out_nauc_of_the_ensemble_never_falls():
    played, _, _ = play({"a": {}, "b": {"seconds": 2.0}, "c": {"seconds": 0.5}})
    judged = [r.ensemble_nauc for r in played if r.ensemble_nauc is not None]
    assert judged == sorted(judged)


@pytest.mark.parametrize("misbehave", ["raise", "nan", "shape", "range"])
@pytest.mark.parametrize("at", [1, 2])
def test_a_learner_that_breaks_its_contract_is_benched_and_the_run_goes_on(misbehave, at):
    played, truth, _ = play({"bad": {"misbehave": misbehave, "at": at, "slices": 5}, "good": {}})
    assert any(r.error for r in played)
    after = [r for r in played if r.learner == "good"]
    assert after and not any(r.error for r in after)
    last = [r.prediction for r in played if r.prediction is not None][-1]
    assert np.isfinite(last).all()
    assert nauc(truth, last) > 0.5
    benched_at = next(i for i, r in enumerate(played) if r.error)
    assert all(r.learner != "bad" for r in played[benched_at + 1 :])


@pytest.mark.parametrize("misbehave", ["test-nan", "test-raise", "test-exit"])
def test_a_learner_that_fails_on_the_test_rows_only_is_benched_and_no_other(misbehave):
    """Held-out rows do not tell; the fault shows in another learner's turn, when the blend wants both."""
    bad = {"misbehave": misbehave, "slices": 5}
    played, truth, _ = in_a_thread(lambda: play({"good": {}, "bad": bad, "late": {}}))
    assert [r.learner for r in played if r.error] == ["bad"]
    assert [r.number for r in played] == list(range(len(played)))
    after = [r for r in played if r.number > next(r.number for r in played if r.error)]
    assert {r.learner for r in after} == {"good", "late"}
    assert all("bad" not in r.weights for r in played)
    last = [r for r in played if r.prediction is not None][-1]
    assert last in after and np.isfinite(last.prediction).all()
    assert nauc(truth, last.prediction) > 0.5


@pytest.mark.parametrize("at", [2, 3])
@pytest.mark.parametrize("n_train", [3, 60])  # with nothing held out, and cross-fitted
def test_what_it_delivered_before_it_failed_on_the_test_rows_stays(at, n_train):
    played, truth, _ = play({"bad": {"misbehave": "test-nan", "at": at, "slices": 5}, "good": {}}, n_train=n_train)
    assert {r.learner.partition("~")[0] for r in played if r.error} <= {"bad"}
    assert sum(r.learner == "good" and not r.error for r in played) >= 3
    last = [r for r in played if r.prediction is not None][-1]
    assert np.isfinite(last.prediction).all()
    assert "bad" in last.weights
    assert n_train == 3 or nauc(truth, last.prediction) > 0.5


@pytest.mark.parametrize("n_train", [60, 2000])  # cross-fitted, and with one split
def test_a_learner_that_knows_nothing_is_left_out_of_the_ensemble(n_train):
    played, *_ = play({"good": {}, "idle": {"misbehave": "shares"}}, n_train=n_train)
    assert any(r.learner == "idle" and not r.error for r in played)
    assert all("idle" not in r.weights for r in played)


def test_a_slice_that_makes_a_learner_worse_leaves_its_earlier_result():
    """One that suddenly knows nothing stays in the ensemble as it was before."""
    played, truth, _ = play({"good": {"misbehave": "shares", "at": 3, "slices": 4}}, n_train=400)
    own = [r.member_nauc for r in played if r.member_nauc is not None]
    assert len(own) == 4
    assert own == sorted(own)
    last = [r.prediction for r in played if r.prediction is not None][-1]
    assert nauc(truth, last) > 0.5


@pytest.mark.parametrize(("last", "rows"), [(0.95, ()), (1.0, ()), (0.95, (3, 1))])
def test_a_run_without_its_ensemble_goes_on_from_its_last_nauc(last, rows, tmp_path):
    """One just as good counts: it brings the model that is missing. Figures of other rows are compared all the same."""
    dataset, truth = memory_dataset("text")
    clock = FakeClock()
    store = TensorStore(dataset, make_task(dataset), clock.budget(60).deadline(60))
    curve = ({"time": 1.0, "held_out_nauc": None}, {"time": 2.0, "held_out_nauc": last})
    earlier = PreviousRun(tmp_path, "set", 3.0, 0.0, curve, rows=np.array(rows, np.int64))
    kept = []
    spec = scripted("a", clock=clock, truth=truth, slices=4)
    played = list(rounds(store, [spec], clock.budget(60), keep=kept.append, previous=earlier))
    assert played[0].member_nauc < last  # it would have been written
    written = [r for r in played if r.prediction is not None]
    assert written and all(r.ensemble_nauc >= last for r in written)
    assert len(kept) == len(written)


def test_it_ends_when_time_is_over():
    played, _, _ = play({"a": {"slices": 10_000, "seconds": 1.0}}, total_s=20)
    assert played[-1].ended_s <= 25


def test_it_ends_when_everything_is_exhausted():
    played, _, _ = play({"a": {"slices": 2}}, total_s=10_000)
    assert played[-1].ended_s < 100


def test_tiny_sets_are_predicted_without_held_out_rows():
    played, _, _ = play({"a": {}}, n_train=4)
    assert all(r.member_nauc is None and r.ensemble_nauc is None for r in played)
    assert sum(r.prediction is not None for r in played) >= 2


def test_a_test_row_that_cannot_be_read_gets_the_prior():
    dataset, truth = memory_dataset("text")
    store = TensorStore(dataset, make_task(dataset), FakeClock().budget(60).deadline(60))
    clock = FakeClock()
    store.mark_bad("test", 3, "broken")
    spec = scripted("a", clock=clock, truth=truth)
    played = list(rounds(store, [spec], clock.budget(60)))
    last = [r.prediction for r in played if r.prediction is not None][-1]
    assert np.allclose(last[3], played[0].prediction[3])
    assert not np.allclose(last[4], played[0].prediction[4])


@pytest.mark.parametrize("later", [True, False])
def test_the_latest_rows_are_held_out_where_the_test_rows_come_later(later, tmp_path):
    days = [f"20{10 + i // 360}-{1 + i // 30 % 12:02d}-{1 + i % 28:02d}" for i in range(400)]
    lines = [f"{day},{i % 7},{'yes' if i % 7 > 3 else 'no'}" for i, day in enumerate(days)]
    train, test = (lines[:300], lines[300:]) if later else (lines[::2], lines[1::2])
    for name, part in (("train", train), ("test", test)):
        (tmp_path / f"{name}.csv").write_text("\n".join(["date,a,label", *part]))
    dataset = open_dataset(tmp_path)
    budget = FakeClock().budget(60)
    loop = RunState(TensorStore(dataset, make_task(dataset), budget.deadline(60)), (), budget, lambda snapshot: None)
    if later:
        (fold,) = loop.held_out.folds
        assert fold.train.max() < fold.held_out.min()
    else:
        assert len(loop.held_out.folds) == 4
