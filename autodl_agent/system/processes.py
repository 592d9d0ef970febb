"""All processes of one run or one worker, known by a mark in their environment: their memory, and an end for all.

The mark is inherited, so it also finds a process that left the group and the session of the run, or whose parent
died. Linux only; elsewhere no process is found and the process group is all that can be ended.
"""

import os
import signal
import time
import uuid
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
_KILL_WAIT_S = 5.0
_SHARE = 0.05  # of a core, at most, for looking at memory


class TaggedProcesses:
    """The processes that were started with `environment`, and all that come from them. name: of its variable."""

    def __init__(self, name: str) -> None:
        self.environment = {name: uuid.uuid4().hex}
        self._needle = f"{name}={self.environment[name]}".encode()
        self._others: set[int] = set()

    def members(self, anew: bool = False) -> list[int]:
        """Process ids of the living. anew: look at every process, also at those that were known to be others'."""
        if anew:
            self._others.clear()
        found = []
        for entry in os.scandir(PROC) if PROC.is_dir() else ():
            if not entry.name.isdigit() or (pid := int(entry.name)) in self._others:
                continue
            try:
                # What has ended and was not waited for has no environment any more.
                environment = (PROC / entry.name / "environ").read_bytes()
            except OSError:
                continue
            if self._needle in environment:
                found.append(pid)
            elif environment:  # one that is just being started shows nothing yet
                self._others.add(pid)
        return found

    def wait_until_gone(self, seconds: float) -> list[int]:
        """Those that are still there after so many seconds; returns at once when there are none."""
        deadline = time.monotonic() + seconds
        while (living := self.members(anew=True)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return living

    def kill(self, group: int) -> list[int]:
        """End all of them and the process group (SIGKILL); gives those that were seen. Waits until they are gone."""
        seen: set[int] = set()
        deadline = time.monotonic() + _KILL_WAIT_S
        while True:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
            living = self.members(anew=True)
            seen.update(living)
            for pid in living:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if not living or time.monotonic() > deadline:
                return sorted(seen)
            time.sleep(0.01)


class MemoryPeak:
    """Largest memory of all marked processes together.

    rss: sum of resident sizes, in which a page that two processes share counts twice. pss: the same with shared pages
    divided among those that share them, what the run really takes; the kernel needs milliseconds to add it up for a
    large process, so it is asked only where the sum of the resident sizes is a new peak, and never for more than a
    twentieth of the time. Both in bytes.
    """

    def __init__(self, processes: TaggedProcesses) -> None:
        self.processes = processes
        self.rss = self.pss = 0
        self._asked_at_rss = 0
        self._next_at = 0.0

    def sample(self) -> None:
        """Look once."""
        pids = self.processes.members()
        now = sum(_rss(pid) for pid in pids)
        self.rss = max(self.rss, now)
        started = time.monotonic()
        # A fiftieth more or less is no new peak, and a smaller sum cannot hold one.
        if now > 1.02 * self._asked_at_rss and started >= self._next_at:
            self.pss = max(self.pss, sum(_pss(pid) for pid in pids))
            self._asked_at_rss = now
            gone = time.monotonic() - started
            self._next_at = started + gone / _SHARE


def _rss(pid: int) -> int:
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _pss(pid: int) -> int:
    """Proportional set size; the resident size where the kernel does not tell."""
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return _rss(pid)
