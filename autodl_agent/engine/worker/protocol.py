"""What the two processes say to each other: small typed messages, framed JSON over one socket.

Arrays never travel here: they lie in files of a folder that both see. Every frame is a length (4 bytes, big-endian)
and a JSON object {"type": …, fields}; anything else is refused, so that a worker gone mad cannot confuse the run.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields

from autodl_agent.system.errors import AutoDLError

VERSION = 1
LONGEST = 1 << 20  # bytes of one message
_LENGTH = struct.Struct(">I")


class ProtocolError(AutoDLError):
    """Bytes that are no message of this protocol."""


@dataclass(frozen=True)
class Hello:
    """Worker: it runs. version: of the protocol it speaks."""

    version: int
    pid: int


@dataclass(frozen=True)
class Prepare:
    """Coordinator: import these modules now, at low priority."""

    modules: list[str]


@dataclass(frozen=True)
class Ready:
    """Worker: the libraries are loaded. missing: modules that could not be, with the reason."""

    seconds: float
    missing: str = ""


@dataclass(frozen=True)
class Open:
    """Coordinator: the task lies in this folder (see `handover`)."""

    folder: str


@dataclass(frozen=True)
class Play:
    """Coordinator: one increment of a learner, its predictions included, within so many seconds from now.

    where: as in the registry. folder: an empty one for the results.
    """

    number: int
    learner: str
    where: str
    seconds: float
    folder: str


@dataclass(frozen=True)
class Done:
    """Worker: the results of a slice are in its folder."""

    number: int
    more: bool
    folds: int


@dataclass(frozen=True)
class Starved:
    """Worker: the deadline came before a result; what was prepared is kept for the next slice."""

    number: int


@dataclass(frozen=True)
class Failed:
    """Worker: the learner raised."""

    number: int
    error: str
    details: str = ""


@dataclass(frozen=True)
class Beat:
    """Worker: it is alive."""


Message = Hello | Prepare | Ready | Open | Play | Done | Starved | Failed | Beat
_TYPES = {kind.__name__: kind for kind in (Hello, Prepare, Ready, Open, Play, Done, Starved, Failed, Beat)}
_KINDS: dict[object, tuple[type, ...]] = {
    int: (int,), float: (int, float), str: (str,), bool: (bool,), list[str]: (list,),
}  # fmt: skip


def encode(message: Message) -> bytes:
    """One frame. Raises ProtocolError when it would be too long."""
    body = json.dumps({"type": type(message).__name__, **asdict(message)}).encode()
    if len(body) > LONGEST:
        raise ProtocolError(f"a message of at most {LONGEST} bytes expected, found {len(body)}")
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Bytes in pieces of any size -> messages."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Messages completed by these bytes. Raises ProtocolError for what is none."""
        self._bytes += data
        while len(self._bytes) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes)
            if length > LONGEST:
                raise ProtocolError(f"a message of at most {LONGEST} bytes expected, found {length}")
            if len(self._bytes) < _LENGTH.size + length:
                return
            body = self._bytes[_LENGTH.size : _LENGTH.size + length]
            self._bytes = self._bytes[_LENGTH.size + length :]
            yield _message(body)


def _message(body: bytes) -> Message:
    try:
        parts = json.loads(body)
        kind = _TYPES[parts.pop("type")]
        for item in fields(kind):
            value, wanted = parts.get(item.name, item.default), _KINDS[item.type]
            if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
                raise ProtocolError(f"{kind.__name__}.{item.name}: expected {item.type}, found {value!r:.50}")
        message: Message = kind(**parts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolError(f"no message of this protocol: {body[:80]!r} ({type(error).__name__}: {error})") from None
    return message
