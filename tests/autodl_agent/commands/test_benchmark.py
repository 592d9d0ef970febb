import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult, ResultFile, read_results
from autodl_agent.commands.group import cli

SAMPLES = Path(__file__).resolve().parents[3] / "sample_data"


def call(*arguments: object):
    return CliRunner().invoke(cli, ["benchmark", *map(str, arguments)])


def test_jobs_run_side_by_side_and_are_not_run_again(tmp_path):
    out, table = tmp_path / "r.jsonl", tmp_path / "t.csv"
    options = ("--budget", 2, "--seeds", 1, "--workers", 2, "--policy", "round-robin", "-o", out)
    found = call(SAMPLES / "wine", SAMPLES / "digits", *options, "--csv", table)
    assert found.exit_code == 0, found.output
    records = read_results(out)
    assert {record.job.name for record in records} == {"wine", "digits"}
    assert {record.job.policy for record in records} == {"round-robin"}
    assert "mean over sets" in found.output and table.read_text().count("\n") == 4
    before = out.read_bytes()
    again = call(SAMPLES / "wine", SAMPLES / "digits", *options)
    assert again.exit_code == 0 and "2 of 2 runs are in" in again.output
    assert out.read_bytes() == before


def test_a_failed_run_gives_exit_code_1_and_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    command = [sys.executable, "-m", "autodl_agent.commands", "benchmark", str(tmp_path / "empty"), "--budget", "1"]
    found = subprocess.run(
        [*command, "--seeds", "1", "-o", str(tmp_path / "r.jsonl"), "--quiet"],
        cwd=SAMPLES.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (1, "")
    assert "failed: empty seed 0: exit code 2" in found.stdout


def test_wrong_options_run_nothing(tmp_path):
    out = tmp_path / "r.jsonl"
    found = call(SAMPLES / "wine", "--learners", "quick-tabel", "-o", out)
    assert "no learner is called 'quick-tabel'; there are" in str(found.exception) and not out.exists()
    assert "such as 800M" in call(SAMPLES / "wine", "--memory", "much", "-o", out).output
    assert "found nothing there" in str(call(tmp_path / "gone", "-o", out).exception)


def test_result_files_are_compared(tmp_path):
    for name, alc in (("a", 0.5), ("b", 0.6)):
        file = ResultFile(tmp_path / f"{name}.jsonl")
        for seed in range(2):
            file.add(BenchmarkResult(Job("", "wine", 5.0, seed), alc=alc, nauc=alc))
    found = call("--compare", tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert found.exit_code == 0, found.output
    assert "+0.1000" in found.output and "average rank over 1 data sets" in found.output


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")  # noqa: PTH112
def test_ctrl_c_keeps_what_has_ended_and_leaves_no_child(tmp_path):
    out = tmp_path / "r.jsonl"
    ResultFile(out).add(BenchmarkResult(Job("", "wine", 60.0, 0), alc=0.5, nauc=0.5))
    command = [sys.executable, "-m", "autodl_agent.commands", "benchmark", str(SAMPLES / "wine")]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [*command, "--budget", "60", "--seeds", "2", "-o", str(out)],
        cwd=SAMPLES.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    run = wait_for(lambda: started(tmp_path))
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; what has ended is in" in stderr
    assert not Path(f"/proc/{run}").exists()
    assert [json.loads(line)["seed"] for line in out.read_text().splitlines()] == [0]


def started(folder: Path) -> int | None:
    """Process id of the run that writes below the folder, once it has begun."""
    for path in folder.glob("autodl-benchmark-*/out/predictions/start.txt"):
        return int(path.read_text().split()[1])
    return None


def wait_for(look) -> int:
    for _ in range(600):
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("it never began")
