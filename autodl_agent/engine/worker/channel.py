"""One end of the socket between the two processes: messages out, messages in."""

import socket
from collections.abc import Iterator

from autodl_agent.engine.worker.protocol import Message, decode, header_of
from autodl_agent.system.framing import Connection


class Channel:
    """Thread-safe sending; receiving is for one thread."""

    def __init__(self, end: socket.socket) -> None:
        self._connection = Connection(end)

    def send(self, message: Message) -> None:
        """Send one message. Raises OSError when the other side is gone or takes nothing for a while."""
        self._connection.send(header_of(message))

    def receive(self, timeout_s: float | None = None) -> Iterator[Message]:
        """Messages that are complete after one wait. Raises TimeoutError, EOFError, OSError, ProtocolError."""
        for frame in self._connection.receive(timeout_s):
            yield decode(frame.header)

    def close(self) -> None:
        """Close this end."""
        self._connection.close()
