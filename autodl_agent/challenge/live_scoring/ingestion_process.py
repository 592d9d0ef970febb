"""The ingestion process as the scoring program meets it: by a number in `start.txt`, perhaps of another machine.

A number is not a process. It may belong to another container or have been given to somebody else since, and the
scoring program must never end a stranger. So a process counts as the ingestion only if it was there when `start.txt`
was first seen, had begun before the run, has "ingestion" in its command line, and is neither this process nor one
above it; and its moment of birth, as the kernel keeps it, is compared again before any signal. This needs /proc;
elsewhere no process is recognised, and none is ended.
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_KILL_WAIT_S = 5.0
# Between the kernel's clock of births and the wall clock that start.txt shows.
_CLOCK_SLACK_S = 2.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its number, and its birth in clock ticks since boot, which together are never reused."""

    pid: int
    birth: int


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    group: int
    birth: int
    dead: bool


def find_ingestion(pid: int, start_time: float) -> Process | None:
    """The ingestion process, if number `pid` is one on this machine; start_time: of the run, seconds since 1970."""
    stat = _stat(pid)
    if stat is None or stat.dead or pid <= 1 or pid in _lineage(os.getpid()):
        return None
    born = _boot_time() + stat.birth / os.sysconf("SC_CLK_TCK")
    if born > start_time + _CLOCK_SLACK_S or "ingestion" not in _command(pid).lower():
        return None
    return Process(pid, stat.birth)


def is_alive(process: Process) -> bool:
    """Whether this very process still runs; a zombie does not."""
    stat = _stat(process.pid)
    return stat is not None and not stat.dead and stat.birth == process.birth


def terminate(process: Process, grace_s: float) -> bool:
    """End a process with its group and its descendants: SIGTERM, `grace_s` seconds, SIGKILL; whether all are gone.

    The group only if the process leads it: otherwise it belongs to whoever started both programs.
    """
    if not is_alive(process):
        return True
    # All are listed before the first signal: a child whose parent has died can no longer be found.
    members = _family(process, {process})
    _signal(members, signal.SIGTERM)
    _wait(members, grace_s)
    # Once more, for what was started in the meantime; orphans are known from the first look.
    members = _family(process, members)
    _signal(members, signal.SIGKILL)
    return _wait(members, _KILL_WAIT_S)


def _family(process: Process, known: set[Process]) -> set[Process]:
    """The living among: the process, its group where it leads one, `known`, and all descendants of these."""
    table = _table()
    ours = _lineage(os.getpid(), table)
    # The group outlives its leader; while it does, the number is given to nobody else.
    leader = table.get(process.pid)
    reused = leader is not None and leader.birth != process.birth
    found = {p.pid for p in known if p.pid in table and table[p.pid].birth == p.birth}
    if not reused and process.pid not in (os.getpgrp(), *ours):
        found |= {pid for pid, stat in table.items() if stat.group == process.pid}
    while children := {pid for pid, stat in table.items() if stat.parent in found} - found:
        found |= children
    return {Process(pid, table[pid].birth) for pid in found - ours if not table[pid].dead}


def _signal(members: set[Process], number: int) -> None:
    for member in members:
        if is_alive(member):
            try:
                os.kill(member.pid, number)
            except (ProcessLookupError, PermissionError):
                pass


def _wait(members: set[Process], seconds: float) -> bool:
    """Whether all are gone within `seconds`."""
    deadline = time.monotonic() + seconds
    while any(is_alive(member) for member in members):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _table() -> dict[int, _Stat]:
    """Every process that can be seen."""
    try:
        numbers = [int(entry.name) for entry in os.scandir(PROC) if entry.name.isdigit()]
    except OSError:
        return {}
    return {pid: stat for pid in numbers if (stat := _stat(pid)) is not None}


def _stat(pid: int) -> _Stat | None:
    """What /proc says of one process (proc(5)); None where there is no such process, or no /proc."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The command's name, in brackets, may itself hold brackets and blanks.
    fields = text.rpartition(")")[2].split()
    return _Stat(int(fields[1]), int(fields[2]), int(fields[19]), fields[0] in "ZX") if len(fields) > 19 else None


def _command(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _boot_time() -> float:
    """Seconds since 1970 at which births are counted from; endlessly late where unknown, so that nobody matches."""
    try:
        lines = (PROC / "stat").read_text().splitlines()
    except OSError:
        return float("inf")
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), float("inf"))


def _lineage(pid: int, table: dict[int, _Stat] | None = None) -> set[int]:
    """A process and all above it."""
    found: set[int] = set()
    while pid > 0 and pid not in found:
        found.add(pid)
        stat = _stat(pid) if table is None else table.get(pid)
        pid = stat.parent if stat else 0
    return found
