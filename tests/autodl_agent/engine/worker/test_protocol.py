"""Messages between the processes: what is sent arrives, what is no message is refused."""

import json

import pytest

from autodl_agent.engine.worker.protocol import (
    Done,
    Failed,
    Heartbeat,
    Hello,
    Message,
    OpenTask,
    OutOfTime,
    Prepare,
    Ready,
    RunSlice,
    decode,
    header_of,
)
from autodl_agent.system.framing import ProtocolError

MESSAGES: list[Message] = [
    Hello(1, 77),
    Prepare(["keras", "json"]),
    Ready(3.5, "keras: ImportError: no"),
    OpenTask("/tmp/ä b"),
    RunSlice(3, "scratch-image", "image.resnet:ScratchImage", 2.5, "/tmp/x"),
    Done(3, True, 4),
    OutOfTime(4),
    Failed(5, "ValueError: \ud800", "…"),
    Heartbeat(),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_what_is_said_is_understood(message: Message) -> None:
    assert decode(json.loads(json.dumps(header_of(message)))) == message


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"type": "Nobody"},
        {"type": ["Done"]},
        {"type": "Done", "number": 1},
        {"type": "Done", "number": "1", "more": True, "folds": 1},
        {"type": "Done", "number": 1, "more": 1, "folds": 1},
        {"type": "OutOfTime", "number": True},
        {"type": "OutOfTime", "number": 1, "extra": 2},
    ],
)
def test_what_is_no_message_is_refused(header: dict[str, object]) -> None:
    with pytest.raises(ProtocolError, match="expected"):
        decode(header)


def test_a_whole_number_is_a_good_number_of_seconds() -> None:
    assert decode({"type": "Ready", "seconds": 2, "missing": ""}) == Ready(2)
