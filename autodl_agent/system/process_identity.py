"""What /proc shows of processes, and which one is meant: the kernel gives a process id to another one later.

Linux only; elsewhere no process is seen.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process id and the start of its process in clock ticks since boot; together they are never used again."""

    pid: int
    start_ticks: int

    def started_at(self) -> float:
        """Start in seconds since 1970, to about a second; infinity where the time of boot is unknown."""
        try:
            lines = (PROC / "stat").read_text().splitlines()
        except OSError:
            lines = []
        boot = next((float(line.split()[1]) for line in lines if line.startswith("btime ")), float("inf"))
        return boot + self.start_ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """One `/proc/PID/stat`, see proc(5). state: one letter. parent, group, session: process ids."""

    identity: ProcessIdentity
    state: str
    parent: int
    group: int
    session: int

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.identity.pid

    @property
    def dead(self) -> bool:
        """Whether it has ended, though perhaps nobody has waited for it yet (a zombie)."""
        return self.state in "ZX"

    @property
    def stopped(self) -> bool:
        """Whether a signal or a debugger holds it."""
        return self.state in "Tt"


def read_stat(pid: int | Literal["self"]) -> ProcessStat | None:
    """The state of one process; None where there is none of this id, or no /proc."""
    text = _read(pid, "stat")
    # The name of the program, in brackets, may itself hold brackets and blanks.
    fields = text.rpartition(b")")[2].split()
    if len(fields) < 20:
        return None
    identity = ProcessIdentity(int(text.split(maxsplit=1)[0]), int(fields[19]))
    parent, group, session = map(int, fields[1:4])
    return ProcessStat(identity, fields[0].decode(), parent, group, session)


def process_table() -> dict[int, ProcessStat]:
    """Every process that can be seen, by its id. They are read one after the other, so this is no single moment."""
    return {pid: stat for pid in process_ids() if (stat := read_stat(pid)) is not None}


def process_ids() -> list[int]:
    """The ids of all processes that can be seen."""
    try:
        return [int(name) for name in os.listdir(PROC) if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []


def identify(pid: int) -> ProcessIdentity | None:
    """Which process this id stands for now; None where there is none that lives."""
    stat = read_stat(pid)
    return None if stat is None or stat.dead else stat.identity


def is_alive(process: ProcessIdentity) -> bool:
    """Whether this very process still runs; a zombie does not."""
    return identify(process.pid) == process


def lineage(pid: int, table: dict[int, ProcessStat] | None = None) -> set[int]:
    """The ids of a process and of all above it. table: where to look them up."""
    found: set[int] = set()
    while pid > 0 and pid not in found:
        found.add(pid)
        stat = read_stat(pid) if table is None else table.get(pid)
        pid = stat.parent if stat else 0
    return found


def command_line(pid: int) -> str:
    """Program and arguments, separated by blanks; "" where they cannot be read."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace")


def environment(pid: int) -> bytes:
    """NAME=VALUE as it was at the start, each ended by a zero byte; empty for a zombie and where it cannot be read."""
    return _read(pid, "environ")


def _read(pid: int | Literal["self"], name: str) -> bytes:
    try:
        with open(f"{PROC}/{pid}/{name}", "rb", buffering=0) as file:  # noqa: PTH123 - called for every process
            return file.readall()
    except OSError:
        return b""
