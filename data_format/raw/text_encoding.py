"""Bytes of text files -> their text, whatever the encoding.

One rule, whether a file is read at once or line by line: a byte order mark; NUL bytes in every second place (UTF-16);
UTF-8, even where a few bytes are not valid (they become U+FFFD and are counted); Windows-1252; Latin-1. A few bad bytes
must not turn all names of a file into others, so most of what is not ASCII decides, not the first byte that does not
fit.
"""

import codecs
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from data_format.dataset import Problem

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_HEAD_BYTES = 4096
_BLOCK_BYTES = 1 << 20
_ENOUGH_CHARACTERS = 1000  # characters beyond ASCII that decide for a file that is not held in memory
_NOT_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_BAD = "\ufffd"


class Decoded(NamedTuple):
    """A text, the encoding used, and how many pieces of it were not in that encoding (each is U+FFFD now)."""

    text: str
    encoding: str
    bad: int = 0


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file and the encoding used."""
    return decode_counted(data)[:2]


def decode_counted(data: bytes) -> Decoded:
    """See the module."""
    encoding = _marked(data)
    if encoding is None:
        try:
            return Decoded(data.decode("utf-8"), "utf-8")
        except UnicodeDecodeError:
            encoding = _most_likely([data])
    text = data.decode(encoding, errors="replace")
    return Decoded(text, encoding, _bad_pieces(data, text) if encoding.startswith("utf-8") else 0)


def encoding_notes(file: str, encoding: str, bad: int, unit: str = "byte sequence") -> list[Problem]:
    """Notes on a file that is not clean UTF-8; `bad` counts units."""
    if not encoding.startswith("utf-8"):
        return [Problem(file, f"read as {encoding}, since it is not UTF-8")]
    return [Problem(file, f"{bad} {unit}{'' if bad == 1 else 's'} not UTF-8, read as U+FFFD")] if bad else []


class TextLines:
    """Lines of a file, with their ends; `bad` counts those of a file in UTF-8 with U+FFFD. Raises OSError."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.bad = 0
        self._watching = encoding.startswith("utf-8")
        self._file = path.open(encoding=encoding, errors="replace", newline="")

    def __enter__(self) -> "TextLines":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        return self._watched() if self._watching else iter(self._file)

    def _watched(self) -> Iterator[str]:
        for line in self._file:
            if _BAD in line:
                self.bad += 1
            yield line


def encoding_of(path: Path) -> str:
    """The encoding of a file that is too big to hold, read as far as needed. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if encoding := _marked(head):
            return encoding
        file.seek(0)
        return _most_likely(iter(partial(file.read, _BLOCK_BYTES), b""))


def _marked(data: bytes) -> str | None:
    """The encoding that a mark or NUL bytes in the first bytes prove, else None."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    head = data[:_HEAD_BYTES]
    # UTF-16 without its mark: western text has a NUL in every second byte and none in the others.
    if len(head) >= 8:
        for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            if head[first::2].count(0) > 0.4 * len(head[first::2]) and head[1 - first :: 2].count(0) == 0:
                return encoding
    return None


def _most_likely(blocks: Iterable[bytes]) -> str:
    """UTF-8 if most characters beyond ASCII are, which hardly happens by chance; blocks may end within a character."""
    good = bad = 0
    western = "cp1252"
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for block in chain(blocks, [b""]):
        if block and block.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(block, final=not block)
        wrong = _bad_pieces(block, text)
        good += len(text) - len(text.encode("ascii", errors="ignore")) - wrong
        bad += wrong
        if any(byte in block for byte in _NOT_IN_CP1252):
            western = "latin-1"
        if good + bad >= _ENOUGH_CHARACTERS:
            break
    return western if bad > good else "utf-8"


def _bad_pieces(data: bytes, text: str) -> int:
    """How often decoding as UTF-8 wrote U+FFFD where the bytes do not say so."""
    return text.count(_BAD) - data.count(_BAD.encode())
