import os
import sys
import threading
from pathlib import Path

import pytest

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.runner import command_of, run_job, watch

SAMPLES = Path(__file__).resolve().parents[3] / "sample_data"


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_whole_run_is_measured(tmp_path):
    job = Job(str(SAMPLES / "wine"), "some/wine", 4.0, 0, ("quick-table",))
    record = run_job(job, keep=tmp_path)
    kept = tmp_path / "some-wine_4s_seed0_quick-table"
    assert {path.name for path in kept.iterdir()} == {"run.json", "log.txt", "report.html"}
    assert record is not None
    assert (record.exit, record.failure, record.processes_left, record.files_left) == (0, "", 0, 0)
    assert record.predictions >= 2 and len(record.curve) == record.predictions
    assert 0 < record.first < record.wall
    assert record.nauc > 0.5 and 0 < record.alc < record.nauc and record.drop >= 0
    assert record.peak_rss_mb >= record.peak_mb > 20
    assert record.environment["machine"]["cores"] >= 1 and "numpy" in record.environment["versions"]


def test_a_run_that_fails_says_so_with_its_last_words(tmp_path):
    (tmp_path / "empty").mkdir()
    record = run_job(Job(str(tmp_path / "empty"), "empty", 2.0, 0))
    assert record is not None
    assert record.exit == 2 and record.predictions == 0 and record.alc is None
    assert record.failure.startswith("exit code 2: autodl: ") and "empty folder" in record.failure


def test_options_reach_the_command_line():
    command = command_of(Job("/d", "d", 2.5, 7, ("a", "b"), "ladder", "1G"), Path("out"))
    assert command[command.index("run") :] == [
        *("run", "/d", "--budget", "2.5", "--seed", "7", "--quiet", "--learners", "a,b"),
        *("--policy", "ladder", "--memory", "1G", "--output", "out"),
    ]


def test_a_hanging_process_is_ended_with_its_children(tmp_path):
    child = "import subprocess, sys; subprocess.Popen(['sleep', '60'], start_new_session=True); import time; "
    ended = watch(program(child + "time.sleep(60)"), 1.0, tmp_path, threading.Event())
    assert ended is not None and ended.hung and ended.code == -9


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")  # noqa: PTH112
def test_what_is_left_behind_is_counted_and_ended(tmp_path):
    litter = (
        "import os, subprocess, tempfile; subprocess.Popen(['sleep', '60'], start_new_session=True);"
        "open(os.path.join(tempfile.gettempdir(), 'left'), 'w').close(); os.write(2, b'first\\nlast words\\n')"
    )
    ended = watch(program(litter), 30.0, tmp_path, threading.Event())
    assert ended is not None
    assert (ended.code, ended.hung, ended.left) == (0, False, (1, 1))
    assert ended.stderr.endswith("last words\n")


def test_a_stop_ends_the_process_and_gives_nothing(tmp_path):
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    assert watch(program("import time; time.sleep(60)"), 60.0, tmp_path, stop) is None
    timer.join()


def test_without_truth_there_are_times_and_memory_but_no_scores(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    rows = "".join(f"{i},{i * 7 % 11},{'ab'[i % 2]}\n" for i in range(80))
    (folder / "train.csv").write_text("x,y,label\n" + rows)
    (folder / "test.csv").write_text("x,y\n" + "".join(f"{i},{i * 3 % 11}\n" for i in range(10)))
    record = run_job(Job(str(folder), "set", 2.0, 0, ("quick-table",)))
    assert record is not None
    assert (record.nauc, record.alc, record.drop, record.curve) == (None, None, None, ())
    assert record.predictions >= 1 and record.failure == ""
