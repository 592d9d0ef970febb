"""TFRecord framing: length, masked CRC32C of the length, payload, masked CRC32C of the payload.

Format: https://www.tensorflow.org/tutorials/load_data/tfrecord (little endian; the mask rotates right by 15 bits and
adds a constant). A damaged payload costs one record, a damaged length or a truncated file the rest of the file.
"""

import gzip
import mmap
import os
import struct
import weakref
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.atomic import atomic_file
from data_format.autodl import crc32c
from data_format.dataset import Problem
from data_format.errors import DataError, Unreadable

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_LENGTH = struct.Struct("<Q")
_OVERHEAD = _HEADER.size + _FOOTER.size
_MASK_DELTA = 0xA282EAD8
_ALIKE = 8  # records of one length in a row, after which more of them are looked for all at once …
_FEWEST, _FIRST_LOOK = 32, 64  # … in so many; fewer alike are not worth it. While all are alike, four times as many
_LONGEST_ALIKE, _WINDOW = 512, 1 << 23  # bytes of such a record; of the file in memory at a time
_MAX_UNPACKED_BYTES = 1 << 28
_LFS = b"version https://git-lfs.github.com/spec/"  # the beginning of a pointer to a file that git-lfs did not fetch


def masked_crc(data: bytes) -> int:
    """CRC32C, rotated right by 15 bits plus a constant, as TFRecord files store it."""
    crc = crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


