"""The program with a worker, ended from outside in every way: nothing is left behind, the last prediction stands."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_format.predictions import list_predictions, read_prediction

WINE = Path(__file__).resolve().parents[4] / "sample_data" / "wine"
PROGRAM = """
import sys
from dataclasses import replace
from autodl_agent.commands import main
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.data.task import Domain
quick = LEARNERS_BY_DOMAIN[Domain.TABULAR][0]
heavy = [replace(quick, name=f"heavy-{k}", start_s=0.1, example_ms=0.01, expected=0.99, worker=True, libraries=())
         for k in range(3)]
LEARNERS_BY_DOMAIN[Domain.TABULAR] = (quick, *heavy)
sys.argv = ["autodl", *sys.argv[1:]]
main()
"""


class Program:
    """`autodl run` with learners in the worker, its temporary files in a folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.out, self.temporary = folder / "out", folder / "temporary"
        self.temporary.mkdir()
        command = [sys.executable, "-c", PROGRAM, "run", str(WINE), "-o", str(self.out), *options]
        environment = {**os.environ, "TMPDIR": str(self.temporary), "AUTODL_WORKER": "on"}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def wait_for(self, text: str, seconds: float = 40.0) -> None:
        """Until the log holds `text`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (self.out / "log.txt").exists() and text in (self.out / "log.txt").read_text():
                return
            time.sleep(0.02)
        raise AssertionError(f"{text!r} expected in the log, found {(self.out / 'log.txt').read_text()}")

    def workers(self) -> list[int]:
        """Process numbers of its workers, by the folder that they share with it."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except (OSError, ValueError):
                continue
            if "worker.child" in command and str(self.temporary) in command and state not in "ZX":
                found.append(int(entry.name))
        return found

    def end(self, seconds: float = 20.0) -> str:
        """Wait for its end; what it printed."""
        return self.process.communicate(timeout=seconds)[0]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path, "--budget", "40", "--use-all-budget")
    made.wait_for("learner=heavy-0")
    yield made
    made.process.kill()
    made.process.wait()
    if made.process.stdout:
        made.process.stdout.close()


def check_whole(out: Path) -> None:
    files = list_predictions(out / "predictions")
    assert [k for k, _ in files] == list(range(len(files)))
    assert all(read_prediction(path).shape == (58, 5) for _, path in files)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_in_good_order(number: signal.Signals, code: int, program: Program) -> None:
    assert program.workers()
    program.process.send_signal(number)
    program.end(10)
    assert program.process.returncode == code
    assert not program.workers()
    assert not list(program.temporary.iterdir())
    check_whole(program.out)
    parts = json.loads((program.out / "model" / "model.json").read_text())["parts"]
    assert all(any((program.out / "model" / "parts" / str(k) / "0").iterdir()) for k in range(len(parts)))
    assert (program.out / "report.html").exists()
    assert "interrupted" in (program.out / "run.json").read_text()


def test_after_a_kill_the_worker_ends_by_itself(program: Program) -> None:
    program.process.kill()
    program.process.wait()
    until = time.monotonic() + 10
    while program.workers() and time.monotonic() < until:
        time.sleep(0.05)
    assert not program.workers()
    assert not list(program.temporary.glob("autodl-worker-*"))
    check_whole(program.out)


def test_a_worker_that_is_stopped_is_replaced(tmp_path: Path) -> None:
    program = Program(tmp_path, "--budget", "25", "--use-all-budget")
    program.wait_for("learner=heavy-0")
    for pid in program.workers():
        os.kill(pid, signal.SIGSTOP)
    printed = program.end(60)
    assert program.process.returncode == 0, printed
    assert not program.workers()
    assert not list(program.temporary.iterdir())
    check_whole(program.out)


def test_an_output_folder_that_goes_away_ends_the_run_with_one_line(program: Program) -> None:
    kept = program.out.with_name("kept")
    (program.out / "predictions").rename(kept)
    (program.out / "predictions").write_text("no folder any more")
    printed = program.end(60)
    assert program.process.returncode == 2
    assert "Traceback" not in printed
    assert printed.strip().splitlines()[-1].startswith("autodl: ")
    assert not program.workers()
    assert list_predictions(kept)
