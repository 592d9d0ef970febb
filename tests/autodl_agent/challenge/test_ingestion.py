"""Submissions of every kind, run for real: the good one's files, and one line for each bad one."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.challenge.ingestion import main, run_ingestion
from autodl_agent.challenge.sandbox.outcome import IngestionResult, read_result
from autodl_agent.system.process_identity import identify
from data_format.errors import DataError
from data_format.predictions import list_predictions, read_prediction, read_start

Write = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[3]


def play(nlp: Path, code: Path, **options: object) -> IngestionResult:
    options = {"time_budget": 20, "grace": 0.3, **options}
    return run_ingestion(nlp, code, nlp.parent / "out", **options)  # type: ignore[arg-type]


def ended(nlp: Path) -> dict[str, str]:
    lines = (nlp.parent / "out" / "end.txt").read_text().splitlines()
    return dict(line.split(": ") for line in lines)


def test_a_good_submission_leaves_the_files_of_the_challenge(nlp: Path, submission: Write) -> None:
    out = nlp.parent / "out"
    out.mkdir()
    for stale in ("start.txt", "end.txt", "tiny.docs.predict_7", "other.predict_0", "temp_prediction_file_3"):
        (out / stale).write_text("stale")
    (out / "notes").write_text("not a run's")
    watched: list[tuple[int, float]] = []
    before = time.time()
    result = play(nlp, submission(), watch=lambda k, seconds: watched.append((k, seconds)))
    assert (result.status, len(result.times), result.killed, result.mended) == ("ok", 3, 0, ())
    assert list(result.times) == sorted(result.times) == [seconds for _, seconds in watched]
    names = {path.name for path in out.iterdir()}
    assert names == {"start.txt", "end.txt", "notes", *(f"tiny.docs.predict_{k}" for k in range(3))}
    start = read_start(out)
    assert (start.ingestion_pid, start.task_name, start.time_budget) == (os.getpid(), "tiny.docs", 20)
    assert before < start.start_time < time.time()
    # The sibling challenges write seconds used, not moments; readers make moments of them.
    written = dict(line.split(": ") for line in (out / "start.txt").read_text().splitlines())
    assert [float(written[str(k)]) for k in range(3)] == pytest.approx(result.times)
    assert start.timestamps[2] - start.start_time == pytest.approx(result.times[2], abs=1e-5)
    for k, path in list_predictions(out, "tiny.docs"):
        np.testing.assert_array_equal(read_prediction(path), np.full((6, 2), (k + 1) / 8))
    assert ended(nlp)["ingestion_success"] == "1"
    assert float(ended(nlp)["end_time"]) >= start.start_time


@pytest.mark.parametrize(
    ("parts", "status", "line"),
    [
        ({"__init__": "raise ValueError('no disk')"}, "init_error", "the Model cannot be made: ValueError: no disk"),
        ({"train": "raise KeyError('a\\nb')"}, "raised", "train raised KeyError: 'a\\nb' (model.py, line 12)"),
        ({"test": "return 1 / 0"}, "raised", "test raised ZeroDivisionError: division by zero"),
        ({"test": "return np.zeros((6, 3))"}, "wrong_shape", "expected 6 x 2 (test rows x classes), found 6 x 3"),
        ({"test": "return np.zeros(12)"}, "wrong_shape", "found 12"),
        ({"test": "return np.float32(1)"}, "wrong_shape", "found a single number"),
        ({"test": "return np.array([['a', 'b']] * 6)"}, "raised", "test must return a matrix of numbers"),
        (
            {"test": "p = np.zeros((6, 2)); p[4, 1] = np.nan; p[5] = np.inf; return p"},
            "not_finite",
            "3 numbers are not finite, the first is nan in row 4, class 1",
        ),
        ({"test": "return None"}, "no_prediction", "test returned None at the first call"),
        ({"train": "import sys; sys.exit('enough')"}, "exited", "train left the process: SystemExit: enough"),
        ({"test": "import os; os._exit(3)"}, "exited", "the process ended itself in test with exit code 3"),
        ({"train": "import os, signal; os.kill(os.getpid(), 11)"}, "exited", "killed by SIGSEGV in train"),
        ({"train": "import os, signal; os.kill(os.getpid(), 9)"}, "memory", "killed by SIGKILL in train"),
        ({"train": "x = bytearray(b'1') * (300 << 20); import time; time.sleep(9)"}, "memory", "MiB in train, more"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_bad_submissions_are_told_apart(
    nlp: Path, submission: Write, parts: dict[str, str], status: str, line: str
) -> None:
    result = play(nlp, submission(**parts), memory_limit=256 << 20)
    assert result.status == status
    assert line in result.line()
    assert "\n" not in result.line()
    assert not result.ok
    assert result.times == ()
    assert read_start(nlp.parent / "out").timestamps == {}
    assert ended(nlp)["ingestion_success"] == str(int(status == "no_prediction"))


def test_no_model_file(nlp: Path, tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "inner").mkdir(parents=True)
    (code / "inner" / "model.py").write_text("")
    result = play(nlp, code)
    assert result.status == "no_model"
    assert "there is one in inner/" in result.message
    assert ended(nlp)["ingestion_success"] == "0"


@pytest.mark.parametrize(
    ("code", "status", "line"),
    [
        ("import not_there\n", "import_error", "No module named 'not_there' (model.py, line 1)"),
        ("class Model(\n", "import_error", "SyntaxError: '(' was never closed"),
        ("x = 1\n", "init_error", "has no attribute 'Model'"),
        ("class Model:\n    def __init__(self, m): pass\n", "no_api", "found no train and no test"),
        ("class Model:\n    def __init__(self, m): pass\n    def train(self): pass\n", "no_api", "found no test"),
    ],
)
def test_models_that_are_none(nlp: Path, submission: Write, code: str, status: str, line: str) -> None:
    result = play(nlp, submission(code))
    assert (result.status, ended(nlp)["ingestion_success"]) == (status, "0")
    assert line in result.message


def test_constructor_overrun(nlp: Path, submission: Write) -> None:
    result = play(nlp, submission(__init__="import time; time.sleep(60)"), init_budget=0.3)
    assert result.line() == "init_overrun: the constructor took longer than the 0.3 s allowed"
    assert result.duration < 20


def test_a_submission_that_never_ends(nlp: Path, submission: Write, tmp_path: Path) -> None:
    """It ignores SIGTERM, and its children leave the group and the session; none survives, earlier predictions do."""
    code = submission(
        train=f"""
