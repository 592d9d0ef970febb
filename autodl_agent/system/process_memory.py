"""Memory of processes, as the kernel counts it: resident, proportional, and what no file stands behind.

A process that is gone takes 0 bytes.
"""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from autodl_agent.system.process_identity import PROC, ProcessStat

_PSS_SHARE = 0.05  # of a core, at most, for adding up proportional set sizes


def rss_bytes(pid: int) -> int:
    """Resident set size; pages that several processes share count in full for each."""
    try:
        return int(_file(pid, "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def pss_bytes(pid: int) -> int:
    """Proportional set size, in which a shared page counts divided; the resident size where the kernel has none.

    The kernel needs milliseconds to add it up for a large process.
    """
    return _sum_of_fields(pid, "smaps_rollup", "Pss:") or rss_bytes(pid)


def anonymous_bytes(pid: int) -> int:
    """Resident memory that no file stands behind, so that the kernel cannot take it back: anonymous and shared."""
    return _sum_of_fields(pid, "status", "RssAnon:", "RssShmem:")


class MemoryPeak:
    """Largest memory of several processes together, in bytes. members: gives them as they are now.

    rss: sum of resident sizes. pss: sum of proportional set sizes, what they really take. Since it is slow, it is asked
    for only where the sum of the resident sizes is a new peak, and never for more than a twentieth of the time.
    """

    def __init__(self, members: Callable[[], Iterable[ProcessStat]]) -> None:
        self.rss = self.pss = 0
        self._members = members
        self._rss_at_pss = 0
        self._next_pss = 0.0

    def sample(self) -> None:
        """Look once."""
        pids = [process.pid for process in self._members()]
        rss = sum(map(rss_bytes, pids))
        self.rss = max(self.rss, rss)
        started = time.monotonic()
        # A fiftieth more or less is no new peak, and a smaller sum cannot hold one.
        if rss > 1.02 * self._rss_at_pss and started >= self._next_pss:
            self.pss = max(self.pss, sum(map(pss_bytes, pids)))
            self._rss_at_pss = rss
            self._next_pss = started + (time.monotonic() - started) / _PSS_SHARE


def _sum_of_fields(pid: int, name: str, *fields: str) -> int:
    try:
        lines = _file(pid, name).read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(fields))
    except (OSError, ValueError, IndexError):
        return 0


def _file(pid: int, name: str) -> Path:
    return PROC / str(pid) / name
