"""A short chaos run, as it stands in benchmarks/; what holds there 500 times must hold a few times here."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks" / "chaos.py"


def chaos(*arguments: object) -> "subprocess.CompletedProcess[str]":
    # The machine that runs tests may be busy: how late a run ends is for the benchmark, here it must only end.
    command = [sys.executable, str(SCRIPT), *map(str, arguments), "--slack", "14"]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=240, check=False)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_runs_with_faults_end_well_and_leave_nothing(tmp_path):
    out = tmp_path / "chaos.csv"
    found = chaos(ROOT / "sample_data" / "wine", "--runs", 3, "--budget", 3, "--only", "nan,segfault", "--out", out)
    assert found.returncode == 0, found.stdout + found.stderr
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert {row["faults"] for row in rows} == {"nan", "here:nan", "segfault"}
    played = {row["faults"]: row["played"] for row in rows}
    assert played["here:nan"] == "here:nan"
    assert all(float(row["nauc"]) > 0.5 and row["problems"] == "" for row in rows)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_run_that_breaks_is_reported_with_its_command(tmp_path):
    # An exit of the coordinator's own process cannot be survived: the checks must see it.
    import importlib.util

    spec = importlib.util.spec_from_file_location("chaos", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chaos"] = module
    try:
        spec.loader.exec_module(module)
        case = module.Case(0, ("here:exit",), (ROOT / "sample_data" / "wine"), 0)
        import argparse

        options = argparse.Namespace(budget=3.0, slack=14.0, tolerance=0.02, policy="policy", heavy=False)
        options.out = tmp_path / "chaos.csv"
        outcome = module.run_case(case, options)
        assert any("exit code 7" in problem for problem in outcome.problems)
        assert "AUTODL_FAULTS=here:exit" in module.repeat(case, options)
        assert (tmp_path / "chaos-0" / "predictions" / "start.txt").is_file()
    finally:
        del sys.modules["chaos"]


def test_cases_hold_every_fault_alone_and_pairs_and_depend_on_the_seed():
    import subprocess as sp

    code = (
        "import sys; sys.path.insert(0, 'benchmarks'); import chaos, pathlib; "
        "c = chaos.cases([pathlib.Path('a'), pathlib.Path('b')], 200, 1, []); "
        "d = chaos.cases([pathlib.Path('a'), pathlib.Path('b')], 200, 2, []); "
        "n = {f.name for f in chaos.FAULTS}; "
        "assert len(c) == 200 and n <= {x.faults[0] for x in c if len(x.faults) == 1}; "
        "assert any(len(x.faults) == 2 for x in c) and [x.faults for x in c] != [x.faults for x in d]; "
        "assert not any(x == 'here:segfault' for y in c for x in y.faults)"
    )
    done = sp.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
