"""Messages between the processes: what is sent arrives, what is no message is refused."""

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.engine.worker.protocol import (
    LONGEST,
    Beat,
    Decoder,
    Done,
    Failed,
    Hello,
    Message,
    Open,
    Play,
    Prepare,
    ProtocolError,
    Ready,
    Starved,
    encode,
)

MESSAGES: list[Message] = [
    Hello(1, 77),
    Prepare(["keras", "json"]),
    Ready(3.5, "keras: ImportError: no"),
    Open("/tmp/ä b"),
    Play(3, "scratch-image", "image.resnet:ScratchImage", 2.5, "/tmp/x"),
    Done(3, True, 4),
    Starved(4),
    Failed(5, "ValueError: \ud800", "…"),
    Beat(),
]


@given(st.lists(st.sampled_from(MESSAGES), max_size=6), st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_messages_survive_any_cutting(messages: list[Message], size: int) -> None:
    stream = b"".join(map(encode, messages))
    decoder = Decoder()
    found = [m for start in range(0, len(stream), size) for m in decoder.feed(stream[start : start + size])]
    assert found == messages


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"[]",
        b"{}",
        b'{"type": "Nobody"}',
        b'{"type": "Done", "number": 1}',
        b'{"type": "Done", "number": "1", "more": true, "folds": 1}',
        b'{"type": "Done", "number": 1, "more": 1, "folds": 1}',
        b'{"type": "Starved", "number": true}',
        b'{"type": "Starved", "number": 1, "extra": 2}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"."):
        list(Decoder().feed(frame(body)))


def test_a_length_beyond_all_measure_is_refused_before_it_is_waited_for() -> None:
    with pytest.raises(ProtocolError, match="at most"):
        list(Decoder().feed(struct.pack(">I", LONGEST + 1)))
    with pytest.raises(ProtocolError, match="at most"):
        encode(Failed(1, "x" * LONGEST))


def test_a_whole_number_is_a_good_number_of_seconds() -> None:
    body = json.dumps({"type": "Ready", "seconds": 2, "missing": ""}).encode()
    assert list(Decoder().feed(frame(body))) == [Ready(2)]
