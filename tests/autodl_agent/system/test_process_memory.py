import mmap
import os
from pathlib import Path

import pytest

from autodl_agent.system import process_memory
from autodl_agent.system.process_identity import PROC, ProcessIdentity, ProcessStat
from autodl_agent.system.process_memory import MemoryPeak, anonymous_bytes, pss_bytes, rss_bytes

PAGE = os.sysconf("SC_PAGE_SIZE")
BLOCK = 64 << 20


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(process_memory, "PROC", tmp_path)
    for pid in (7, 8):
        (tmp_path / str(pid)).mkdir()
    return tmp_path


def write(proc: Path, pid: int, pages: int, pss_kb: int) -> None:
    (proc / str(pid) / "statm").write_text(f"9999 {pages} 5 1 0 80 0\n")
    (proc / str(pid) / "smaps_rollup").write_text(f"55d-7ff ---p 0\nRss: 9 kB\nPss: {pss_kb} kB\nPss_Anon: 1 kB\n")


def member(pid: int) -> ProcessStat:
    return ProcessStat(ProcessIdentity(pid, 1), "S", 1, pid, pid)


@pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc")
def test_a_file_that_is_mapped_is_resident_and_not_anonymous(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(BLOCK))
    me = os.getpid()
    with (tmp_path / "file").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        rss, pss, anonymous = rss_bytes(me), pss_bytes(me), anonymous_bytes(me)
        assert sum(mapped[::PAGE]) == 0  # every page is touched
        assert rss_bytes(me) - rss > BLOCK // 2 and pss_bytes(me) - pss > BLOCK // 2
        assert abs(anonymous_bytes(me) - anonymous) < BLOCK // 2
    with mmap.mmap(-1, BLOCK) as shared:
        anonymous = anonymous_bytes(me)
        shared.write(b"x" * BLOCK)
        assert anonymous_bytes(me) - anonymous > BLOCK // 2


def test_the_numbers_are_those_of_the_kernel(proc: Path) -> None:
    write(proc, 7, 12, 30)
    (proc / "7" / "status").write_text("Name:\tx\nVmRSS:\t99 kB\nRssAnon:\t20 kB\nRssFile:\t70 kB\nRssShmem:\t 9 kB\n")
    assert (rss_bytes(7), pss_bytes(7), anonymous_bytes(7)) == (12 * PAGE, 30 << 10, 29 << 10)


def test_without_a_proportional_size_the_resident_one_counts(proc: Path) -> None:
    write(proc, 7, 12, 30)
    (proc / "7" / "smaps_rollup").unlink()
    assert pss_bytes(7) == 12 * PAGE


def test_a_process_that_is_gone_takes_nothing(proc: Path) -> None:
    assert rss_bytes(9) == pss_bytes(9) == anonymous_bytes(9) == 0


def test_the_peak_is_that_of_the_sums(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_memory, "_PSS_SHARE", float("inf"))  # as often as there is a new peak
    peak = MemoryPeak(lambda: [member(7), member(8)])
    for first, second, pss_kb in ((10, 20, 50), (90, 10, 70), (10, 80, 1000)):
        write(proc, 7, first, pss_kb)
        write(proc, 8, second, pss_kb)
        peak.sample()
    assert peak.rss == 100 * PAGE
    assert peak.pss == 140 << 10  # the third sum of resident sizes is no new peak
