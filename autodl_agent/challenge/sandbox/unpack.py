"""A submission as a folder: the folder itself, or a zip unpacked with care."""

import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autodl_agent.system.errors import UsageError

MAX_BYTES, MAX_FILES = 4 << 30, 100_000
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Submission:
    """A name for tables and folders, and the folder of model.py."""

    name: str
    folder: Path


def open_submission(path: Path, scratch: Path) -> Submission:
    """A folder as it is, or a zip unpacked below `scratch`. Whether it holds model.py is the ingestion's question.

    Raises UsageError where `path` is neither, or the zip is damaged, too large or tries to write elsewhere.
    """
    if path.is_dir():
        return Submission(path.resolve().name, path.resolve())
    if not path.is_file():
        raise UsageError(f"{path}: expected a submission, a folder or a zip with model.py; found nothing there")
    if not zipfile.is_zipfile(path):
        raise UsageError(f"{path}: expected a submission, a folder or a zip with model.py; found another kind of file")
    folder = scratch / path.stem
    folder.mkdir(parents=True)
    unpack(path, folder)
    return Submission(path.stem, folder)


def unpack(archive: Path, folder: Path, max_bytes: int = MAX_BYTES) -> None:
    """Unpack a zip into an empty folder. max_bytes: of all files together, unpacked.

    Raises UsageError for a damaged archive, one that is too large, and members that are no plain files inside it.
    """
    left = max_bytes
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if len(members) > MAX_FILES:
                raise UsageError(f"{archive}: expected at most {MAX_FILES} files, found {len(members)}")
            for member in members:
                target = folder / _inside(archive, member)
                if member.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                left -= _copy(opened, member, target, left, archive)
    # zipfile lets through what its decoders run into.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise UsageError(f"{archive}: cannot be unpacked ({error})") from None


def _copy(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int, archive: Path) -> int:
    """Unpack one file; the bytes are counted as they come, since headers can lie."""
    written = 0
    with opened.open(member) as source, target.open("wb") as file:
        while piece := source.read(_CHUNK):
            written += len(piece)
            if written > left:
                raise UsageError(f"{archive}: unpacked it is larger than the limit ({member.filename!r} passes it)")
            file.write(piece)
    # Programs inside keep their permission to run; nothing else of the mode is taken.
    mode = member.external_attr >> 16
    target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
    return written


def _inside(archive: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    """The member's relative path. Raises UsageError where it leads out of the archive or is no plain file."""
    name = PurePosixPath(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename or ":" in member.filename.split("/")[0]:
        raise UsageError(f"{archive}: expected paths inside the archive, found {member.filename!r}")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UsageError(f"{archive}: expected plain files, found {member.filename!r} (a link or device)")
    return name
