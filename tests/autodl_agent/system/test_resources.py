"""What the container allows, read from control groups of both versions and from systems that have none."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from autodl_agent.system import resources
from autodl_agent.system.resources import (
    _cgroup_memory_left,
    _quota_cores,
    cores,
    has_gpu,
    memory_limit_bytes,
    peak_memory_bytes,
)


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(resources, "CGROUP", tmp_path)
    monkeypatch.setattr(resources, "SELF", tmp_path / "self")
    (tmp_path / "cpu").mkdir()
    (tmp_path / "memory").mkdir()
    (tmp_path / "self").mkdir()
    return tmp_path


def write(files: dict[str, object], below: Path) -> None:
    """Files with numbers, in folders that are made."""
    for name, value in files.items():
        assert not name.startswith("/")
        (below / name).parent.mkdir(parents=True, exist_ok=True)
        (below / name).write_text(f"{value}\n")


V1 = ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
V2 = ("", "memory.max", "memory.current")


@pytest.mark.parametrize(
    ("quota", "found"),
    [
        ("max 100000", None),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("140000 100000", 1),
        ("1000 100000", 1),
        ("100000 0", None),
        ("-1 100000", None),
        ("", None),
        ("garbage", None),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_a_quota_is_a_number_of_cores(group: Path, quota: str, found: int | None, version: int) -> None:
    if version == 2:
        (group / "cpu.max").write_text(quota + "\n")
    else:
        first, _, second = quota.partition(" ")
        (group / "cpu" / "cpu.cfs_quota_us").write_text(first + "\n")
        (group / "cpu" / "cpu.cfs_period_us").write_text(second + "\n")
    assert _quota_cores() == found


def test_a_quota_never_adds_cores(group: Path) -> None:
    (group / "cpu.max").write_text("100000 100000")
    assert cores.__wrapped__() == 1
    (group / "cpu.max").write_text("1000000000 100000")
    assert cores.__wrapped__() == len(resources.os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("limit", "used", "left"),
    [
        (str(4 << 30), str(1 << 30), 3 << 30),
        (str(4 << 30), "", 4 << 30),
        (str(1 << 30), str(2 << 30), 1 << 26),
        ("max", "5", None),
        (str(1 << 62), "5", None),
        ("", "", None),
    ],
)
@pytest.mark.parametrize(
    "names", [("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")]
)
def test_memory_that_the_group_leaves(
    group: Path, limit: str, used: str, left: int | None, names: tuple[str, str]
) -> None:
    for name, value in zip(names, (limit, used), strict=True):
        (group / name).write_text(value + "\n")
    assert _cgroup_memory_left() == left


@pytest.mark.parametrize(("version", "names"), [("5:hugetlb,memory:/a/b/c", V1), ("0::/a/b/c", V2)])
@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"a/b/c": (4, 1)}, 3),
        ({"a/b/c": (4, 1), "a": (3, 2), "": (8, 4)}, 1),
        ({"a/b/c": (4, 1), "a/b": (5, 1), "": (8, 6)}, 2),
        ({"a/b/c/d": (1, 0), "x": (1, 0)}, None),  # those of others
        ({}, None),
    ],
)
def test_the_tightest_of_the_own_group_and_all_above_it_counts(
    group: Path, version: str, names: tuple[str, str, str], limits: dict[str, tuple[int, int]], left: int | None
) -> None:
    write({"cgroup": f"11:pids:/elsewhere\n{version}"}, group / "self")
    below, limit_file, used_file = names
    for place, (limit, used) in limits.items():
        write({limit_file: limit << 30, used_file: used << 30}, group.joinpath(below, place))
    assert _cgroup_memory_left() == (None if left is None else left << 30)


def test_a_quota_above_the_own_group_counts(group: Path) -> None:
    write({"cgroup": "3:cpu,cpuacct:/a/b\n0::/x/y"}, group / "self")
    write({"cpu/a/b/cpu.cfs_quota_us": 800_000, "cpu/a/b/cpu.cfs_period_us": 100_000}, group)
    assert _quota_cores() == 8
    write({"cpu/a/cpu.cfs_quota_us": 400_000, "cpu/a/cpu.cfs_period_us": 100_000}, group)
    assert _quota_cores() == 4
    write({"x/cpu.max": "200000 100000", "x/y/cpu.max": "max 100000"}, group)
    assert _quota_cores() == 2


@pytest.mark.parametrize(
    "told", ["", "nonsense\n", "0::\n", "0::/../../a\n", "0::/of/the/host\n", "1:name=systemd:/a\n"]
)
def test_what_cannot_be_followed_leaves_the_root(group: Path, told: str) -> None:
    """As in a container that shows its own group as the root, under a name that it has outside."""
    write({"cgroup": told}, group / "self")
    write({"memory.max": 3 << 30, "cpu.max": "300000 100000", "a/memory.max": 1 << 30}, group)
    assert _cgroup_memory_left() == 3 << 30
    assert _quota_cores() == 3


@pytest.mark.parametrize(
    ("limit_mb", "used_mb", "left_mb"), [(2000, 300, 1300), (2000, 1590, 64), (100, 300, 64), (None, 300, 5000)]
)
def test_limited_address_space_counts_less_what_is_used_and_what_libraries_take(
    group: Path, monkeypatch: pytest.MonkeyPatch, limit_mb: int | None, used_mb: int, left_mb: int
) -> None:
    monkeypatch.setattr(resources, "_available", lambda: 5000 << 20)
    monkeypatch.setattr(resources, "address_limit_bytes", lambda: None if limit_mb is None else limit_mb << 20)
    write({"statm": f"{(used_mb << 20) // resources.os.sysconf('SC_PAGE_SIZE')} 7 7 7"}, group / "self")
    assert memory_limit_bytes() == left_mb << 20


@pytest.mark.parametrize("limit", [None, 3_000_000])
def test_a_limit_of_the_shell_is_seen_and_heaps_are_few_then(limit: int | None) -> None:
    code = (
        "import os\nfrom autodl_agent.system import resources\nresources.limit_blas_threads()\n"
        "print(resources.address_limit_bytes(), os.environ.get('MALLOC_ARENA_MAX'))\n"
        "print(resources.memory_limit_bytes() <= 3_000_000 * 1024 - resources.LIBRARIES_BYTES)"
    )
    shell = f"ulimit -v {limit or 'unlimited'} && exec {shlex.quote(sys.executable)} -c {shlex.quote(code)}"
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    done = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True, check=True)
    told, heaps, *_ = done.stdout.split()
    assert (told, heaps) == (("None", "None") if limit is None else (str(limit * 1024), "2"))
    assert limit is None or done.stdout.split()[-1] == "True"


def test_the_smaller_of_group_and_system_counts(group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (group / "memory.max").write_text(str(1 << 30))
    monkeypatch.setattr(resources, "_available", lambda: 3 << 29)
    assert memory_limit_bytes() == 1 << 30
    monkeypatch.setattr(resources, "_available", lambda: 1 << 28)
    assert memory_limit_bytes() == 1 << 28
    monkeypatch.setattr(resources, "_available", lambda: None)
    assert memory_limit_bytes() == 1 << 30


def test_without_any_word_of_memory_two_gigabytes_are_hoped_for(group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_available", lambda: None)
    assert memory_limit_bytes() == 2 << 30


def test_the_peak_is_that_of_a_python_with_numpy_in_bytes() -> None:
    assert 10 << 20 < peak_memory_bytes() < 1 << 40


@pytest.mark.parametrize(
    ("files", "visible", "found"),
    [
        ((), None, False),
        (("nvidiactl", "nvidia-uvm"), None, False),
        (("nvidia0",), None, True),
        (("nvidia11",), "1", True),
        (("kfd",), None, True),
        (("nvidia0", "kfd"), "", False),
        (("nvidia0",), "-1", False),
        (("null",), "0", False),
    ],
)
def test_a_card_is_a_file_of_its_driver_that_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], visible: str | None, found: bool
) -> None:
    monkeypatch.setattr(resources, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    for name in files:
        (tmp_path / name).touch()
    assert has_gpu() == found
