import gzip
import io
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from data_format import open_dataset
from data_format.autodl.writer import write_dataset
from data_format.errors import DataError
from data_format.raw import archives
from data_format.raw.archives import is_archive, remove_unpacked, unpack


@pytest.fixture(autouse=True)
def temporary(monkeypatch, tmp_path):
    """Unpack below the test's own folder, and leave nothing."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    remove_unpacked()
    assert list(folder.iterdir()) == []


@pytest.fixture
def pictures(image, tmp_path):
    for i in range(8):
        image(f"set/{'ab'[i % 2]}/{i}.png", level=20 * i)
    return tmp_path / "set"


def zipped(path, root):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, file.relative_to(root.parent))
    return path


def tarred(path, root, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        archive.add(root, root.name)
    return path


@pytest.mark.parametrize(
    "make", [zipped, tarred, lambda path, root: tarred(path, root, "w"), lambda path, root: tarred(path, root, "w:xz")]
)
def test_class_folders_in_an_archive(pictures, tmp_path, make):
    plain, packed = open_dataset(pictures), open_dataset(make(tmp_path / "packed.zip", pictures))
    assert packed.class_names == plain.class_names == ("a", "b")
    assert (packed.name, list(packed.test.ids)) == ("packed", list(plain.test.ids))
    assert packed.train.labels.tolist() == plain.train.labels.tolist()
    assert packed.train.source.example(0).path.read_bytes() == plain.train.source.example(0).path.read_bytes()


def test_a_table_and_records_in_an_archive(csv_file, tmp_path):
    path = csv_file("t.csv", "a,y", [(i, i % 2) for i in range(20)])
    packed = path.with_name("t.csv.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert (open_dataset(packed).name, open_dataset(packed).class_names) == ("t", ("0", "1"))
    folder = write_dataset(open_dataset(path), tmp_path / "out", "records")
    dataset = open_dataset(zipped(tmp_path / "r.zip", folder))
    assert (dataset.name, len(dataset.test)) == ("records", 4)


def test_it_is_told_by_content(pictures, tmp_path):
    assert is_archive(zipped(tmp_path / "a.dat", pictures))
    assert is_archive(tarred(tmp_path / "b.bin", pictures, "w"))
    assert not is_archive(pictures / "a" / "0.png")
    assert not is_archive(tmp_path / "none.zip")
    with zipfile.ZipFile(tmp_path / "book.zip", "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    assert not is_archive(tmp_path / "book.zip")


BAD = ("../out.txt", "/etc/out.txt", "a/../../out.txt", "..\\out.txt", "C:/out.txt")


def test_no_path_leaves_the_folder(tmp_path, temporary):
    for kind in ("zip", "tar"):
        path = tmp_path / f"evil.{kind}"
        if kind == "zip":
            with zipfile.ZipFile(path, "w") as archive:
                for name in (*BAD, "good.txt"):
                    archive.writestr(name, "x")
        else:
            with tarfile.open(path, "w") as archive:
                for name in (*BAD, "good.txt"):
                    info = tarfile.TarInfo(name)
                    info.size = 1
                    archive.addfile(info, io.BytesIO(b"x"))
        problems = []
        folder = unpack(path, problems)
        assert [file.name for file in folder.rglob("*")] == ["good.txt"]
        assert (
            problems[0].reason == "path that leads out of the archive, not unpacked" and "4 more" in problems[0].where
        )
    assert not (temporary.parent / "out.txt").exists() and not Path("/etc/out.txt").exists()


def test_links_and_devices_are_left_out(tmp_path):
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("soft", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        # Writing through a link planted before it is the classical way out.
        info = tarfile.TarInfo("soft/x.txt")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    problems = []
    folder = unpack(path, problems)
    assert (folder / "soft" / "x.txt").read_text() == "x" and not (folder / "soft").is_symlink()
    assert problems[0].where == "links.tar: soft and 2 more"
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("file.txt", "x")
    assert [file.name for file in unpack(tmp_path / "links.zip", problems).iterdir()] == ["file.txt"]


@pytest.mark.parametrize(
    ("files", "size", "says"), [(3, 1 << 22, "at most 3 files, found more"), (100, 1 << 20, "at most 1 MB unpacked")]
)
def test_number_and_size_are_bounded(tmp_path, temporary, files, size, says):
    path = tmp_path / "bomb.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for i in range(5):
            info = tarfile.TarInfo(f"{i}.txt")
            info.size = 1 << 19
            archive.addfile(info, io.BytesIO(bytes(1 << 19)))
    with pytest.raises(DataError, match=says):
        unpack(path, [], files, size)
    assert list(temporary.iterdir()) == []


def test_a_zip_that_lies_about_its_sizes_is_stopped(tmp_path):
    path = tmp_path / "lies.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", bytes(1 << 21))
    with pytest.raises(DataError, match="at most 1 MB unpacked, found 2 MB"):
        unpack(path, [], max_bytes=1 << 20)


@pytest.mark.parametrize("damage", ["cut", "empty", "gz", "all"])
def test_damaged_archives_are_one_line(pictures, tmp_path, damage):
    path = zipped(tmp_path / "x.zip", pictures)
    content = path.read_bytes()
    damaged = {
        "cut": content[:200],
        "empty": b"PK\5\6" + bytes(18),
        "gz": gzip.compress(b"x" * 9999)[:-9],
        "all": content.replace(b"IDAT", b"XXXX"),
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(DataError, match=r"x\.zip: expected") as caught:
        open_dataset(path)
    assert "\n" not in str(caught.value)


def test_a_damaged_member_costs_only_itself(pictures, tmp_path):
    path = zipped(tmp_path / "x.zip", pictures)
    path.write_bytes(path.read_bytes().replace(b"IDAT", b"XXXX", 1))
    dataset = open_dataset(path)
    assert len(dataset.train) + len(dataset.test) == 7
    assert any(
        p.reason == "damaged in the archive, not unpacked" and "set/a/0.png" in p.where for p in dataset.problems
    )


def test_errors_name_the_archive_and_not_the_folder(tmp_path, temporary):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("readme.md", "x")
    with pytest.raises(DataError, match=r"x\.zip") as caught:
        open_dataset(tmp_path / "x.zip")
    assert str(temporary) not in str(caught.value)


def test_folders_of_killed_processes_go_when_they_are_old(pictures, tmp_path, temporary):
    old, new, alive = (temporary / f"autodl-unpacked-{number}-x" for number in (999_999_998, 999_999_999, os.getpid()))
    for folder in (old, new, alive):
        folder.mkdir()
    for folder in (old, alive):
        os.utime(folder, (0, 0))
    unpack(zipped(tmp_path / "p.zip", pictures), [])
    assert (old.exists(), new.exists(), alive.exists()) == (False, True, True)
    new.rmdir()
    alive.rmdir()


ENDING = """
import os, sys, threading
from pathlib import Path
from data_format.raw import archives

