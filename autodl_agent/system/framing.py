"""Messages of two processes over a socket: a JSON object and raw bytes each, never pickles.

Frame: 4 bytes "ADL" and the version, length of the header (uint32), length of the payload (uint64), little-endian; then
the header, a JSON object, and the payload. The other side is not trusted: lengths are bounded before what they announce
is waited for, and what is no frame is refused. What a message means is left to the protocol that uses the frames.
"""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from autodl_agent.system.errors import AutoDLError

MAGIC = b"ADL\x01"
MAX_HEADER_BYTES = 1 << 20
_PREFIX = struct.Struct("<4sIQ")
_PIECE = 1 << 20


class ProtocolError(AutoDLError):
    """Bytes or values that are no message of the protocol."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it travels."""

    header: dict[str, Any]
    payload: bytes = b""


def encode_frame(header: dict[str, Any], payload_bytes: int = 0) -> bytes:
    """All of a frame but its payload, which is sent after it. Raises ProtocolError for too long a header."""
    text = json.dumps(header).encode()
    if len(text) > MAX_HEADER_BYTES:
        raise ProtocolError(f"a header of at most {MAX_HEADER_BYTES} bytes expected, found {len(text)}")
    return _PREFIX.pack(MAGIC, len(text), payload_bytes) + text


class FrameDecoder:
    """Bytes in pieces of any size -> frames. max_payload: most bytes that one may carry."""

    def __init__(self, max_payload: int = 0) -> None:
        self.max_payload = max_payload
        self._buffer = bytearray()
        self._wanted = _PREFIX.size

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames that are complete with these bytes. Raises ProtocolError for bytes that cannot be one."""
        self._buffer += data
        while len(self._buffer) >= self._wanted:
            magic, head, payload = _PREFIX.unpack_from(self._buffer)
            if magic != MAGIC or head > MAX_HEADER_BYTES or payload > self.max_payload:
                raise ProtocolError(
                    f"a frame with at most {MAX_HEADER_BYTES} + {self.max_payload} bytes expected, "
                    f"found {magic!r} with {head} + {payload}"
                )
            body = _PREFIX.size + head
            self._wanted = body + payload
            if len(self._buffer) < self._wanted:
                return
            with memoryview(self._buffer) as view:
                header, rest = bytes(view[_PREFIX.size : body]), bytes(view[body : self._wanted])
            del self._buffer[: self._wanted]
            self._wanted = _PREFIX.size
            yield Frame(_parse(header), rest)


class Connection:
    """One end of a blocking socket. Sending is thread-safe; receiving is for one thread."""

    def __init__(self, end: socket.socket, max_payload: int = 0) -> None:
        """max_payload: most bytes of a payload that the other side may send."""
        self._end, self._decoder = end, FrameDecoder(max_payload)
        self._lock = threading.Lock()

    def send(self, header: dict[str, Any], payload: Any = b"") -> None:
        """Send one frame; payload: anything with the buffer protocol, C-contiguous.

        Raises OSError when the other side is gone or takes nothing for a while, ProtocolError for too long a header.
        """
        view = memoryview(payload)
        start = encode_frame(header, view.nbytes)
        with self._lock:
            self._end.sendall(start)
            if view.nbytes:
                self._end.sendall(view.cast("B"))

    def receive(self, timeout_s: float | None = None) -> Iterator[Frame]:
        """Frames that are complete after one wait. Raises TimeoutError, EOFError, OSError, ProtocolError."""
        self._end.settimeout(timeout_s)
        data = self._end.recv(_PIECE)
        if not data:
            raise EOFError("the other process closed its end")
        yield from self._decoder.feed(data)

    def close(self) -> None:
        """Close this end."""
        self._end.close()


def _parse(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a JSON object expected, found {text[:80]!r}") from error
    if not isinstance(header, dict):
        raise ProtocolError(f"a JSON object expected, found {text[:80]!r}")
    return header
