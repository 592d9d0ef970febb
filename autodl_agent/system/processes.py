"""Processes that belong together: found by a mark or by descent, and ended so that none slips away.

`TaggedProcesses` knows those that this process starts with a mark in their environment, which all inherit.
`ProcessTree` knows the descendants of one process, which may try to hide: an untrusted submission, or a program that
somebody else started. `terminate`, `wait_until_gone` and `kill` end either. Linux only; elsewhere no process is found
and the process group is all that can be ended.
"""

import os
import signal
import time
from contextlib import suppress
from typing import Protocol

from autodl_agent.system.process_identity import (
    PROC,
    ProcessIdentity,
    ProcessStat,
    environment,
    is_alive,
    lineage,
    process_ids,
    process_table,
    read_stat,
)

_KILL_WAIT_S = 5.0


class ProcessSet(Protocol):
    """Processes that can be ended together. group: a process group of nobody else, ended even if none is found."""

    group: int | None

    def members(self) -> list[ProcessStat]:
        """Those that live now."""


class TaggedProcesses:
    """The processes that were started with `environment`, and all that come from them.

    The mark also finds a process that left the group and the session, or whose parent died; one that clears its
    environment and leaves the group is not found. group: to be set once the first is started, as its leader.
    """

    def __init__(self, variable: str) -> None:
        self.environment = {variable: os.urandom(16).hex()}
        self.group: int | None = None
        self._mark = f"{variable}={self.environment[variable]}".encode()
        self._others: set[int] = set()

    def members(self) -> list[ProcessStat]:
        """Those that live now."""
        self._others.clear()
        return self.members_among_new()

    def members_among_new(self) -> list[ProcessStat]:
        """The same without another look at those that were others' at the last look: for ten times a second."""
        pids = process_ids()
        self._others.intersection_update(pids)
        found = []
        for pid in pids:
            if pid in self._others:
                continue
            variables = environment(pid)
            if self._mark in variables:
                if (stat := read_stat(pid)) is not None and not stat.dead:
                    found.append(stat)
            elif variables:  # one that is just being started shows nothing yet
                self._others.add(pid)
        return found


class ProcessTree:
    """One process, its group where it leads one, and all descendants; never this process or one above it.

    others: where the root is a child of this process, the children that this one had before. If this process is a
    subreaper (`prctl.become_subreaper`), every child beside those is an orphan of the tree; orphans are waited for
    here, the root is left to its owner. Nothing else may start processes meanwhile. Without `others` an orphan is found
    only if it was seen before its parent died, or stayed in the group of the root.
    """

    def __init__(self, root: ProcessIdentity | int, others: frozenset[ProcessIdentity] | None = None) -> None:
        """root: as an id, a child of this process that nobody has waited for yet."""
        if isinstance(root, int):
            stat = read_stat(root)
            self.root = stat.identity if stat else ProcessIdentity(root, -1)
        else:
            self.root = root
        self.others = others
        self.group = None if others is None else self.root.pid
        self._seen = {self.root}

    def members(self) -> list[ProcessStat]:
        """Those that live now."""
        table = process_table()
        ours = lineage(os.getpid(), table)
        found = {seen.pid for seen in self._seen if seen.pid in table and table[seen.pid].identity == seen}
        found |= self._group(table, ours) | self._orphans(table)
        found -= ours
        children: dict[int, list[int]] = {}
        for pid, stat in table.items():
            children.setdefault(stat.parent, []).append(pid)
        line = list(found)
        for pid in line:
            new = [child for child in children.get(pid, ()) if child not in found and child not in ours]
            found.update(new)
            line += new
        living = [table[pid] for pid in line if not table[pid].dead]
        self._seen = {self.root, *(stat.identity for stat in living)}
        return living

    def _group(self, table: dict[int, ProcessStat], ours: set[int]) -> set[int]:
        """A group outlives its leader, and while it does, the kernel gives its id to no other process."""
        leader = table.get(self.root.pid)
        if (leader is not None and leader.identity != self.root) or self.root.pid in (os.getpgrp(), *ours):
            return set()
        return {pid for pid, stat in table.items() if stat.group == self.root.pid}

    def _orphans(self, table: dict[int, ProcessStat]) -> set[int]:
        if self.others is None:
            return set()
        me, found = os.getpid(), set()
        for pid, stat in table.items():
            if stat.parent != me or stat.identity in self.others:
                continue
            found.add(pid)
            if stat.dead and pid != self.root.pid:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        return found


def children_of_this_process() -> frozenset[ProcessIdentity]:
    """The direct children of this process now."""
    me = os.getpid()
    return frozenset(stat.identity for stat in process_table().values() if stat.parent == me)


def terminate(processes: ProcessSet) -> None:
    """Ask all of them to end (SIGTERM), each once: a second SIGTERM often means "at once"."""
    if processes.group is not None and not PROC.is_dir():
        _signal_group(processes.group, signal.SIGTERM)
    _signal(processes.members(), signal.SIGTERM)


def wait_until_gone(processes: ProcessSet, seconds: float) -> list[ProcessStat]:
    """Those that are still there after so many seconds; returns at once when there are none."""
    deadline = time.monotonic() + seconds
    while (living := processes.members()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return living


def kill(processes: ProcessSet) -> set[ProcessIdentity]:
    """End all of them (SIGKILL) and wait some seconds until they are gone; gives those that were seen.

    Whole process groups at once: a process that forks and ends all the time cannot slip away under that. Since a look
    at /proc takes a while, it needs two without a find.
    """
    seen: set[ProcessIdentity] = set()
    deadline, empty = time.monotonic() + _KILL_WAIT_S, 0
    while True:
        members = processes.members()
        seen.update(stat.identity for stat in members)
        for group in _own_groups(processes, members, seen):
            _signal_group(group, signal.SIGKILL)
        _signal(members, signal.SIGKILL)
        empty = 0 if members else empty + 1
        if empty == 2 or time.monotonic() > deadline:
            return seen
        time.sleep(0.005)


def _own_groups(processes: ProcessSet, members: list[ProcessStat], seen: set[ProcessIdentity]) -> set[int]:
    """Groups without a stranger: made by one of the processes, or in a session that one of them made."""
    makers = {identity.pid for identity in seen} | {processes.group}
    groups = {stat.group for stat in members if stat.group in makers or stat.session in makers}
    if processes.group is not None:
        groups.add(processes.group)
    return groups - {os.getpgrp()}


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _signal(members: list[ProcessStat], number: int) -> None:
    for stat in members:
        if is_alive(stat.identity):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(stat.pid, number)
