"""One end of the socket between the two processes: messages out, messages in."""

import socket
import threading
from collections.abc import Iterator

from autodl_agent.engine.worker.protocol import Decoder, Message, encode

PIECE = 1 << 16


class Channel:
    """Thread-safe sending; receiving is for one thread."""

    def __init__(self, end: socket.socket) -> None:
        self._end, self._decoder = end, Decoder()
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send one message. Raises OSError when the other side is gone or takes nothing for a while."""
        with self._lock:
            self._end.sendall(encode(message))

    def receive(self, timeout_s: float | None = None) -> Iterator[Message]:
        """Messages that are complete after one wait. Raises TimeoutError, EOFError, OSError, ProtocolError."""
        self._end.settimeout(timeout_s)
        data = self._end.recv(PIECE)
        if not data:
            raise EOFError("the other process closed its end")
        yield from self._decoder.feed(data)

    def close(self) -> None:
        """Close this end."""
        self._end.close()
