"""Leaving one set out: no table knows the set that it is tried on, and runs use the table they are told to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult, read_results
from autodl_agent.data.task import Domain
from autodl_agent.engine.policy.priors import load_priors
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.system.errors import AutoDLError
from benchmarks import leave_one_out

ROOT = Path(__file__).resolve().parents[2]
WINE = ROOT / "sample_data" / "wine"
FIRST, SECOND = (spec.name for spec in LEARNERS_BY_DOMAIN[Domain.TABULAR][:2])


def run(name, learner):
    played = {"started_s": 0.0, "error": "", "learner": learner}
    rounds = [played | {"ended_s": 1.0 + k, "member_nauc": 0.4 + k / 5, "ensemble_nauc": 0.4 + k / 5} for k in range(2)]
    return {"name": name, "domain": "tabular", "n_train": 5000, "n_test": 500, "rounds": rounds}


def test_names_of_copies_are_one():
    assert leave_one_out.base_name("raw/adult") == leave_one_out.base_name("adult.data") == "adult"


def test_a_set_says_nothing_in_the_table_that_it_is_tried_with(tmp_path):
    runs = [run("x", FIRST)] * 3 + [run("y", SECOND)] * 3
    leave_one_out.write_tables(tmp_path, runs, ["x", "y"])
    found = {path.stem: {learner for _, learner in load_priors(path)} for path in tmp_path.iterdir()}
    assert found == {"all": {FIRST, SECOND}, "none": set(), "without-x": {SECOND}, "without-y": {FIRST}}
    job = Job("/data/x.data", "other/x.data", 5.0, 0)
    assert leave_one_out.table_path(tmp_path, "without", job) == tmp_path / "without-x.json"
    assert leave_one_out.known(tmp_path / "all.json", "tabular") == 2
    assert leave_one_out.known(tmp_path / "none.json", "tabular") == 0


def test_tables_that_are_there_stay(tmp_path):
    leave_one_out.write_tables(tmp_path, [run("x", FIRST)] * 3, ["x"])
    before = (tmp_path / "all.json").read_bytes()
    leave_one_out.write_tables(tmp_path, [run("y", SECOND)] * 3, ["x"])
    assert (tmp_path / "all.json").read_bytes() == before


def test_processes_take_the_table_and_the_environment_comes_back(tmp_path):
    table = tmp_path / "table.json"
    table.write_text(json.dumps({"version": 1, "domains": {"tabular": {"x": {"first": 0.25, "last": 0.5}}}}))
    code = (
        "from autodl_agent.engine.policy import planner; print({k: v.first for k, v in planner.load_priors().items()})"
    )
    before = dict(os.environ)
    with leave_one_out.priors(table):
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert found.stdout.strip() == "{('tabular', 'x'): 0.25}"
    assert dict(os.environ) == before
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert len(found.stdout) > 100  # the shipped one


def test_a_run_uses_the_table(tmp_path):
    (tmp_path / "bad.json").write_text('{"version": 99}')
    command = [sys.executable, "-m", "autodl_agent.commands", "run", str(WINE), "--budget", "2", "-q"]
    with leave_one_out.priors(tmp_path / "bad.json"):
        found = subprocess.run(
            [*command, "-o", str(tmp_path / "out")], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
        )
    assert found.returncode == 2 and "bad.json: priors of version" in found.stderr


def test_the_command_learns_runs_and_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "loo"
    command = ["leave_one_out.py", str(WINE), "--budget", "2", "--seeds", "1", "--folder", str(folder)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        leave_one_out.main()
    assert ended.value.code == 0
    assert [path.name for path in (folder / "runs").iterdir()] == ["wine-2s-0"]
    records = {table: read_results(folder / f"{table}.jsonl") for table in leave_one_out.TABLES}
    assert all(len(found) == 1 and found[0].exit == 0 for found in records.values())
    assert "0 (tabular)" in capsys.readouterr().out
    stamp = (folder / "runs" / "wine-2s-0" / "run.json").stat().st_mtime_ns
    with pytest.raises(SystemExit):
        leave_one_out.main()
    assert (folder / "runs" / "wine-2s-0" / "run.json").stat().st_mtime_ns == stamp
    assert capsys.readouterr().out.count("1 of 1 runs are in") == 3


def test_a_run_that_fails_teaches_nothing(tmp_path):
    with pytest.raises(AutoDLError, match="nowhere.*a finished run expected"):
        leave_one_out.learn(Job(str(tmp_path / "nowhere"), "nowhere", 1.0, 0), tmp_path / "runs")
    assert not (tmp_path / "runs" / "nowhere-1s-0").exists()


def test_failures_and_differences_are_shown(tmp_path, capsys):
    job = Job("p", "x", 5.0, 0)
    leave_one_out.write_tables(tmp_path / "tables", [], ["x"])
    found = {
        "without": [BenchmarkResult(job, nauc=0.8, alc=0.5)],
        "all": [BenchmarkResult(job, nauc=0.9, alc=0.7, failure="hung and was killed")],
        "none": [BenchmarkResult(job, nauc=0.7, alc=0.4)],
    }
    leave_one_out.show(found, {"x": "tabular"}, tmp_path)
    text = capsys.readouterr().out
    assert "0.8000 / 0.5000" in text and "+0.2000" in text and "-0.1000" in text
    assert "failed: x seed 0 (all): hung and was killed" in text
