import os
import time
from pathlib import Path

import pytest

from autodl_agent.system import process_identity
from autodl_agent.system.process_identity import (
    PROC,
    ProcessIdentity,
    command_line,
    environment,
    identify,
    is_alive,
    lineage,
    process_table,
    read_stat,
)

pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc")
NOBODY = 2**22 + 5  # above the largest process id


def stat_line(pid: int, name: str, state: str, parent: int, start: int) -> str:
    return f"{pid} ({name}) {state} {parent} 30 20 " + "0 " * 15 + f"{start} 0 0\n"


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /proc with init, a child of it and a zombie; the system was started at second 1000."""
    monkeypatch.setattr(process_identity, "PROC", tmp_path)
    for pid, name, state, parent in ((1, "init", "S", 0), (40, "a) b (c", "T", 1), (41, "worker", "Z", 40)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(stat_line(pid, name, state, parent, 250 * pid))
    (tmp_path / "stat").write_text("cpu 1 2\nbtime 1000\n")
    return tmp_path


def test_this_process_knows_itself() -> None:
    stat = read_stat(os.getpid())
    assert stat is not None and stat == read_stat("self")
    assert (stat.parent, stat.group, stat.session) == (os.getppid(), os.getpgrp(), os.getsid(0))
    assert not stat.dead and not stat.stopped
    assert identify(os.getpid()) == stat.identity and is_alive(stat.identity)
    assert time.time() - 86400 < stat.identity.started_at() < time.time() + 2
    assert process_table()[os.getpid()].identity == stat.identity
    assert "python" in command_line(os.getpid())
    assert b"PATH=" in environment(os.getpid())


def test_an_id_alone_is_no_process() -> None:
    now = identify(os.getpid())
    assert now is not None
    assert not is_alive(ProcessIdentity(now.pid, now.start_ticks - 1))


def test_a_process_that_is_not_there() -> None:
    assert read_stat(NOBODY) is None and identify(NOBODY) is None
    assert command_line(NOBODY) == "" and environment(NOBODY) == b""


def test_a_name_may_hold_brackets_and_blanks(proc: Path) -> None:
    stat = read_stat(40)
    assert stat is not None
    assert (stat.pid, stat.state, stat.parent, stat.group, stat.session) == (40, "T", 1, 30, 20)
    assert stat.stopped and stat.identity.start_ticks == 10_000


def test_a_zombie_is_seen_but_not_alive(proc: Path) -> None:
    table = process_table()
    assert sorted(table) == [1, 40, 41] and table[41].dead
    assert identify(41) is None and not is_alive(table[41].identity)
    assert lineage(41) == lineage(41, table) == {1, 40, 41}


def test_a_line_that_is_cut_is_no_process(proc: Path) -> None:
    (proc / "40" / "stat").write_text("40 (half) S 1")
    assert read_stat(40) is None


def test_a_start_is_counted_from_that_of_the_system(proc: Path) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    assert ProcessIdentity(40, 3 * ticks).started_at() == 1003
    (proc / "stat").unlink()
    assert ProcessIdentity(40, 3 * ticks).started_at() == float("inf")


def test_without_proc_there_is_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_identity, "PROC", tmp_path / "none")
    assert process_table() == {} and read_stat("self") is None
