"""Files as examples: which of them are data, what domain they are (by content), and their `Source`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset, DomainName, Problem, Source, Split
from data_format.errors import DataError, Unreadable
from data_format.examples import Example, MediaFile, Table, Text
from data_format.media.file_types import Kind, sniff_file
from data_format.media.images import image_size
from data_format.raw.file_names import USUAL_SUFFIXES, suffix
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.split import split_rows
from data_format.raw.text_encoding import decode
from data_format.raw.walk import printable

_SNIFFED = 32
_PEEKED = 8
_MAX_TEXT_BYTES = 1 << 26
_DOMAINS: dict[Kind, DomainName] = {"image": "image", "video": "video", "sound": "speech", "text": "text"}
_KINDS: dict[DomainName, Kind] = {domain: kind for kind, domain in _DOMAINS.items()}
_SHAPES: dict[DomainName, tuple[int, int, int, int]] = {
    "image": (1, -1, -1, 3),
    "video": (-1, -1, -1, 3),
    "speech": (-1, 1, 1, 1),
    "text": (-1, 1, 1, 1),
}


class FileSource(Source):
    """Files below one folder, one per example; those in `missing` are listed but do not exist."""

    def __init__(self, root: Path, files: Sequence[str], text: bool, missing: frozenset[str] = frozenset()):
        self._root = root
        self._files = files
        self._text = text
        self._missing = missing

    def __len__(self) -> int:
        return len(self._files)

    def example(self, index: int) -> Example:
        """The file, or its text. Raises Unreadable for a missing file, or a text that cannot be read."""
        file = self._files[index]
        if file in self._missing:
            raise Unreadable("missing file")
        path = self._root / file
        return Text(_read_text(path)) if self._text else MediaFile(path)

    def table(self) -> Table:
        """Always raises DataError: files are not rows of a table."""
        raise DataError(f"{self._root}: expected rows of a table, found {len(self._files)} files")


class Collection:
    """What the training files have in common: their kind, and the suffixes of files of this kind."""

    def __init__(self, root: Path, files: Sequence[str], options: ReadOptions = AS_FOUND) -> None:
        """Sniff up to 32 evenly spaced files. Raises DataError when none of them is of a known kind."""
        self._root = root
        # Evenly spaced, since files of one sort lie together; opening 32 of 5,000 takes about 2 ms.
        step = max(1, len(files) // _SNIFFED)
        self._sniffed = {file: sniff(root / file) for file in files[::step][: 2 * _SNIFFED]}
        kinds: Counter[Kind] = Counter(kind for kind in self._sniffed.values() if kind != "unknown")
        asked = options.domain
        if asked == "tabular":
            raise DataError(f"{root}: expected rows of a table as the domain says, found {len(files)} files")
        if not kinds and asked is None:
            raise DataError(
                f"{root}: expected images, videos, sounds or texts, found none in {len(self._sniffed)} looked at, "
                f"such as {printable(files[0])!r}"
            )
        media: Counter[Kind] = Counter({kind: often for kind, often in kinds.items() if kind != "text"})
        # A caption or annotation beside each image must not outvote the images.
        likely: Counter[Kind] = media if media.total() * 3 >= kinds.total() else kinds
        self.kind: Kind = likely.most_common(1)[0][0] if asked is None else _KINDS[asked]
        self.domain: DomainName = _DOMAINS[self.kind]
        same = kinds[self.kind]
        self.reason = f"{same} of {len(self._sniffed)} files looked at hold {_plural(self.kind)} by their content"
        if asked is not None:
            self.reason = f"asked for ({self.reason})"
        # Animations are images by their content; --domain video includes them.
        self._also: Kind = "image" if asked == "video" else self.kind
        self._suffixes = {suffix(file) for file, kind in self._sniffed.items() if kind in (self.kind, self._also)}

    def keep(self, files: Sequence[str], problems: list[Problem]) -> list[str]:
        """Files that are data, in the same order.

        A file whose suffix was met among the training files, or is usual for their kind, is kept even if it is
        broken; any other is kept when its content is of the kind. The rest is added to `problems`.
        """
        usual = self._suffixes | USUAL_SUFFIXES[self.kind]
        kept = []
        for file in files:
            # The usual suffix spares opening each file.
            if suffix(file) in usual or (kind := self._kind(file)) in (self.kind, self._also):
                kept.append(file)
            else:
                found = "unknown content" if kind == "unknown" else kind
                problems.append(Problem(printable(file), f"{found} among {_plural(self.kind)}, not used"))
        return kept

    def shape(self, files: Sequence[str]) -> tuple[int, int, int, int]:
        """(time, rows, columns, channels); one channel only when every image of a small sample has one."""
        shape = _SHAPES[self.domain]
        if self.domain == "image" and _all_grey(self._root, files):
            return (1, -1, -1, 1)
        return shape

    def source(self, files: Sequence[str], missing: frozenset[str] = frozenset()) -> FileSource:
        """The files as examples."""
        return FileSource(self._root, files, self.kind == "text", missing)

    def _kind(self, file: str) -> Kind:
        if file not in self._sniffed:
            self._sniffed[file] = sniff(self._root / file)
        return self._sniffed[file]


def sniff(path: Path) -> Kind:
    """The kind of a file by its content; `unknown` too when it cannot be opened."""
    try:
        return sniff_file(path)
    except OSError:
        return "unknown"


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_TEXT_BYTES:
            raise Unreadable(f"text longer than {_MAX_TEXT_BYTES >> 20} MB")
        return decode(path.read_bytes())[0]
    except OSError as error:
        raise Unreadable(f"file cannot be read ({error.strerror})") from error


def _all_grey(root: Path, files: Sequence[str]) -> bool:
    """Whether all readable images of a few evenly spaced ones have a single channel."""
    channels = set()
    for file in files[:: max(1, len(files) // _PEEKED)][:_PEEKED]:
        try:
            channels.add(image_size(MediaFile(root / file))[2])
        except Unreadable:
            continue
        # Most collections are in colour and are known by the first file.
        if channels != {1}:
            return False
    return channels == {1}


def _plural(kind: Kind) -> str:
    return f"{kind}s"


def split_files(
    root: Path,
    name: str,
    files: Sequence[str],
    classes: tuple[str, ...],
    labels: NDArray[np.float32],
    collection: Collection,
    problems: list[Problem],
    test_share: float | None = None,
) -> Dataset:
    """A data set from labelled files without test rows: the split is ours, the truth is that of the rows held out.

    Where no class has two files, all files train and are predicted, and no truth is claimed.
    """
    train_rows, test_rows = split_rows(labels, test_share)
    scored = len(test_rows) > 0
    if not scored:
        problems.append(Problem(name, "no class has two files: the test files are the training files, not scored"))
        # Something must be predicted; scoring training files would flatter.
        test_rows = train_rows
    sides = []
    for rows in (train_rows, test_rows):
        chosen = [files[i] for i in rows]
        side_labels = labels[rows] if rows is train_rows else np.zeros((len(rows), len(classes)), np.float32)
        sides.append(Split([printable(file) for file in chosen], side_labels, collection.source(chosen)))
    held_out = labels[test_rows]
    return Dataset(
        name=name,
        path=root,
        class_names=classes,
        shape=collection.shape([files[i] for i in train_rows]),
        train=sides[0],
        test=sides[1],
        domain=(collection.domain, collection.reason),
        truth=lambda: held_out if scored else None,
        problems=problems,
    )
