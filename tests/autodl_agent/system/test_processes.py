import os
import subprocess
import sys

import pytest

from autodl_agent.system.processes import MemoryPeak, TaggedProcesses

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")  # noqa: PTH112

# A child that leaves the session, and its own child in a session of its own; both tell that they are there.
PARENT = """
import subprocess, sys, time
inner = "import time; block = bytearray(30 << 20); print('ready', flush=True); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", inner], start_new_session=True)
time.sleep(60)
"""


@pytest.fixture
def family():
    marked = TaggedProcesses("AUTODL_TEST")
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env={**os.environ, **marked.environment},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    yield marked, parent
    marked.kill(parent.pid)
    parent.wait()
    parent.stdout.close()


def test_all_that_come_from_a_run_are_known_and_no_others(family):
    marked, parent = family
    assert len(marked.members()) == 2 and parent.pid in marked.members()
    assert TaggedProcesses("AUTODL_TEST").members() == []


def test_an_orphan_is_still_known_and_can_be_ended(family):
    marked, parent = family
    parent.kill()
    parent.wait()
    (orphan,) = marked.wait_until_gone(0.0)
    assert orphan != parent.pid
    assert marked.kill(parent.pid) == [orphan]
    assert marked.members(anew=True) == []


def test_memory_is_that_of_all_together(family):
    marked, _ = family
    peak = MemoryPeak(marked)
    peak.sample()
    assert peak.rss > peak.pss > 30 << 20