self.k += 1
if self.k == 2:
    import os, signal, subprocess, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open({str(tmp_path / "pid")!r}, "w") as f: f.write(str(os.getpid()))
            time.sleep(1000)
        os._exit(0)
    while True: time.sleep(1)
"""
    )
    result = play(nlp, code, time_budget=1.0)
    assert result.status == "ok"  # AutoNLP's rules cut the last call short
    assert "train did not return by the end of the budget of 1 s" in result.message
    assert len(result.times) == 1
    assert result.killed == 2
    assert "2 processes left behind and killed" in result.line()
    assert identify(int((tmp_path / "pid").read_text())) is None


def test_ignored_sigterm_is_said(nlp: Path, submission: Write) -> None:
    code = submission(train="import signal, time\nsignal.signal(15, signal.SIG_IGN)\nwhile True: time.sleep(1)")
    result = play(nlp, code, time_budget=0.3)
    assert result.status == "overrun"
    assert result.message.endswith("and ignored SIGTERM; killed")


def test_children_left_behind_are_counted(nlp: Path, submission: Write) -> None:
    result = play(
        nlp, submission(train="import subprocess\nself.done_training = True\nsubprocess.Popen(['sleep', '99'])")
    )
    assert result.line().startswith("ok: 1 prediction in")
    assert result.line().endswith("1 process left behind and killed")


def test_the_output_folder_is_put_right(nlp: Path, submission: Write) -> None:
    out = nlp.parent / "out"
    code = submission(
        train=f"""