class RecordFile:
    """The intact records of one file, read on demand; `read` may be called from several threads at once.

    offsets, lengths: (n,) int64, place and size in bytes of each payload. numbers: (n,) int64, position of each record
    in the file counted from 0, damaged ones included. problems: what was lost. verified: payload checksums were
    compared when the file was opened; else the first reading compares them.
    """

    def __init__(self, path: Path, verified: bool) -> None:
        self.path = path
        self.verified = verified
        self.problems: list[Problem] = []
        self.offsets = self.lengths = self.numbers = np.zeros(0, np.int64)
        self._data: bytes | None = None  # a gzip file, unpacked
        self._fd = -1

    def __len__(self) -> int:
        return len(self.offsets)

    def read(self, index: int) -> bytes:
        """Payload of record `index`. Raises Unreadable when it is damaged or the file has changed."""
        offset, length = int(self.offsets[index]), int(self.lengths[index])
        if self.verified:
            data = self._at(offset, length)
            if len(data) != length:
                raise Unreadable("record cut: the file became shorter while it was read")
            return data
        data = self._at(offset, length + _FOOTER.size)
        payload = data[:length]
        if len(data) != length + _FOOTER.size or masked_crc(payload) != _FOOTER.unpack(data[length:])[0]:
            raise Unreadable("payload checksum does not match")
        return payload

    def block(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(n, length) payloads of records of one length, without a check; they should lie close together.

        Raises Unreadable when the file has become shorter.
        """
        offsets, length = self.offsets[indices], int(self.lengths[indices[0]])
        first, end = int(offsets.min()), int(offsets.max()) + length
        data = np.frombuffer(self._at(first, end - first), np.uint8)
        if len(data) != end - first:
            raise Unreadable("record cut: the file became shorter while it was read")
        return np.asarray(np.lib.stride_tricks.sliding_window_view(data, length)[offsets - first])

    def read_head(self, index: int, size: int) -> bytes:
        """The first `size` bytes of record `index` (all of a shorter one), without a check of the payload."""
        return self._at(int(self.offsets[index]), min(size, int(self.lengths[index])))

    def keep_open(self) -> None:
        """Hold the file open from now on: reading is several times faster than with one `open` a record."""
        if self._fd < 0 and self._data is None:
            self._fd = os.open(self.path, os.O_RDONLY)
            weakref.finalize(self, os.close, self._fd)

    def _at(self, offset: int, size: int) -> bytes:
        if self._data is not None:
            return self._data[offset : offset + size]
        # pread takes its own offset, so threads need no lock; unlike a mapping it survives a file that shrinks.
        if self._fd >= 0:
            return os.pread(self._fd, size, offset)
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise Unreadable(f"file cannot be opened: {error.strerror}") from None
        try:
            return os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)


def scan(path: Path, verify: bool = True) -> RecordFile:
    """Find the records of a file; a gzip file of moderate size is unpacked in memory.

    verify: compare payload checksums now (about a second for every few GB that are in the page cache); without it only
    the lengths are checked, which touches one page a record. Raises DataError when the file cannot be read at all.
    """
    records = RecordFile(path, verify)
    try:
        with path.open("rb") as file:
            head = file.read(len(_LFS))
            if not head:
                records.problems.append(Problem(str(path), "empty file, no records"))
            elif head == _LFS:
                reason = "git-lfs pointer instead of the data (fetch it with `git lfs pull`)"
                records.problems.append(Problem(str(path), reason))
            # A plain file may begin with the two bytes of gzip too: then its length checksum holds.
            elif head[:2] == b"\x1f\x8b" and not _plausible(head):
                records._data = _unpack(path)
                _index(records, records._data, len(records._data))
            else:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
                    _index(records, view, len(view))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    return records


def write_records(path: Path, records: Iterable[bytes]) -> int:
    """Write records to a new file, whole or not at all; returns their number. Raises OSError."""
    count = 0
    with atomic_file(path) as file:
        for record in records:
            file.write(frame(record))
            count += 1
    return count


def frame(record: bytes) -> bytes:
    """A record as it stands in a file: length, its checksum, the record, its checksum."""
    length = _LENGTH.pack(len(record))
    return b"".join((length, _FOOTER.pack(masked_crc(length)), record, _FOOTER.pack(masked_crc(record))))


def _plausible(head: bytes) -> bool:
    """Whether a file starts with a length whose checksum matches."""
    return len(head) >= _HEADER.size and masked_crc(head[:8]) == _HEADER.unpack_from(head)[1]


def _unpack(path: Path) -> bytes:
    """Content of a gzip file, at most _MAX_UNPACKED_BYTES of it. Raises DataError."""
    try:
        with gzip.open(path) as file:
            data = file.read(_MAX_UNPACKED_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: gzip file is damaged ({error}); expected plain TFRecords") from None
    if len(data) > _MAX_UNPACKED_BYTES:
        raise DataError(f"{path}: gzip file holds more than {_MAX_UNPACKED_BYTES} bytes; unpack it first (gunzip)")
    return data


def _index(records: RecordFile, view: bytes | mmap.mmap, size: int) -> None:
    """Fill offsets, lengths and problems by one walk over the headers."""
    offsets: list[int] = []
    lengths: list[int] = []
    numbers: list[int] = []
    at = number = alike = 0
    before, look = b"", _FIRST_LOOK
    # Local names: the loop runs once a record, and large sets have millions of them.
    crc, unpack, unpack_footer, verify = crc32c.value, _HEADER.unpack, _FOOTER.unpack_from, records.verified
    while at < size:
        reason = ""
        header = view[at : at + 12]
        end = at + _OVERHEAD
        alike, before = (alike + 1 if header == before else 0), header
        if alike >= _ALIKE:
            if (frames := _frames_alike(view, at, size, look)) is not None:
                good = _intact(frames) if verify else np.ones(len(frames), bool)
                kept = np.flatnonzero(good)
                offsets += (at + 12 + kept * frames.shape[1]).tolist()
                lengths += [frames.shape[1] - _OVERHEAD] * len(kept)
                numbers += (number + kept).tolist()
                records.problems += [_bad_payload(records, number + lost) for lost in np.flatnonzero(~good).tolist()]
                at, number = at + frames.size, number + len(frames)
                look = 4 * look if len(frames) == look else _FIRST_LOOK
                continue
            alike, look = 0, _FIRST_LOOK
        if len(header) < 12:
            reason = f"file cut inside a record header: expected 12 bytes, found {len(header)}"
        else:
            length, expected = unpack(header)
            sum_ = crc(header[:8])
            if (((sum_ >> 15) | (sum_ << 17)) + _MASK_DELTA) & 0xFFFFFFFF != expected:
                reason = "length checksum does not match" if number else "not a TFRecord (length checksum)"
            elif (end := end + length) > size:
                reason = f"file cut inside a record: expected {length + 4} bytes, found {size - at - 12}"
        if reason:
            tail = "it and all after it are lost" if number else "nothing of this file is used"
            records.problems.append(Problem(f"{records.path}, record {number}", f"{reason}; {tail}"))
            break
        if verify and masked_crc(view[at + 12 : end - 4]) != unpack_footer(view, end - 4)[0]:
            records.problems.append(_bad_payload(records, number))
        else:
            offsets.append(at + 12)
            lengths.append(length)
            numbers.append(number)
        at, number = end, number + 1
    records.offsets, records.lengths = np.array(offsets, np.int64), np.array(lengths, np.int64)
    records.numbers = np.array(numbers, np.int64)


def _bad_payload(records: RecordFile, number: int) -> Problem:
    return Problem(f"{records.path}, record {number}", "payload checksum does not match; this record is lost")


def _frames_alike(view: bytes | mmap.mmap, at: int, size: int, look: int) -> NDArray[np.uint8] | None:
    """(n, bytes of a frame): the short record at `at` and those right after it with the same header, `look` at most."""
    header = view[at : at + 12]
    frame_bytes = _HEADER.unpack(header)[0] + _OVERHEAD
    most = min(look, min(size - at, _WINDOW) // frame_bytes)
    if most < _FEWEST or frame_bytes > _LONGEST_ALIKE + _OVERHEAD:
        return None
    frames = np.frombuffer(view[at : at + most * frame_bytes], np.uint8).reshape(most, frame_bytes)
    others = np.flatnonzero((frames[:, :12] != np.frombuffer(header, np.uint8)).any(axis=1))
    n = int(others[0]) if len(others) else most
    return frames[:n] if n >= _FEWEST else None


def _intact(frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(n,) whether the checksum at the end of each frame is that of its payload."""
    sums = crc32c.values(frames[:, _HEADER.size : -_FOOTER.size])
    masked = (sums >> np.uint32(15) | sums << np.uint32(17)) + np.uint32(_MASK_DELTA)
    return np.asarray(masked == np.ascontiguousarray(frames[:, -_FOOTER.size :]).view("<u4")[:, 0])