case, path = sys.argv[1:]
if case == "slow":
    archives.unpack(Path(path), [])
    archives._SOON_S = 0.0
    archives.remove_unpacked = lambda: threading.Event().wait()  # as with 100,000s of files
if case == "unpacking":
    written = threading.Event()
    blocks = archives._blocks

    def slowly(stream):
        yield from blocks(stream)
        written.set()
        threading.Event().wait(0.01)

    archives._blocks = slowly
    threading.Thread(target=archives.unpack, args=(Path(path), []), daemon=True).start()
    written.wait()
archives.remove_before_exit()
os._exit(0)
"""


@pytest.mark.parametrize("case", ["slow", "unpacking"])
def test_what_is_not_removed_in_time_goes_after_the_end(tmp_path, temporary, case):
    """A program that ends is not held up, and a thread that still unpacks leaves nothing."""
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for k in range(300):
            archive.writestr(f"{k % 7}/{k}.txt", "x")
    root = Path(archives.__file__).resolve().parents[2]
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", ENDING, case, str(tmp_path / "many.zip")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    until = time.monotonic() + 30
    while list(temporary.iterdir()) and time.monotonic() < until:
        time.sleep(0.02)
    assert list(temporary.iterdir()) == []


def test_few_files_are_gone_before_the_end(pictures, tmp_path, temporary, monkeypatch):
    monkeypatch.setattr(archives, "_SOON_S", 60.0)
    monkeypatch.setattr(subprocess, "Popen", None)  # no process is needed
    unpack(zipped(tmp_path / "p.zip", pictures), [])
    archives.remove_before_exit()
    assert list(temporary.iterdir()) == []


def test_without_a_shell_the_end_waits_for_the_removal(pictures, tmp_path, temporary, monkeypatch):
    def fail(*arguments, **settings):
        raise FileNotFoundError("/bin/sh")

    monkeypatch.setattr(archives, "_SOON_S", 0.0)
    monkeypatch.setattr(subprocess, "Popen", fail)
    unpack(zipped(tmp_path / "p.zip", pictures), [])
    archives.remove_before_exit()
    assert list(temporary.iterdir()) == []


def test_two_members_of_one_name_cost_only_the_second(tmp_path):
    with tarfile.open(tmp_path / "twice.tar", "w") as archive:
        for content in (b"a", b"b"):
            info = tarfile.TarInfo("x.txt")
            info.size = 1
            archive.addfile(info, io.BytesIO(content))
    problems = []
    assert (unpack(tmp_path / "twice.tar", problems) / "x.txt").read_bytes() == b"a"
    assert "cannot be written" in problems[0].reason
    assert archives.MAX_FILES > 1