import os, pathlib, shutil, time
self.k += 1
self.done_training = self.k == 3
out = pathlib.Path({str(out)!r})
if self.k == 3:
    while not (out / "tiny.docs.predict_1").exists(): time.sleep(0.01)
    (out / "tiny.docs.predict_0").write_text("1 0\\n" * 6)
    (out / "tiny.docs.predict_1").unlink()
    (out / "tiny.docs.predict_1").mkdir()
    (out / "tiny.docs.predict_9").write_text("1 0\\n" * 6)
    (out / "end.txt").write_text("ingestion_success: 1")
    (out / "start.txt").write_text("start_time: 0")
"""
    )
    result = play(nlp, code)
    assert result.status == "ok"
    assert {"tiny.docs.predict_0", "tiny.docs.predict_1", "tiny.docs.predict_9"} <= set(result.mended)
    assert "tampered with the output folder" in result.line()
    for k in range(3):
        np.testing.assert_array_equal(read_prediction(out / f"tiny.docs.predict_{k}"), np.full((6, 2), (k + 1) / 8))
    assert len(list_predictions(out)) == 3
    start = read_start(out)
    assert [stamp - start.start_time for stamp in start.timestamps.values()] == pytest.approx(result.times, abs=1e-5)


@pytest.mark.parametrize("instead", ["pass", "out.write_text('mine')", "out.symlink_to(out.parent / 'elsewhere')"])
def test_an_output_folder_that_is_taken_away(nlp: Path, submission: Write, instead: str) -> None:
    out = nlp.parent / "out"
    code = submission(
        train=f"""
import pathlib, shutil, time
self.k += 1
self.done_training = self.k == 2
out = pathlib.Path({str(out)!r})
if self.k == 2:
    while not (out / "tiny.docs.predict_0").exists(): time.sleep(0.01)
    (out.parent / "elsewhere").mkdir()
    shutil.rmtree(out)
    {instead}
"""
    )
    result = play(nlp, code)
    assert (result.status, len(result.times)) == ("ok", 2)
    assert not out.is_symlink()
    assert {path.name for path in out.iterdir()} == {
        "start.txt", "end.txt", "tiny.docs.predict_0", "tiny.docs.predict_1"
    }  # fmt: skip
    np.testing.assert_array_equal(read_prediction(out / "tiny.docs.predict_0"), np.full((6, 2), 1 / 8))
    assert not list((nlp.parent / "elsewhere").iterdir())


def test_a_folder_that_cannot_be_written(
    nlp: Path, submission: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    code = submission()
    assert main([f"--dataset_dir={nlp}", f"--code_dir={code}", f"--output_dir={tmp_path / 'file' / 'out'}"]) == 1
    assert "file" in capsys.readouterr().err


def test_prints_are_bounded(nlp: Path, submission: Write) -> None:
    log = io.BytesIO()
    code = submission(train="self.done_training = True\nfor _ in range(300): print('x' * 99_999)\nprint('the end')")
    assert play(nlp, code, log=log).status == "ok"
    assert 1 << 20 < log.tell() < 2 << 20
    assert b"bytes left out]" in log.getvalue()
    assert log.getvalue().endswith(b"the end\n")


def test_what_a_submission_sees(nlp: Path, submission: Write) -> None:
    """The API of AutoNLP, its own modules first, and nothing of the output folder."""
    code = submission(
        __init__="""
import os, sys, dataset, autodl_agent.challenge
assert dataset.MINE and autodl_agent.challenge.MINE
assert metadata_of(args) == {"class_num": 2, "train_num": 4, "test_num": 6, "language": "EN", "time_budget": 20}
assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
assert os.getsid(0) == os.getpgid(0) == os.getpid()
open("scratch", "w").close()
assert not {"tensorflow", "click", "rich", "psutil"} & set(sys.modules)
assert not any("/out" in a for a in open("/proc/self/cmdline").read().split("\\0"))
self.done_training = False
""",
        train="""
(x, y), = args
assert x == ["a river\\n", "a road\\x0bwith a tab\\n", "\\n", "bread and salt\\n"]
assert y.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]
assert 0 < kwargs["remaining_time_budget"] <= 20
self.done_training = True
""",
        test="""
