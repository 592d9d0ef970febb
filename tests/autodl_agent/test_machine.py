"""What the container allows, read from control groups of both versions and from systems that have none."""

from pathlib import Path

import pytest

from autodl_agent import machine
from autodl_agent.machine import (
    _cgroup_memory_left,
    _quota_cores,
    cores,
    has_card,
    memory_limit_bytes,
    peak_memory_bytes,
)


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    (tmp_path / "cpu").mkdir()
    (tmp_path / "memory").mkdir()
    return tmp_path


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
    assert cores.__wrapped__() == len(machine.os.sched_getaffinity(0))


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


def test_the_smaller_of_group_and_system_counts(group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (group / "memory.max").write_text(str(1 << 30))
    monkeypatch.setattr(machine, "_available", lambda: 3 << 29)
    assert memory_limit_bytes() == 1 << 30
    monkeypatch.setattr(machine, "_available", lambda: 1 << 28)
    assert memory_limit_bytes() == 1 << 28
    monkeypatch.setattr(machine, "_available", lambda: None)
    assert memory_limit_bytes() == 1 << 30


def test_without_any_word_of_memory_two_gigabytes_are_hoped_for(group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_available", lambda: None)
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
    monkeypatch.setattr(machine, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    for name in files:
        (tmp_path / name).touch()
    assert has_card() == found
