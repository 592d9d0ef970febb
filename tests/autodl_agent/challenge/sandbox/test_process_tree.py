import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from autodl_agent.challenge.sandbox.bounded_log import BoundedLog
from autodl_agent.challenge.sandbox.process_tree import (
    ProcessTree,
    become_subreaper,
    children_of_this_process,
    private_bytes,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_orphans_in_sessions_of_their_own_are_found_and_killed() -> None:
    become_subreaper()
    others = children_of_this_process()
    code = "import subprocess, time; subprocess.Popen(['sh', '-c', 'setsid sleep 99 & exec sleep 99']); time.sleep(99)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    tree = ProcessTree(process.pid, others)
    until(lambda: len(tree.members()) == 3)
    assert tree.memory_bytes() >= private_bytes(process.pid) > 1 << 20
    process.kill()
    until(lambda: process.pid not in tree.members())
    assert len(tree.members()) == 2  # both are orphans now, and ours
    assert tree.kill() == 2
    process.wait()
    assert tree.members() == []
    assert children_of_this_process() == others


def test_children_of_somebody_else_are_left_alone() -> None:
    bystander = subprocess.Popen(["sleep", "99"])
    others = children_of_this_process()
    process = subprocess.Popen(["sleep", "99"], start_new_session=True)
    assert ProcessTree(process.pid, others).kill() == 0
    assert process.wait() == -9
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_process_that_is_gone() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert private_bytes(process.pid) == 0
    tree = ProcessTree(process.pid, children_of_this_process())
    assert tree.members() == []
    tree.terminate()
    assert tree.kill() == 0
    assert os.getpid() not in tree.members()


def test_a_process_that_forks_and_ends_all_the_time_cannot_slip_away() -> None:
    become_subreaper()
    others = children_of_this_process()
    code = "import os\nif os.fork() == 0:\n    while True:\n        if os.fork(): os._exit(0)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    tree = ProcessTree(process.pid, others)
    process.wait()
    tree.kill()
    for _ in range(20):
        assert tree.members() == []
    assert children_of_this_process() == others


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"ab"], b"ab"),
        ([b"abcd", b"ef"], b"abcdef"),
        ([b"abcdefghi"], b"abcdefghi"),
        ([b"abcd", b"x" * 100, b"yz"], b"abcd\n[99 bytes left out]\nxyz"),
    ],
)
def test_bounded_log(pieces: list[bytes], expected: bytes) -> None:
    import io

    stream = io.BytesIO()
    log = BoundedLog(stream, head=4, tail=5 if len(pieces) < 3 else 3)
    for piece in pieces:
        log.feed(piece)
    log.close()
    assert stream.getvalue() == expected
