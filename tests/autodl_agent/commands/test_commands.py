import json
import os
import signal
import subprocess
import sys
import time

import pytest

HEAVY = ("tensorflow", "keras", "librosa", "lightgbm", "pandas", "matplotlib", "scipy.stats", "sklearn", "jinja2")


def autodl(*arguments, **options):
    command = [sys.executable, "-m", "autodl_agent.commands", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture
def table(tmp_path):
    folder = tmp_path / "my table"
    folder.mkdir()
    for name, n in (("train", 80), ("test", 10)):
        lines = [f"{i},{i * 7 % 11},{'yes' if i % 2 else 'no'}" for i in range(n)]
        (folder / f"{name}.csv").write_text("\n".join(["a,b,label", *lines, ""]))
    return folder


def test_help_teaches_and_loads_nothing_heavy(tmp_path):
    code = (
        "import sys; from autodl_agent import commands; print([m for m in %r + ('numpy', 'rich') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code % (HEAVY,)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    shown = autodl("run", "--help").stdout
    for word in ("--budget", "--output", "--seed", "--memory", "--overwrite", "--quiet", "predictions.csv"):
        assert word in shown


def test_a_run_tells_where_the_results_are(table, tmp_path):
    done = autodl("run", table, "--budget", 8, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "out") in done.stdout.splitlines()[-1]
    assert "held-out NAUC" in done.stderr
    assert "Traceback" not in done.stderr


def test_quiet_is_quiet(table, tmp_path):
    done = autodl("run", table, "--budget", 2, "--output", tmp_path / "out", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_output_a_new_folder_under_runs_is_made(table, tmp_path):
    for k in (1, 2):
        assert autodl("run", table, "--budget", 1, cwd=tmp_path).returncode == 0
        assert (tmp_path / "runs" / f"my_table-{k}" / "predictions.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "nowhere"), "nowhere"),
        (("run", ".", "--budget", "0"), "budget"),
        (("run", ".", "--memory", "lots"), "800M or 2G"),
        (("inspect", "nowhere"), "nowhere"),
        (("score", "nowhere", "nothing"), "no"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_mistakes_are_one_clear_message_and_exit_code_2(tmp_path, arguments, says):
    done = autodl(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_run_into_the_same_folder_is_refused(table, tmp_path):
    assert autodl("run", table, "--budget", 1, "--output", tmp_path / "out").returncode == 0
    again = autodl("run", table, "--budget", 1, "--output", tmp_path / "out")
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    assert autodl("run", table, "--budget", 1, "--output", tmp_path / "out", "--overwrite").returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_with_everything_written(table, tmp_path, number, code):
    command = [sys.executable, "-m", "autodl_agent.commands", "run", str(table), "--budget", "300"]
    process = subprocess.Popen([*command, "--output", str(tmp_path / "out"), "-q"])
    limit = time.monotonic() + 30
    while not (tmp_path / "out" / "predictions" / "my table.predict_1").exists():
        assert time.monotonic() < limit
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(20) == code
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["ended_because"] in ("interrupted", "nothing left to gain")
    assert (tmp_path / "out" / "predictions.csv").exists()


def test_a_signal_that_comes_twice_at_once_is_one_wish(table, tmp_path):
    command = [sys.executable, "-m", "autodl_agent.commands", "run", str(table), "--budget", "300", "--use-all-budget"]
    process = subprocess.Popen([*command, "--output", str(tmp_path / "out"), "-q"])
    limit = time.monotonic() + 30
    while not (tmp_path / "out" / "predictions" / "my table.predict_1").exists():
        assert time.monotonic() < limit
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 143
    assert (tmp_path / "out" / "run.json").exists()


def test_inspect_shows_and_dumps(table):
    shown = autodl("inspect", table)
    assert shown.returncode == 0
    assert "tabular" in shown.stdout and "yes" in shown.stdout
    facts = json.loads(autodl("inspect", table, "--json").stdout)
    assert facts["n_train"] == 80
    assert [c["name"] for c in facts["classes"]] == ["no", "yes"]


def test_score_reads_what_run_wrote(table, tmp_path):
    from data_format import open_dataset
    from data_format.autodl.writer import write_dataset

    write_dataset(open_dataset(table), tmp_path / "autodl")
    data = next((tmp_path / "autodl").rglob("*.solution")).parent
    assert autodl("run", data, "--budget", 5, "--output", tmp_path / "out").returncode == 0
    shown = autodl("score", tmp_path / "out" / "predictions", data)
    assert shown.returncode == 0, shown.stderr
    assert "ALC" in shown.stdout
    report = json.loads(autodl("score", tmp_path / "out" / "predictions", data, "--json", "--budget", 60).stdout)
    assert report["budget"] == 60
    assert -1 <= report["alc"] <= 1


def test_it_works_without_home_and_with_read_only_data(table, tmp_path):
    for path in (table, *table.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME")}
    environment["HOME"] = "/nonexistent"
    done = autodl("run", table, "--budget", 2, "--output", tmp_path / "out", env=environment)
    table.chmod(0o755)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("domain", ["image", "video", "speech", "text", "tabular"])
def test_nothing_heavy_stands_before_the_first_real_prediction(tmp_path, domain):
    code = f"""
import sys
from pathlib import Path
from autodl_agent.runs import agent, engine_thread
from autodl_agent.runs.config import RunConfig
from autodl_agent.learners.testing.contract import memory_dataset
dataset, _ = memory_dataset({domain!r})
engine_thread.open_dataset = lambda path, reading: dataset
seen = []
def watch(task, played, written):
    if played.number == 1 and not seen:
        assert played.prediction is not None, played
        seen.append([m for m in {HEAVY!r} if m in sys.modules])
agent.run(Path("x"), Path({str(tmp_path / "out")!r}), RunConfig(20), watch=watch)
print(seen)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[[]]"


def test_run_reads_raw_data_as_the_options_say(tmp_path):
    lines = [
        "mood,words,n",
        *(f"{'good' if i % 2 else 'bad'},{'nice day' if i % 2 else 'rain'} {i},{i % 3}" for i in range(60)),
    ]
    (tmp_path / "set.csv").write_text("\n".join([*lines, ""]))
    out = tmp_path / "out"
    options = ("--label", "mood", "--text-column", "words", "--test-share", 0.5)
    done = autodl("run", tmp_path / "set.csv", "--budget", 2, "-o", out, "-q", *options)
    assert done.returncode == 0, done.stderr
    facts = json.loads((out / "run.json").read_text())
    assert (out / "classes.txt").read_text().split() == ["bad", "good"]
    assert (facts["domain"], facts["n_train"], facts["n_test"]) == ("text", 30, 30)
    wrong = autodl("run", tmp_path / "set.csv", "--budget", 2, "-o", tmp_path / "no", "--label", "colour")
    assert wrong.returncode == 2 and "'colour'" in wrong.stderr and len(wrong.stderr.splitlines()) == 1


def test_nothing_but_unreadable_files_is_one_line_and_exit_code_2(tmp_path):
    for split, n in (("train", 12), ("test", 4)):
        for name in "ab":
            folder = tmp_path / "set" / split / name
            folder.mkdir(parents=True)
            for i in range(n):
                (folder / f"{i}.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    done = autodl("run", tmp_path / "set", "--budget", 20, "-o", tmp_path / "out", "-q")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "found none of 24: 24 × " in done.stderr and done.stdout == ""


def test_a_log_for_tensorboard_is_written_where_asked(table, tmp_path):
    done = autodl("run", table, "--budget", 2, "-o", tmp_path / "out", "-q", "--log-dir", tmp_path / "logs")
    assert done.returncode == 0, done.stderr
    (log,) = (tmp_path / "logs").glob("events.out.tfevents.*")
    assert b"held_out_nauc" in log.read_bytes() and b"learner_nauc/" in log.read_bytes()
