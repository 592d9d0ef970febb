"""Zip and tar archives (also .gz, .bz2, .xz) of any raw data: unpacked into a temporary folder, removed at the end.

No path leaves the folder, links and devices are left out, and number and size of the files are bounded before and while
they are written, so that an archive with false sizes cannot fill the disk.
"""

import atexit
import bz2
import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.exit_callbacks import before_exit
from data_format.raw.tables.csv_file import counted
from data_format.raw.tables.formats import is_workbook
from data_format.raw.walk import is_litter, printable

MAX_FILES = 2_000_000
MAX_BYTES = 200 << 30
_MAX_NAME = 1024
_FREE_SHARE = 0.8  # of the free disk that an archive may fill
_BLOCK = 1 << 20
_OLD_S = 86_400.0
_PREFIX = "autodl-unpacked-"
_PACKED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    RuntimeError,
)
_SOON_S = 0.2  # that removing may hold up the end of a program
_folders: set[Path] = set()
_growing: set[Path] = set()  # those of them that are being written to
_helpers: list[Any] = []  # kept, so that their pipes stay open until this process is gone


def is_archive(path: Path) -> bool:
    """Whether a file is an archive or compressed, by its content; an Excel workbook is none."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError:
        return False
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return not is_workbook(path)
    return any(head.startswith(magic) for magic in _PACKED) or head[257:262] == b"ustar"


def unpack(path: Path, problems: list[Problem], max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES) -> Path:
    """Unpack an archive; gives the folder with its content, which `remove_unpacked` or the end of the process removes.

    A compressed single file (`train.csv.gz`) becomes a folder with that file. Raises DataError for an archive that is
    damaged, encrypted, or beyond the bounds.
    """
    _remove_left_over()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    if not _folders:
        atexit.register(remove_unpacked)
        before_exit(remove_before_exit)
    _folders.add(folder)
    _growing.add(folder)
    most = min(max_bytes, int(shutil.disk_usage(folder).free * _FREE_SHARE))
    try:
        _Unpacker(path, folder, problems, max_files, most).run()
    except BaseException as error:
        remove_unpacked(folder)
        if isinstance(error, _BROKEN) and not isinstance(error, DataError):
            raise DataError(
                f"{path}: expected an archive that can be unpacked, found {error or 'a damaged one'}"
            ) from None
        raise
    finally:
        _growing.discard(folder)
    return folder


def remove_unpacked(folder: Path | None = None) -> None:
    """Remove one unpacked folder, or all of this process."""
    for one in [folder] if folder else list(_folders):
        shutil.rmtree(one, ignore_errors=True)
        _folders.discard(one)


def remove_before_exit() -> None:
    """Remove all folders of this process before an exit that skips the interpreter's own end, without holding it up.

    What is not gone within _SOON_S (100,000s of files), or is still being unpacked in another thread, is removed by a
    process that waits for the end of this one.
    """
    folders, growing = list(_folders), set(_growing)
    remover = threading.Thread(target=remove_unpacked, name="remove", daemon=True)
    remover.start()
    remover.join(_SOON_S)
    left = [str(folder) for folder in folders if folder in growing or folder.exists()]
    if not left:
        return
    import subprocess  # costs milliseconds that a launch does not have

    try:
        # The pipe closes when this process is gone, however it ends. In a new session, so that no Ctrl-C reaches it.
        command = ["/bin/sh", "-c", 'cat; exec rm -rf -- "$@"', "sh", *left]
        environment = {"PATH": os.environ.get("PATH", os.defpath)}
        null = subprocess.DEVNULL
        helper = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=null, stderr=null, env=environment, cwd="/", start_new_session=True
        )
        _helpers.append(helper)
    except OSError:  # no such shell here, or no more processes
        remover.join()


def _remove_left_over() -> None:
    """Folders of processes that were killed; only old ones, since a process of another container is not seen here."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        number = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < _OLD_S:
                continue
        if number.isdigit() and not Path(f"/proc/{number}").exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)


