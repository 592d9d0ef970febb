"""Real processes that leave their group, their session and their parent: all are found and ended, nobody else is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from autodl_agent.system.prctl import become_subreaper
from autodl_agent.system.process_identity import PROC, ProcessIdentity, identify, is_alive
from autodl_agent.system.process_memory import MemoryPeak, anonymous_bytes
from autodl_agent.system.processes import (
    ProcessSet,
    ProcessTree,
    TaggedProcesses,
    children_of_this_process,
    kill,
    terminate,
    wait_until_gone,
)

pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc")

# Says that it is there; its child, and the child of that one, are in sessions of their own.
FAMILY = """
import subprocess, sys, time
inner = "import time; block = bytearray(30 << 20); print('ready', flush=True); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", inner], start_new_session=True)
time.sleep(60)
"""
# Forks and ends all the time: in its group, or with a new session in every generation.
BOMB = "import os\nif os.fork() == 0:\n    while True:\n        if os.fork(): os._exit(0)"
Family = tuple[TaggedProcesses, subprocess.Popen[bytes]]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def pids(processes: ProcessSet) -> set[int]:
    return {member.pid for member in processes.members()}


@pytest.fixture
def family() -> Iterator[Family]:
    tagged = TaggedProcesses("AUTODL_TEST")
    parent = subprocess.Popen(
        [sys.executable, "-c", FAMILY],
        env={**os.environ, **tagged.environment},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    tagged.group = parent.pid
    assert parent.stdout is not None
    parent.stdout.readline()
    yield tagged, parent
    kill(tagged)
    parent.wait()
    parent.stdout.close()


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    assert process.poll() is None
    process.kill()
    process.wait()


class TestTaggedProcesses:
    def test_all_that_come_from_a_run_are_known_and_no_others(self, family: Family) -> None:
        tagged, parent = family
        assert len(pids(tagged)) == 2 and parent.pid in pids(tagged)
        assert {member.pid for member in tagged.members_among_new()} == pids(tagged)
        assert TaggedProcesses("AUTODL_TEST").members() == []

    def test_an_orphan_is_still_known_and_can_be_ended(self, family: Family) -> None:
        tagged, parent = family
        parent.kill()
        parent.wait()
        (orphan,) = wait_until_gone(tagged, 0.0)
        assert orphan.pid != parent.pid
        assert kill(tagged) == {orphan.identity}
        assert tagged.members() == []

    def test_one_that_hides_its_mark_ends_with_the_group(self) -> None:
        tagged = TaggedProcesses("AUTODL_TEST")
        code = "import subprocess; subprocess.run(['env', '-i', 'sleep', '60'])"
        parent = subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, **tagged.environment}, start_new_session=True
        )
        tagged.group = parent.pid
        hidden = ProcessTree(parent.pid)
        until(lambda: len(hidden.members()) == 2 and len(tagged.members()) == 1)
        kill(tagged)
        parent.wait()
        assert wait_until_gone(hidden, 5.0) == []

    def test_memory_is_that_of_all_together(self, family: Family) -> None:
        peak = MemoryPeak(family[0].members)
        peak.sample()
        assert peak.rss > peak.pss > 30 << 20


class TestProcessTree:
    def test_orphans_in_sessions_of_their_own_are_found_and_killed(self) -> None:
        become_subreaper()
        others = children_of_this_process()
        code = (
            "import subprocess, time; subprocess.Popen(['sh', '-c', 'setsid sleep 99 & exec sleep 99']); time.sleep(99)"
        )
        process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        tree = ProcessTree(process.pid, others)
        until(lambda: len(tree.members()) == 3)
        assert sum(map(anonymous_bytes, pids(tree))) >= anonymous_bytes(process.pid) > 1 << 20
        process.kill()
        until(lambda: process.pid not in pids(tree))
        assert len(tree.members()) == 2  # both are orphans now, and ours
        assert len(kill(tree) - {tree.root}) == 2
        process.wait()
        assert tree.members() == []
        assert children_of_this_process() == others

    def test_children_of_somebody_else_are_left_alone(self, bystander: subprocess.Popen[bytes]) -> None:
        others = children_of_this_process()
        process = subprocess.Popen(["sleep", "99"], start_new_session=True)
        tree = ProcessTree(process.pid, others)
        assert kill(tree) == {tree.root}
        assert process.wait() == -signal.SIGKILL

    def test_a_process_that_is_gone(self) -> None:
        process = subprocess.Popen(["true"])
        process.wait()
        assert anonymous_bytes(process.pid) == 0
        tree = ProcessTree(process.pid, children_of_this_process())
        assert tree.members() == []
        terminate(tree)
        assert kill(tree) == set()

    @pytest.mark.parametrize("every_session", [False, True])
    def test_a_process_that_forks_and_ends_all_the_time_cannot_slip_away(self, every_session: bool) -> None:
        become_subreaper()
        others = children_of_this_process()
        code = BOMB.replace("True:", "True:\n        os.setsid()") if every_session else BOMB
        process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        tree = ProcessTree(process.pid, others)
        process.wait()
        kill(tree)
        for _ in range(20):
            assert tree.members() == []
        assert children_of_this_process() == others

    def test_many_that_multiply_are_all_ended(self) -> None:
        become_subreaper()
        others = children_of_this_process()
        code = "import os, time\nfor _ in range(6): os.fork()\ntime.sleep(60)"
        process = subprocess.Popen([sys.executable, "-S", "-c", code], start_new_session=True)
        tree = ProcessTree(process.pid, others)
        until(lambda: len(tree.members()) > 10)  # of 64, so that it is ended while it grows
        kill(tree)
        process.wait()
        assert tree.members() == []
        assert children_of_this_process() == others

    def test_an_id_that_was_given_to_another_process_is_left_alone(self, bystander: subprocess.Popen[bytes]) -> None:
        now = identify(bystander.pid)
        assert now is not None
        former = ProcessIdentity(now.pid, now.start_ticks - 1)
        tree = ProcessTree(former)
        assert not is_alive(former) and tree.members() == []
        terminate(tree)
        assert kill(tree) == set()

    def test_the_group_of_a_process_that_does_not_lead_it_belongs_to_others(
        self, bystander: subprocess.Popen[bytes]
    ) -> None:
        process = subprocess.Popen(["sleep", "60"])
        root = identify(process.pid)
        assert root is not None
        assert kill(ProcessTree(root)) == {root}
        process.wait()
