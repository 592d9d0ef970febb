"""Listing of a folder tree: system litter left out, links followed once, loops detected."""

import os
from itertools import islice
from pathlib import Path

from data_format.dataset import Problem

_LITTER = frozenset(("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "@eadir", "icon\r"))
_MAX_DEPTH = 32


def is_litter(name: str) -> bool:
    """Whether a file or folder was left by a system or an editor: dot files, `__MACOSX`, `Thumbs.db` and the like."""
    return name.startswith(".") or name.lower() in _LITTER


def list_files(root: Path, problems: list[Problem], most: int | None = None) -> list[str]:
    """Paths of all files below `root`, relative to it, with `/`, sorted by code point; `most` bounds their number.

    A linked folder is read once, and not at all when it contains the link; dangling links and unreadable folders are
    added to `problems`.
    """
    found: list[str] = []
    real = os.path.realpath(root)
    _walk(str(root), "", real, (real,), {real}, found, problems, most)
    return sorted(found)


def subfolders(root: Path) -> list[str]:
    """Names of the folders in `root`, litter left out, sorted by code point; links to folders count."""
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if not is_litter(entry.name) and entry.is_dir())


def printable(path: str) -> str:
    """A path as an id that fits on one line of UTF-8: bytes that are not UTF-8, and line breaks, are escaped."""
    if path.isascii() and path.isprintable():
        return path
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    # Lists of ids have one a line.
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _walk(
    folder: str,
    prefix: str,
    real: str,
    chain: tuple[str, ...],
    seen: set[str],
    found: list[str],
    problems: list[Problem],
    most: int | None,
) -> None:
    """Add the files of one folder, then of its folders, real ones before linked ones."""
    left = None if most is None else max(0, most - len(found))
    try:
        with os.scandir(folder) as listing:
            entries = list(islice((entry for entry in listing if not is_litter(entry.name)), left))
    except OSError as error:
        problems.append(Problem(printable(prefix or folder), f"folder cannot be read ({error.strerror})"))
        return
    folders = []
    for entry in entries:
        if entry.is_dir():
            folders.append((entry.is_symlink(), entry.name))
        elif entry.is_file():
            found.append(prefix + entry.name)
        else:
            reason = "dangling link" if entry.is_symlink() else "not a file"
            problems.append(Problem(printable(prefix + entry.name), reason))
    # Real folders first, so that the target is read rather than a link beside it.
    for linked, name in sorted(folders):
        if most is not None and len(found) >= most:
            return
        below = os.path.join(folder, name)  # noqa: PTH118
        # Only links cost a system call here; a real folder continues the real path.
        target = os.path.realpath(below) if linked else os.path.join(real, name)  # noqa: PTH118
        if target in seen or len(chain) > _MAX_DEPTH or (linked and _contains(target, chain)):
            reason = "linked folder already read, or containing the link" if linked else "folder already read"
            problems.append(Problem(printable(prefix + name), reason))
            continue
        seen.add(target)
        _walk(below, f"{prefix}{name}/", target, (*chain, target), seen, found, problems, most)


def _contains(target: str, chain: tuple[str, ...]) -> bool:
    """Whether the folder `target` holds one of the folders being walked."""
    return any(folder == target or folder.startswith(target.rstrip("/") + "/") for folder in chain)
