"""Zips of submissions: what they hold comes out, and nothing leaves the folder."""

import stat
import zipfile
from pathlib import Path

import pytest

from autodl_agent.challenge.sandbox import unpack as module
from autodl_agent.challenge.sandbox.unpack import open_submission, unpack
from autodl_agent.system.errors import UsageError


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def member(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_a_zip_is_unpacked_under_its_own_name(tmp_path: Path) -> None:
    path = zipped(tmp_path / "my.agent.zip", ("model.py", b"x"), ("deep/er/file", b"y"), ("empty/", b""))
    found = open_submission(path, tmp_path / "scratch")
    assert (found.name, found.folder) == ("my.agent", tmp_path / "scratch" / "my.agent")
    assert (found.folder / "model.py").read_bytes() == b"x"
    assert (found.folder / "deep/er/file").read_bytes() == b"y"
    assert (found.folder / "empty").is_dir()


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    found = open_submission(tmp_path / "agent", tmp_path / "scratch")
    assert (found.name, found.folder) == ("agent", tmp_path / "agent")
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(0o100755, 0o755), (0o100644, 0o644), (0o100600, 0o644), (0o104777, 0o755), (0, 0o644)],
)
def test_only_the_permission_to_run_is_taken(tmp_path: Path, mode: int, expected: int) -> None:
    unpack(zipped(tmp_path / "z.zip", (member("file", mode), b"")), tmp_path)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == expected


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/abs", "a\\b", "C:/x", "a:b"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(UsageError, match="expected paths inside the archive"):
        unpack(zipped(tmp_path / "z.zip", (name, b"x")), folder)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    with pytest.raises(UsageError, match="expected plain files, found 'link'"):
        unpack(zipped(tmp_path / "z.zip", (member("link", kind | 0o777), b"/etc/passwd")), tmp_path)


@pytest.mark.parametrize(("sizes", "fits"), [((10,), True), ((11,), False), ((5, 5), True), ((5, 6), False)])
def test_the_limit_is_for_all_files_together(tmp_path: Path, sizes: tuple[int, ...], fits: bool) -> None:
    path = zipped(tmp_path / "z.zip", *((f"f{i}", bytes(size)) for i, size in enumerate(sizes)))
    if fits:
        unpack(path, tmp_path, max_bytes=10)
    else:
        with pytest.raises(UsageError, match=f"larger than the limit \\('f{len(sizes) - 1}' passes it\\)"):
            unpack(path, tmp_path, max_bytes=10)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 2)
    with pytest.raises(UsageError, match="expected at most 2 files, found 3"):
        unpack(zipped(tmp_path / "z.zip", *((str(i), b"") for i in range(3))), tmp_path)


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_a_damaged_zip_is_one_line(tmp_path: Path, cut: float) -> None:
    path = zipped(tmp_path / "z.zip", ("model.py", bytes(range(256)) * 20))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(UsageError, match="cannot be unpacked"):
        unpack(path, tmp_path)


def test_damaged_content_is_one_line(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z.zip", ("model.py", bytes(range(256)) * 20))
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(UsageError, match="cannot be unpacked"):
        unpack(path, tmp_path)


@pytest.mark.parametrize(("content", "says"), [(None, "found nothing there"), (b"text", "found another kind of file")])
def test_what_is_no_submission_is_said(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "thing"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=says):
        open_submission(path, tmp_path / "scratch")
