"""What the two processes say to each other: small typed messages, in frames of `system.framing`.

Arrays never travel here: they lie in files of a folder that both see. The header of a frame is {"type": …, fields};
anything else is refused, so that a worker gone mad cannot confuse the run.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from autodl_agent.system.framing import ProtocolError

VERSION = 2


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
class OpenTask:
    """Coordinator: the task lies in this folder (see `task_files`)."""

    folder: str


@dataclass(frozen=True)
class RunSlice:
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
class OutOfTime:
    """Worker: the deadline came before a result; what was prepared is kept for the next slice."""

    number: int


@dataclass(frozen=True)
class Failed:
    """Worker: the learner raised."""

    number: int
    error: str
    details: str = ""


@dataclass(frozen=True)
class Heartbeat:
    """Worker: it is alive."""


Message = Hello | Prepare | Ready | OpenTask | RunSlice | Done | OutOfTime | Failed | Heartbeat
_TYPES: dict[str, type[Message]] = {kind.__name__: kind for kind in get_args(Message)}
_KINDS: dict[object, tuple[type, ...]] = {
    int: (int,), float: (int, float), str: (str,), bool: (bool,), list[str]: (list,),
}  # fmt: skip


def header_of(message: Message) -> dict[str, Any]:
    """The header of the frame that carries a message."""
    return {"type": type(message).__name__, **asdict(message)}


def decode(header: dict[str, Any]) -> Message:
    """The message in the header of a frame. Raises ProtocolError for what is none."""
    values = dict(header)
    try:
        kind = _TYPES[values.pop("type")]
        for item in fields(kind):
            value, wanted = values.get(item.name, item.default), _KINDS[item.type]
            if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
                raise ProtocolError(f"{kind.__name__}.{item.name}: expected {item.type}, found {value!r:.50}")
        message: Message = kind(**values)
    except (KeyError, TypeError) as error:
        found = f"{str(header):.80} ({type(error).__name__}: {error})"
        raise ProtocolError(f"a message of this protocol expected, found {found}") from None
    return message
