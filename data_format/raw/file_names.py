"""Rules on names alone: columns that name files, suffixes of media, folders of training or test files, notes."""

import posixpath
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal

from data_format.media.file_types import Kind

Side = Literal["train", "test"]

FILE_COLUMNS = ("file", "filename", "file_name", "filepath", "path", "image", "video", "audio", "sound")
_PICTURES = (".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_FILMS = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp")
_SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".wma", ".au")
# A broken file is still a row where its suffix is one of the collection's.
USUAL_SUFFIXES: dict[Kind, frozenset[str]] = {
    "image": frozenset((*_PICTURES, ".avif", ".heic")),
    "video": frozenset((*_FILMS, ".gif")),
    "sound": frozenset(_SOUNDS),
    "text": frozenset((".txt",)),
}
FILE_SUFFIXES = frozenset[str]().union(*USUAL_SUFFIXES.values())
_MEDIA_SUFFIXES = FILE_SUFFIXES - USUAL_SUFFIXES["text"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_FILE_WORD = re.compile(
    r"((file|image|img|picture|photo|video|clip|audio|sound|wav|recording)(name|path|id)?s?|f?path|fname)"
)
_DRIVE = re.compile(r"[A-Za-z]:")
_TRAIN_WORDS = frozenset(("train", "training", "trainset"))
_TEST_WORDS = frozenset(("test", "tests", "testing", "testset"))
_VALID_WORDS = frozenset(("val", "valid", "validation", "dev"))
_ABOUT = frozenset(("readme", "license", "licence", "changelog", "copying", "notice", "citation"))
_MOST_CHARACTERS = 1024  # of a path


def words_of(name: str) -> frozenset[str]:
    """The words of a name in lower case: `testImages_2` -> test, images."""
    return frozenset(word.lower() for word in _WORD.findall(name))


def is_file_column(name: str) -> bool:
    """Whether a column has a usual name for file names: `FileName`, `image_id`, `slice_file_name`."""
    return name.strip().lower() in FILE_COLUMNS or any(map(_FILE_WORD.fullmatch, words_of(name)))


def by_likelihood(names: Sequence[str]) -> list[str]:
    """The columns, those with usual names for file names first."""
    lower = {name.strip().lower(): name for name in reversed(names)}
    usual = [lower[known] for known in FILE_COLUMNS if known in lower]
    return list(dict.fromkeys((*usual, *filter(is_file_column, names), *names)))


def suffix(file: str) -> str:
    """The suffix in lower case, with its dot, "" for none."""
    return PurePosixPath(file).suffix.lower()


def is_media(file: str) -> bool:
    """Whether a suffix says image, video or sound."""
    return suffix(file) in _MEDIA_SUFFIXES


def inside(name: str) -> str:
    """A listed name as a path below its folder, with `/`; "" when it leads out of it."""
    clean = posixpath.normpath(name.strip().replace("\\", "/"))
    return "" if clean.startswith(("/", "..")) or clean == "." or _DRIVE.match(clean) else clean


def like_files(cells: Sequence[str]) -> bool:
    """Whether half of the cells or more look like names of media or text files."""
    alike = sum(_like_file(cell.strip()) for cell in cells)
    return alike > 0 and alike * 2 >= len(cells)


def named_part(name: str) -> Side | Literal["valid", ""]:
    """Which part of the data a file or folder is named after, "" for none."""
    words = words_of(name)
    if words & _TRAIN_WORDS:
        return "train"
    return "test" if words & _TEST_WORDS else "valid" if words & _VALID_WORDS else ""


def side_of(file: str) -> Side | Literal[""]:
    """Whether the folders above a file say train or test; the outermost that says so decides."""
    return _side_of_folder(file.rpartition("/")[0])


def is_about(name: str) -> bool:
    """Whether a file is about the data rather than part of them: a README, a licence."""
    path = PurePosixPath(name)
    return path.suffix.lower() in (".md", ".rst", ".pdf", ".html") or path.stem.lower() in _ABOUT


def _like_file(cell: str) -> bool:
    return len(cell) <= _MOST_CHARACTERS and "://" not in cell and suffix(cell) in FILE_SUFFIXES


@lru_cache(maxsize=1 << 14)
def _side_of_folder(folder: str) -> Side | Literal[""]:
    for part in folder.split("/"):
        side = named_part(part)
        if side in ("train", "test"):
            return side
    return ""
