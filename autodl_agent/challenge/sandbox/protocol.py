"""Messages between the supervisor and the process of a submission: a JSON header and raw bytes, never pickles.

Frame: 4 bytes "ADL" and the version, header length (uint32), payload length (uint64), little-endian; then both.
The other side is not trusted: lengths are bounded before anything is read, and a header must be a JSON object.
"""

import json
import socket
import struct
from dataclasses import dataclass
from typing import Any

MAGIC = b"ADL\x01"
_FRAME = struct.Struct("<4sIQ")
MAX_HEADER_BYTES = 1 << 20
_CHUNK = 1 << 20


class WireError(Exception):
    """The other side sent what is no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `kind`, the whole header, and the raw bytes that came with it."""

    kind: str
    header: dict[str, Any]
    payload: bytes


def encode(kind: str, header: dict[str, Any] | None = None, payload_bytes: int = 0) -> bytes:
    """All of a message but its payload, which is sent after it."""
    text = json.dumps({"kind": kind, **(header or {})}).encode()
    return _FRAME.pack(MAGIC, len(text), payload_bytes) + text


def send(channel: socket.socket, kind: str, header: dict[str, Any] | None = None, payload: Any = b"") -> None:
    """Send one message over a blocking socket; payload: anything with the buffer protocol, C-contiguous."""
    view = memoryview(payload)
    channel.sendall(encode(kind, header, view.nbytes))
    if view.nbytes:
        channel.sendall(view.cast("B"))


def receive(channel: socket.socket) -> Message:
    """Wait for one message on a blocking socket. Raises EOFError when the other side is gone."""
    receiver = Receiver(0)
    while True:
        data = channel.recv(_CHUNK)
        if not data:
            raise EOFError("the supervisor closed the channel")
        messages = receiver.feed(data)
        if messages:
            return messages[0]


class Receiver:
    """Puts messages together from pieces as they come. max_payload: most bytes that one may carry."""

    def __init__(self, max_payload: int) -> None:
        self.max_payload = max_payload
        self._buffer = bytearray()
        self._wanted = 0

    def feed(self, data: bytes) -> list[Message]:
        """Messages that are complete now. Raises WireError for bytes that cannot be one."""
        self._buffer += data
        found = []
        while len(self._buffer) >= max(self._wanted, _FRAME.size):
            magic, head, payload = _FRAME.unpack_from(self._buffer)
            if magic != MAGIC or head > MAX_HEADER_BYTES or payload > self.max_payload:
                raise WireError(f"expected a message, found the frame {magic!r} with {head} + {payload} bytes")
            self._wanted = _FRAME.size + head + payload
            if len(self._buffer) < self._wanted:
                break
            found.append(self._message(bytes(memoryview(self._buffer)[: self._wanted]), head))
            del self._buffer[: self._wanted]
            self._wanted = 0
        return found

    @staticmethod
    def _message(data: bytes, head: int) -> Message:
        end = _FRAME.size + head
        try:
            header = json.loads(data[_FRAME.size : end])
            return Message(str(header["kind"]), header, data[end:])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise WireError(f"expected a JSON object with a kind, found {data[_FRAME.size : end][:80]!r}") from error
