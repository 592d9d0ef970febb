"""Processes of a submission, seen from outside: all its descendants, their memory, and an end they cannot refuse.

A descendant may leave the process group and the session, and its parent may die; it then comes to the nearest
"subreaper" above it, which is why the supervisor declares itself one (Linux, prctl(2)). Elsewhere than on Linux only
the process group is known.
"""

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_KILL_WAIT_S = 5.0


class _Process(NamedTuple):
    """state: one letter, Z and X are dead."""

    state: str
    parent: int
    group: int


def become_subreaper() -> None:
    """Let orphans among our descendants come to this process instead of to init."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the one that started it dies; ends at once if it is gone already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    try:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
    except (OSError, AttributeError):  # not Linux
        pass


class ProcessTree:
    """Everything that comes from one child process of this one, the child included.

    Children that this process had before do not belong to it. A process that starts others while a Tree is alive must
    not use it: they could not be told from adopted orphans.
    """

    def __init__(self, pid: int, others: frozenset[int] = frozenset()) -> None:
        """pid: the child, leader of its process group. others: children that this process had before."""
        self.pid, self.others = pid, others
        self.adopted: set[int] = set()

    def members(self) -> list[int]:
        """Process ids of the living, zombies left out, the child itself first."""
        processes = _processes()
        children: dict[int, list[int]] = {}
        for pid, process in processes.items():
            children.setdefault(process.parent, []).append(pid)
        me = os.getpid()
        found = [self.pid, *(pid for pid in children.get(me, []) if pid != self.pid and pid not in self.others)]
        self.adopted.update(found[1:])
        for pid in found:
            found += children.get(pid, [])
        return [pid for pid in dict.fromkeys(found) if pid in processes and processes[pid].state not in "ZX"]

    def memory_bytes(self) -> int:
        """Resident memory of all members that the kernel cannot take back: anonymous and shared, not file pages."""
        return sum(private_bytes(pid) for pid in self.members())

    def terminate(self) -> None:
        """Ask all of them to end (SIGTERM)."""
        self._signal(signal.SIGTERM)

    def kill(self) -> int:
        """End all of them (SIGKILL) and wait until they are gone; gives the number beside the child itself.

        The child is left for its owner to reap.
        """
        killed: set[int] = set()
        deadline = time.monotonic() + _KILL_WAIT_S
        while time.monotonic() < deadline:
            killed.update(self._kill_groups())
            killed.update(self._signal(signal.SIGKILL))
            self.reap()
            if not self.members():
                break
            time.sleep(0.005)
        self.reap()
        return len(killed - {self.pid})

    def _kill_groups(self) -> list[int]:
        """Whole process groups at once: a process that forks and ends all the time cannot slip away under that."""
        members, processes = self.members(), _processes()
        groups = {processes[pid].group for pid in members if pid in processes} | {self.pid}
        for group in groups - {os.getpgid(0)}:
            try:
                os.killpg(group, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        return members

    def reap(self) -> None:
        """Collect adopted orphans that have ended."""
        for pid in list(self.adopted):
            try:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    self.adopted.discard(pid)
            except ChildProcessError:
                self.adopted.discard(pid)

    def _signal(self, number: int) -> list[int]:
        members = self.members()
        if not PROC.is_dir():
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                pass
        for pid in members:  # each once: a second SIGTERM often means "at once"
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                pass
        return members


def children_of_this_process() -> frozenset[int]:
    """Process ids of our direct children now."""
    me = os.getpid()
    return frozenset(pid for pid, process in _processes().items() if process.parent == me)


def private_bytes(pid: int) -> int:
    """Anonymous and shared resident memory of one process; 0 when it is gone."""
    total = 0
    try:
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                total += int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return total


def _processes() -> dict[int, _Process]:
    """Every process that can be seen."""
    found = {}
    try:
        names = [entry.name for entry in os.scandir(PROC) if entry.name.isdigit()]
    except OSError:
        return {}
    for name in names:
        try:
            text = (PROC / name / "stat").read_text(errors="replace")
        except OSError:
            continue
        # The command's name, in brackets, may itself hold brackets and blanks.
        fields = text.rpartition(")")[2].split()
        if len(fields) > 2:
            found[int(name)] = _Process(fields[0], int(fields[1]), int(fields[2]))
    return found
