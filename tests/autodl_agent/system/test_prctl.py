import subprocess
import sys

import pytest

from autodl_agent.system.process_identity import PROC, identify
from autodl_agent.system.processes import ProcessTree, wait_until_gone

pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc")


def test_a_process_dies_with_the_one_that_started_it() -> None:
    child = (
        "import os, sys, time; from autodl_agent.system.prctl import die_with_parent; die_with_parent(os.getppid());"
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as prints:
        child_process = identify(int(prints.readline()))
        assert child_process is not None
        process.kill()
        process.wait()
    assert wait_until_gone(ProcessTree(child_process), 10.0) == []


def test_a_process_whose_parent_is_gone_already_ends_at_once() -> None:
    code = "from autodl_agent.system.prctl import die_with_parent; die_with_parent(1 << 23); print('alive')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


def test_orphans_come_to_the_subreaper() -> None:
    code = """
import os, subprocess
from autodl_agent.system.prctl import become_subreaper
from autodl_agent.system.process_identity import read_stat
become_subreaper()
child = subprocess.Popen(["sh", "-c", "sleep 60 >&- & echo $!"], stdout=subprocess.PIPE)
orphan = int(child.communicate()[0])
print(read_stat(orphan).parent == os.getpid())
os.kill(orphan, 9)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"True"