assert args == (["one\\n", "two\\n", "three\\n", "four\\n", "five\\n", "six"],)
return np.arange(12.0).reshape(6, 2)
""",
    )
    with (code / "model.py").open("a") as file:
        file.write("def metadata_of(args):\n    return args[0]\n")
    (code / "dataset.py").write_text("MINE = True")
    (code / "autodl_agent" / "challenge").mkdir(parents=True)
    (code / "autodl_agent" / "__init__.py").touch()
    (code / "autodl_agent" / "challenge" / "__init__.py").write_text("MINE = True")
    log = io.BytesIO()
    result = play(nlp, code, log=log)
    assert result.ok, result.line() + log.getvalue().decode()
    assert not (code / "scratch").exists()
    assert not (code / "__pycache__").exists()


def test_a_fork_that_returns_through_the_runner_cannot_speak(nlp: Path, submission: Write) -> None:
    result = play(nlp, submission(train="import os\nself.k += 1\nself.done_training = True\nos.fork()"))
    assert (result.status, len(result.times)) == ("ok", 1)


def test_only_seconds_inside_train_and_test_count(nlp: Path, submission: Write) -> None:
    code = submission(test="import time; time.sleep(0.2)\nreturn np.zeros((6, 2))")
    result = play(nlp, code)
    # Measured from outside, so a message may be seen a little later than it was sent.
    assert result.times[0] > 0.15
    assert result.times[2] > 0.5


def test_a_data_set_that_is_none_writes_nothing(tmp_path: Path, submission: Write) -> None:
    (tmp_path / "input").mkdir()
    with pytest.raises(DataError, match=r"expected exactly one entry \*\.data, found 0"):
        run_ingestion(tmp_path / "input", submission(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_damaged_data_are_not_the_submission_s_fault(nlp: Path, submission: Write) -> None:
    (nlp / "tiny.docs.data" / "train.solution").write_text("1 0\n")
    result = play(nlp, submission())
    assert result.status == "bad_data"
    assert "expected 4 rows x 2 classes" in result.message


@pytest.mark.parametrize("dash", ["-", "--"])
def test_command_line(nlp: Path, submission: Write, tmp_path: Path, dash: str) -> None:
    flags = {"dataset_dir": nlp, "code_dir": submission(), "output_dir": tmp_path / "out", "time_budget": 9,
             "score_dir": tmp_path / "scores", "status_file": tmp_path / "status.json"}  # fmt: skip
    assert main([f"{dash}{name}={value}" for name, value in flags.items()]) == 0
    assert read_result(tmp_path / "status.json").ok
    copied = {path.name for path in (tmp_path / "scores").iterdir()}
    assert copied == {"start.txt", "end.txt", *(f"tiny.docs.predict_{k}" for k in range(3))}
    assert read_start(tmp_path / "scores").time_budget == 9


def test_codalab_folders(nlp: Path, submission: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    run.mkdir()
    nlp.rename(run / "input_data")
    submission().rename(run / "submission")
    flags = [f"--dataset_dir={run}/input", f"--code_dir={run}/program", f"--output_dir={run}/output"]
    assert main(flags) == 0
    assert (run / "output" / "tiny.docs.predict_2").is_file()
    assert read_start(run / "output").time_budget == 30  # meta.json's


def test_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"--dataset_dir={tmp_path / 'nothing'}", f"--output_dir={tmp_path / 'out'}"]) == 1
    assert "nothing: cannot be read" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["--time_budget=-3"])


def test_sigterm_ends_a_run_in_good_order(nlp: Path, submission: Write, tmp_path: Path) -> None:
    code = submission(train="import time\nself.k += 1\ntime.sleep(0 if self.k == 1 else 60)")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "autodl_agent.challenge.ingestion", f"--dataset_dir={nlp}", f"--code_dir={code}"]
    with subprocess.Popen([*command, f"--output_dir={out}"], cwd=ROOT, stderr=subprocess.PIPE) as process:
        while not (out / "tiny.docs.predict_0").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert b"stopped: the ingestion program received SIGTERM" in errors
    assert "ingestion_success: 0" in (out / "end.txt").read_text()
