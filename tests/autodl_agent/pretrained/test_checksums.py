"""Checksums that are remembered."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from autodl_agent.pretrained import checksums
from autodl_agent.pretrained.checksums import MEMORY, sha256


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTODL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(checksums, "LARGE_BYTES", 4)
    return tmp_path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files whose content was read."""
    read: list[Path] = []
    plain = checksums._hash
    monkeypatch.setattr(checksums, "_hash", lambda path: (read.append(path), plain(path))[1])
    return read


def test_a_large_file_is_read_once(home: Path, hashed: list[Path]) -> None:
    (home / "file").write_bytes(b"content")
    expected = hashlib.sha256(b"content").hexdigest()
    assert [sha256(home / "file"), sha256(home / "file")] == [expected, expected]
    assert len(hashed) == 1


def test_a_small_file_leaves_no_trace(home: Path, hashed: list[Path]) -> None:
    (home / "file").write_bytes(b"abc")
    assert sha256(home / "file") == sha256(home / "file") == hashlib.sha256(b"abc").hexdigest()
    assert len(hashed) == 2 and not (home / "cache" / MEMORY).exists()


def test_a_changed_file_is_read_again(home: Path, hashed: list[Path]) -> None:
    path = home / "file"
    path.write_bytes(b"content")
    before = path.stat()
    sha256(path)
    path.write_bytes(b"CONTENT")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # the time of change itself cannot be set back
    assert sha256(path) == hashlib.sha256(b"CONTENT").hexdigest()
    assert len(hashed) == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}', "\ufffd"])
def test_a_damaged_memory_is_an_empty_one(home: Path, damage: str) -> None:
    (home / "cache").mkdir()
    (home / "cache" / MEMORY).write_text(damage, encoding="utf-8")
    (home / "file").write_bytes(b"content")
    assert sha256(home / "file") == hashlib.sha256(b"content").hexdigest()
    assert len(json.loads((home / "cache" / MEMORY).read_text())) == 1


def test_the_memory_is_bounded_and_keeps_the_newest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "MOST_ENTRIES", 3)
    for number in range(5):
        (home / f"file{number}").write_bytes(b"content%d" % number)
        sha256(home / f"file{number}")
    kept = json.loads((home / "cache" / MEMORY).read_text())
    assert [Path(key.split("|")[0]).name for key in kept] == ["file2", "file3", "file4"]


def test_a_missing_file_is_an_os_error(home: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256(home / "none")
