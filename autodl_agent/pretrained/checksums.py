"""SHA-256 of large files, taken once: the verdict is kept by path, size and time of change."""

import hashlib
import json
from pathlib import Path

from autodl_agent.pretrained.cache import cache_dir
from data_format.atomic import write_atomic

MEMORY = "checksums.json"
LARGE_BYTES = 1 << 20  # smaller files are hashed in a millisecond
MOST_ENTRIES = 200  # every change of a file leaves an entry behind


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, from memory where nothing about the file changed. Raises OSError."""
    facts = path.stat()
    if facts.st_size < LARGE_BYTES:
        return _hash(path)
    # The time of change cannot be set back by programs, the time of modification can.
    key = f"{path.resolve()}|{facts.st_size}|{facts.st_mtime_ns}|{facts.st_ctime_ns}"
    known = _recall()
    if key not in known:
        known = {**dict(list(known.items())[1 - MOST_ENTRIES :]), key: _hash(path)}
        _remember(known)
    return known[key]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recall() -> dict[str, str]:
    try:
        known = json.loads((cache_dir() / MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in known.items() if isinstance(v, str)} if isinstance(known, dict) else {}


def _remember(known: dict[str, str]) -> None:
    """A verdict lost to another process, or to a full disk, is found again next time."""
    try:
        write_atomic(cache_dir() / MEMORY, json.dumps(known, indent=1).encode())
    except OSError:
        pass
