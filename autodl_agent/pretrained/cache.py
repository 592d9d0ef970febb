"""The user's cache folder: converted weights and verdicts on checksums, safe with several processes at once.

AUTODL_CACHE_DIR, else XDG_CACHE_HOME/autodl, else ~/.cache/autodl; where none of them can be written, a folder of this
process in the system's temporary folder. Files appear whole or not at all and are named by the checksum of
what they were made from, so two processes that make the same file at once write the same bytes, and the last one stays.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from data_format.atomic import write_atomic
from data_format.exit_callbacks import before_exit


def cache_dir() -> Path:
    """A folder that can be written, of this user alone; made where it is missing."""
    for folder in _wanted():
        if _usable(folder):
            return folder
    return _of_this_process()


def cached(name: str, build: Callable[[], bytes]) -> Path:
    """The file of this name in the cache, built where it is missing. Raises what `build` raises, and OSError."""
    path = cache_dir() / name
    if not path.is_file():
        write_atomic(path, build(), durable=True)
    return path


def _wanted() -> list[Path]:
    out = []
    if given := os.environ.get("AUTODL_CACHE_DIR"):
        out.append(Path(given))
    if given := os.environ.get("XDG_CACHE_HOME"):
        out.append(Path(given) / "autodl")
    try:
        out.append(Path.home() / ".cache" / "autodl")
    except RuntimeError:  # no HOME, and no entry for this user
        pass
    return [folder for folder in out if folder.is_absolute()]


def _usable(folder: Path) -> bool:
    """Made, ours and writable: another user's folder could hold anything."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    except OSError:
        return False
    return ours and os.access(folder, os.W_OK | os.X_OK)


def remove_own() -> None:
    """Remove this process's own folder, where it had to make one; for programs that end without the interpreter."""
    if _of_this_process.cache_info().currsize:
        shutil.rmtree(_of_this_process(), ignore_errors=True)


@cache
def _of_this_process() -> Path:
    """A fresh private folder, since a name in the shared temporary folder could be anybody's; removed at exit."""
    folder = Path(tempfile.mkdtemp(prefix="autodl-cache-"))
    atexit.register(remove_own)
    before_exit(remove_own)
    return folder
