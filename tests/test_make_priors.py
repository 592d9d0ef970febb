"""The command that writes the policy's table, on made-up runs."""

import json
import sys

import pytest

from autodl_agent.data.task import Domain
from autodl_agent.engine.policy.costs import guess_s
from autodl_agent.engine.policy.priors import load_priors
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from benchmarks.make_priors import main, make, slices_of

FIRST, SECOND = (spec.name for spec in LEARNERS_BY_DOMAIN[Domain.IMAGE][:2])


def played(learner, started, ended, member, ensemble, error=""):
    return {
        "learner": learner,
        "started_s": started,
        "ended_s": ended,
        "member_nauc": member,
        "ensemble_nauc": ensemble,
        "error": error,
    }


def run(n_train=5000, **more):
    """One run: the first learner's slice in two rounds, then the second learner twice, then a disabled one."""
    rounds = [
        played("prior", 0.0, 0.1, None, None),
        played(FIRST, 0.1, 0.6, None, None),
        played(FIRST, 0.1, 1.1, 0.6, 0.6),
        played(SECOND, 1.1, 2.1, 0.7, 0.8),
        played(SECOND, 2.1, 4.1, 0.8, 0.9),
        played("other", 4.1, 5.0, None, 0.9, error="MemoryError"),
    ]
    return {"domain": "image", "n_train": n_train, "n_test": 1000, "rounds": rounds} | more


def test_the_two_rounds_of_the_first_answer_are_one_slice():
    found = slices_of(run()["rounds"])
    assert set(found) == {FIRST, SECOND}
    (first,) = found[FIRST]
    assert first.seconds == pytest.approx(1.0)
    assert first.closed == pytest.approx(0.6)


def test_shares_are_of_the_headroom_that_was_left():
    shares = [one.closed for one in slices_of(run()["rounds"])[SECOND]]
    assert shares == pytest.approx([0.5, 0.5])


def test_a_share_of_nothing_is_not_told():
    rounds = [played(FIRST, 0, 1, 1.0, 1.0), played(SECOND, 1, 2, 0.5, 1.0)]
    assert slices_of(rounds)[SECOND][0].closed is None


def test_many_runs_outweigh_the_neutral_values():
    few, many = (make([run()] * count)["image"][SECOND] for count in (3, 60))
    assert few["first"] < many["first"] < 0.5
    assert many["first"] == pytest.approx(0.5, abs=0.02)
    assert many["last"] == pytest.approx(0.75, abs=0.03)
    assert many["second"] == pytest.approx(0.5, abs=0.02)
    assert many["slices"] == 2
    assert 1.6 < many["growth"] <= 2
    # (1 − 0.7) / (1 − 0.8) over 3 s / 1 s
    assert many["rate"] == pytest.approx(0.369, abs=0.02)


def test_the_cost_is_what_the_ladder_guessed_wrong():
    class Sizes:
        n_train, n_test = 5000, 1000

    guess = guess_s(LEARNERS_BY_DOMAIN[Domain.IMAGE][1], Sizes, 1)
    assert make([run()] * 60)["image"][SECOND]["cost"] == pytest.approx(1.0 / guess, rel=0.1)


def test_learners_of_few_runs_are_left_out():
    assert make([run()] * 2) == {}


def test_learners_that_the_ladder_lacks_are_left_out():
    renamed = run()
    for one in renamed["rounds"]:
        one["learner"] = one["learner"].replace(SECOND, SECOND + "~all")
    assert set(make([renamed] * 3)["image"]) == {FIRST}


def test_the_command_writes_a_table_that_loads_and_can_keep_others(tmp_path, monkeypatch, capsys):
    for k in range(3):
        (tmp_path / "runs" / str(k)).mkdir(parents=True)
        (tmp_path / "runs" / str(k) / "run.json").write_text(json.dumps(run()), encoding="utf-8")
    out = tmp_path / "priors.json"
    kept = {"version": 1, "domains": {"text": {"x": {"first": 0.1, "last": 0.2}}}}
    out.write_text(json.dumps(kept), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["make_priors.py", str(tmp_path / "runs"), "--out", str(out), "--keep"])
    main()
    load_priors.cache_clear()
    assert set(load_priors(out)) == {("image", FIRST), ("image", SECOND), ("text", "x")}
    assert "3 learners from 3 runs" in capsys.readouterr().out


def test_no_runs_are_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["make_priors.py", str(tmp_path)])
    with pytest.raises(SystemExit):
        main()
    assert "no run.json with rounds below" in capsys.readouterr().err


def test_slices_without_a_result_count_for_their_own_learner_only():
    rounds = [
        played(FIRST, 0.0, 1.0, 0.5, 0.5),
        played(SECOND, 1.0, 4.0, None, None),
        played(FIRST, 4.0, 5.0, 0.6, 0.6),
        played(SECOND, 5.0, 6.0, 0.7, 0.8),
    ]
    found = slices_of(rounds)
    assert [one.seconds for one in found[FIRST]] == [1.0, 1.0]
    assert [one.seconds for one in found[SECOND]] == [4.0]
