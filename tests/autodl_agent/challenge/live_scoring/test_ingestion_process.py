"""Real processes: the ingestion is ended with all that belongs to it, and nobody else ever is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autodl_agent.challenge.live_scoring.ingestion_process import end_ingestion, find_ingestion
from autodl_agent.system.process_identity import PROC, ProcessIdentity, identify, is_alive

pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="processes are recognised through /proc")

# Writes its own and its child's number; the child leaves the group and the session; both ignore SIGTERM if told to.
FAMILY = """
import os, signal, sys, time
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child == 0:
    os.setsid()
    time.sleep(60)
    os._exit(0)
with open(sys.argv[1] + ".tmp", "w") as file:
    file.write(str(child))
os.rename(sys.argv[1] + ".tmp", sys.argv[1])
time.sleep(60)
"""
Start = Callable[..., tuple[int, int]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a family, gives the numbers of parent and child."""
    made: list[tuple[subprocess.Popen[bytes], int]] = []

    def make(kind: str = "meek", role: str = "ingestion", own_session: bool = True) -> tuple[int, int]:
        note = tmp_path / f"note{len(made)}"
        command = [sys.executable, "-S", "-c", FAMILY, str(note), kind, role]
        parent = subprocess.Popen(command, start_new_session=own_session)
        made.append((parent, 0))
        while not note.exists():
            time.sleep(0.01)
        made[-1] = (parent, int(note.read_text()))
        return parent.pid, made[-1][1]

    yield make
    for parent, child in made:
        for pid in (parent.pid, child):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        parent.wait()
        try:
            os.waitpid(child, 0)  # ours only where another test made this process a subreaper
        except ChildProcessError:
            pass


def known(pid: int) -> ProcessIdentity:
    process = find_ingestion(pid, time.time())
    assert process is not None
    return process


@pytest.mark.parametrize("kind", ["meek", "stubborn"])
@pytest.mark.parametrize("own_session", [True, False])
def test_the_whole_family_ends(start: Start, kind: str, own_session: bool) -> None:
    parent, child = start(kind, own_session=own_session)
    process = known(parent)
    assert is_alive(process)
    assert end_ingestion(process, 0.2)
    assert identify(parent) is None and identify(child) is None and not is_alive(process)
    assert end_ingestion(process, 0.2)


def test_strangers_are_not_recognised(start: Start) -> None:
    parent, _ = start(role="editor")
    assert find_ingestion(parent, time.time()) is None
    late, _ = start()
    assert find_ingestion(late, time.time() - 3600) is None
    assert find_ingestion(late, time.time()) is not None


def test_neither_this_process_nor_one_above_it_nor_init() -> None:
    for pid in (os.getpid(), os.getppid(), 1, 0, -1, 2**22 + 5):
        assert find_ingestion(pid, time.time()) is None


def test_a_number_that_was_given_to_another_process_is_left_alone(start: Start) -> None:
    parent, child = start()
    process = known(parent)
    recycled = ProcessIdentity(process.pid, process.start_ticks - 1)
    assert not is_alive(recycled)
    assert end_ingestion(recycled, 0.1)
    assert identify(parent) is not None and identify(child) is not None