class _Unpacker:
    """Writes the members of one archive below one folder."""

    def __init__(self, path: Path, folder: Path, problems: list[Problem], max_files: int, max_bytes: int) -> None:
        self.path, self.folder, self.problems = path, folder, problems
        self.max_files, self.max_bytes = max_files, max_bytes
        self.files = self.bytes = 0
        self.left_out: dict[str, list[str]] = {}

    def run(self) -> None:
        """Unpack everything. Raises DataError beyond the bounds, and what archive readers raise for damage."""
        with self.path.open("rb") as file:
            head = file.read(512)
        if head.startswith(b"PK"):
            with zipfile.ZipFile(self.path) as archive:
                self._zip(archive)
        elif tarfile.is_tarfile(self.path):
            with tarfile.open(self.path, "r|*") as archive_stream:
                self._tar(archive_stream)
        else:
            opener = next(opener for magic, opener in _PACKED.items() if head.startswith(magic))
            with opener(self.path, "rb") as stream:
                self._write(PurePosixPath(self.path.stem or "data"), stream)
        for reason, names in self.left_out.items():
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            self.problems.append(Problem(f"{self.path.name}: {printable(names[0])}{more}", reason))
        if not self.files:
            raise DataError(f"{self.path}: expected files in the archive, found none")

    def _zip(self, archive: zipfile.ZipFile) -> None:
        said = sum(info.file_size for info in archive.infolist())
        if said > self.max_bytes:
            raise DataError(f"{self.path}: expected at most {self.max_bytes >> 20} MB unpacked, found {said >> 20} MB")
        for info in archive.infolist():
            if info.is_dir():
                continue
            # The upper half holds the Unix mode: 0o120000 marks a symbolic link.
            mode = info.external_attr >> 16 & 0o170000
            inside = self._inside(info.filename, link=mode not in (0, 0o100000))
            if inside is not None:
                self._zip_member(archive, info, inside)

    def _zip_member(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, inside: PurePosixPath) -> None:
        """One member; a damaged one is left out alone."""
        try:
            with archive.open(info) as stream:
                self._write(inside, stream)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            self.left_out.setdefault("damaged in the archive, not unpacked", []).append(info.filename)
            (self.folder / inside).unlink(missing_ok=True)

    def _tar(self, archive: tarfile.TarFile) -> None:
        for member in archive:
            if member.isdir():
                continue
            inside = self._inside(member.name, link=not member.isreg())
            stream = archive.extractfile(member) if inside is not None else None
            if inside is not None and stream is not None:
                self._write(inside, stream)

    def _inside(self, name: str, link: bool) -> PurePosixPath | None:
        """Where a member goes below the folder, or None when it is left out."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if any(is_litter(part) for part in parts if part not in (".", "..")):
            return None
        if link:
            self.left_out.setdefault("link or device in an archive, not unpacked", []).append(name)
        elif not parts or ".." in parts or parts[0].startswith("/") or ":" in parts[0] or "\0" in name:
            self.left_out.setdefault("path that leads out of the archive, not unpacked", []).append(name)
        elif len(name) > _MAX_NAME or any(len(os.fsencode(part)) > 255 for part in parts):
            self.left_out.setdefault("name longer than a file may have, not unpacked", []).append(name)
        else:
            return PurePosixPath(*parts)
        return None

    def _write(self, inside: PurePosixPath, stream: IO[bytes]) -> None:
        target = self.folder / inside
        if self.files == self.max_files:
            raise DataError(f"{self.path}: expected at most {counted(self.max_files, 'file')}, found more")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            file = target.open("xb")
        except OSError as error:  # two members of one name, or a file where a folder must be
            reason = f"member cannot be written ({error.strerror}), not unpacked"
            self.left_out.setdefault(reason, []).append(str(inside))
            return
        with file:
            for block in _blocks(stream):
                self.bytes += len(block)
                if self.bytes > self.max_bytes:
                    raise DataError(f"{self.path}: expected at most {self.max_bytes >> 20} MB unpacked, found more")
                file.write(block)
        self.files += 1
        with suppress(OSError):
            target.chmod(0o644)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block
