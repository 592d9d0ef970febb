"""What the supervisor and the process of a submission say to each other, in frames of `system.framing`.

From the supervisor: `config` (version, code_dir, dataset_dir, api, time_budget, shape), then `go` (start, time_budget).
From the process, which is not trusted and never sees where predictions are written: `stage` (stage), `ready` (train,
test), `prediction` (shape, dtype; the array as payload), `failed` (stage, error, message), `end` (reason).
"""

from dataclasses import dataclass
from typing import Any

from autodl_agent.system.framing import Connection, Frame, ProtocolError

VERSION = 1


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `kind`, the whole header, and the raw bytes that came with it."""

    kind: str
    header: dict[str, Any]
    payload: bytes


def header_of(kind: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """The header of a message."""
    return {"kind": kind, **(fields or {})}


def decode(frame: Frame) -> Message:
    """The message in a frame. Raises ProtocolError for one without a kind."""
    kind = frame.header.get("kind")
    if not isinstance(kind, str):
        raise ProtocolError(f"a message with a kind expected, found {str(frame.header):.80}")
    return Message(kind, frame.header, frame.payload)


def send(connection: Connection, kind: str, fields: dict[str, Any] | None = None, payload: Any = b"") -> None:
    """Send one message; payload: anything with the buffer protocol, C-contiguous. Raises as `Connection.send`."""
    connection.send(header_of(kind, fields), payload)


def receive(connection: Connection) -> Message:
    """Wait for one message; the other side sends no other before it gets an answer. Raises as `Connection.receive`."""
    while True:
        for frame in connection.receive():
            return decode(frame)
