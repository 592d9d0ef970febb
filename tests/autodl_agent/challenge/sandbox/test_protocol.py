import json
import socket
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.challenge.sandbox.protocol import MAGIC, MAX_HEADER_BYTES, Receiver, WireError, encode, receive, send


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), st.binary(max_size=50)), max_size=4), st.integers(1, 30))
def test_messages_survive_any_cut(messages: list[tuple[str, bytes]], step: int) -> None:
    stream = b"".join(encode(kind, {"n": i}, len(data)) + data for i, (kind, data) in enumerate(messages))
    receiver, found = Receiver(50), []
    for at in range(0, len(stream), step):
        found += receiver.feed(stream[at : at + step])
    assert [(m.kind, m.header["n"], m.payload) for m in found] == [(k, i, d) for i, (k, d) in enumerate(messages)]


def frame(magic: bytes = MAGIC, head: bytes = b'{"kind": "x"}', size: int | None = None, payload: int = 0) -> bytes:
    return struct.pack("<4sIQ", magic, len(head) if size is None else size, payload) + head


@pytest.mark.parametrize(
    "data",
    [
        frame(b"\x80\x04\x95."),
        frame(MAGIC[:3] + b"\x02"),
        frame(size=MAX_HEADER_BYTES + 1),
        frame(payload=11),
        frame(head=b"[]"),
        frame(head=b"{}"),
        frame(head=b"nonsense"),
        frame(head=b"[" * 100_000),
        frame(head=b"\xff\xfe"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="expected"):
        Receiver(10).feed(data)


def test_arrays_go_as_they_are() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        array = np.arange(6, dtype=np.float32).reshape(2, 3)
        send(ours, "prediction", {"shape": [2, 3]}, array)
        message = Receiver(24).feed(theirs.recv(1000))[0]
        np.testing.assert_array_equal(np.frombuffer(message.payload, np.float32).reshape(2, 3), array)
        send(ours, "go")
        assert receive(theirs).header == json.loads('{"kind": "go"}')
        ours.close()
        with pytest.raises(EOFError):
            receive(theirs)
