"""The ablation: which runs it makes, what it says of them, and that it goes on where it was."""

import sys
from pathlib import Path

import pytest

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult, read_results
from autodl_agent.data.task import Domain
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from benchmarks import ablation

WINE = Path(__file__).resolve().parents[2] / "sample_data" / "wine"
NAMES = ("a", "b", "c")


def record(learners, seed, nauc, alc=0.5, **more):
    return BenchmarkResult(Job("p", "set", 9.0, seed, tuple(learners)), nauc=nauc, alc=alc, **more)


def test_one_is_left_out_at_a_time():
    assert ablation.variants(NAMES, False) == [(), ("b", "c"), ("a", "c"), ("a", "b")]


def test_each_alone_is_run_once():
    assert ablation.variants(NAMES, True)[4:] == [("a",), ("b",), ("c",)]
    assert ablation.variants(("a", "b"), True) == [(), ("b",), ("a",)]  # the other one alone is one left out
    assert ablation.variants(("a",), True) == [()]


def test_variants_of_a_set_follow_each_other_seed_by_seed():
    usual = [Job("p", name, 9.0, seed) for seed in (0, 1) for name in ("x", "y")]
    jobs = ablation.jobs_of(usual, {"x": NAMES, "y": ("a",)}, False)
    assert [(job.name, job.seed) for job in jobs] == [("x", 0)] * 4 + [("y", 0)] + [("x", 1)] * 4 + [("y", 1)]
    assert len({job.key for job in jobs}) == len(jobs)


def test_what_a_learner_adds_is_a_difference_of_the_same_seed():
    records = [record((), 0, 0.9), record((), 1, 0.8), record((), 2, 0.1)]
    records += [record("bc", 0, 0.7, 0.1), record("bc", 1, 0.7, 0.3), record("ac", 0, 0.95)]
    first, second, third = ablation.parts_of(records, NAMES, False)
    assert (first.learner, first.seeds, second.seeds, third.seeds) == ("a", 2, 1, 0)
    assert first.added["nauc"].mean == pytest.approx(0.15) and first.added["nauc"].spread == pytest.approx(
        0.0707, abs=1e-4
    )
    assert first.added["alc"].mean == pytest.approx(0.3)
    assert second.added["nauc"].mean == pytest.approx(-0.05) and not first.alone


def test_runs_without_scores_are_no_difference():
    records = [record((), 0, 0.9), record("bc", 0, None, None, failure="hung")]
    part = ablation.parts_of(records, NAMES, False)[0]
    assert part.seeds == 0 and part.added["nauc"].mean != part.added["nauc"].mean


def test_alone_is_told_where_it_was_run(capsys):
    records = [record((), 0, 0.9), record("bc", 0, 0.7), record("a", 0, 0.6), record("a", 1, 0.8)]
    parts = ablation.parts_of(records, NAMES, True)
    assert parts[0].alone["nauc"].mean == pytest.approx(0.7) and not parts[1].alone
    jobs = [one.job for one in records]
    assert ablation.show(records, jobs, {"set": NAMES}, True) == 0
    text = capsys.readouterr().out
    assert "all learners NAUC 0.9000" in text and "+0.2000" in text and "0.7000 ± 0.1414" in text


def test_failed_runs_are_named_and_runs_of_others_are_left_out(capsys):
    records = [record((), 0, 0.9, failure="killed by SIGSEGV"), record((), 7, 0.1, failure="of another suite")]
    assert ablation.show(records, [records[0].job], {"set": ("a",)}, False) == 1
    text = capsys.readouterr().out
    assert "killed by SIGSEGV" in text and "another suite" not in text


def test_only_learners_that_can_serve_a_set_are_taken():
    found = ablation.learners_of(str(WINE))
    assert found[0] == LEARNERS_BY_DOMAIN[Domain.TABULAR][0].name and len(found) > 1


def test_the_command_runs_and_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    out, names = tmp_path / "out.jsonl", ("quick-table", "extra-trees")
    monkeypatch.setattr(ablation, "learners_of", lambda path: names)
    monkeypatch.setattr(sys, "argv", ["ablation.py", str(WINE), "--budget", "2", "--seeds", "1", "-o", str(out)])
    with pytest.raises(SystemExit) as ended:
        ablation.main()
    assert ended.value.code == 0
    records = read_results(out)
    assert {one.job.learners for one in records} == {(), ("quick-table",), ("extra-trees",)}
    assert all(one.exit == 0 for one in records)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        ablation.main()
    text = capsys.readouterr().out
    assert "3 of 3 runs are in" in text and "quick-table" in text
    assert read_results(out) == records


def test_a_suite_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ablation.py", "/nowhere/at/all"])
    with pytest.raises(SystemExit, match="/nowhere/at/all: expected a data set"):
        ablation.main()
