import threading

import numpy as np
import pytest

from autodl_agent.data.task import Domain, Task
from autodl_agent.learners.testing.contract import FakeClock
from autodl_agent.runs.finalizer import FinalFilesWriter
from autodl_agent.runs.folder import RunFolder


def last_files(tmp_path, truth=lambda: None):
    task = Task("set", Domain.IMAGE, "", ("a", "b"), 9, 2, (1, 8, 8, 3), False, (5, 4))
    out = RunFolder(tmp_path, FakeClock().budget(60), task, ["x", "y"])
    out.open()
    out.add(np.array([[0.9, 0.1], [0.2, 0.7]], np.float32), None)
    return FinalFilesWriter(out, True, {}, [], truth, lambda: None)


def test_all_files_are_there_after_waiting(tmp_path):
    files = last_files(tmp_path)
    files.start()
    files.wait(30)
    assert (tmp_path / "run.json").exists() and (tmp_path / "predictions.csv").exists()


def test_what_takes_too_long_is_let_go(tmp_path, caplog):
    go_on = threading.Event()
    files = last_files(tmp_path, truth=lambda: go_on.wait(20) and None)
    files.start()
    files.wait(0)
    assert "no time left" in caplog.text
    go_on.set()
    files.join(20)
    assert (tmp_path / "run.json").exists()


def test_a_full_disk_is_told_and_anything_else_only_noted(tmp_path, monkeypatch, caplog):
    def failing(error):
        def finish(*args):
            raise error

        return finish

    files = last_files(tmp_path)
    monkeypatch.setattr(files.out, "finish", failing(OSError(28, "No space left on device")))
    files.start()
    with pytest.raises(OSError, match="No space"):
        files.wait(30)
    files = last_files(tmp_path)
    monkeypatch.setattr(files.out, "finish", failing(MemoryError("too large")))
    files.start()
    files.wait(30)
    assert "MemoryError" in caplog.text
