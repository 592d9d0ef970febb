"""Frames: what is sent arrives however it is cut, and what is no frame is refused before it is waited for."""

import socket
import struct
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.system.framing import (
    MAGIC,
    MAX_HEADER_BYTES,
    Connection,
    Frame,
    FrameDecoder,
    ProtocolError,
    encode_frame,
)


def frame(magic: bytes = MAGIC, head: bytes = b'{"kind": "x"}', size: int | None = None, payload: int = 0) -> bytes:
    return struct.pack("<4sIQ", magic, len(head) if size is None else size, payload) + head


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(), st.binary(max_size=50)), max_size=4), st.integers(1, 30))
def test_frames_survive_any_cut(messages: list[tuple[str, bytes]], step: int) -> None:
    sent = [Frame({"text": text, "n": n}, payload) for n, (text, payload) in enumerate(messages)]
    stream = b"".join(encode_frame(one.header, len(one.payload)) + one.payload for one in sent)
    decoder = FrameDecoder(50)
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    assert [one for piece in pieces for one in decoder.feed(piece)] == sent


@pytest.mark.parametrize(
    "data",
    [
        frame(b"\x80\x04\x95."),
        frame(MAGIC[:3] + b"\x02"),
        frame(size=MAX_HEADER_BYTES + 1),
        frame(payload=11),
        frame(head=b"[]"),
        frame(head=b"7"),
        frame(head=b"nonsense"),
        frame(head=b"[" * 100_000),
        frame(head=b"\xff\xfe"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="expected"):
        list(FrameDecoder(10).feed(data))


def test_lengths_beyond_the_bounds_are_refused_before_they_are_waited_for() -> None:
    for head, payload in ((MAX_HEADER_BYTES + 1, 0), (2, 11)):
        with pytest.raises(ProtocolError, match="at most"):
            list(FrameDecoder(10).feed(struct.pack("<4sIQ", MAGIC, head, payload)))
    with pytest.raises(ProtocolError, match="at most"):
        encode_frame({"text": "x" * MAX_HEADER_BYTES})


def test_frames_before_a_broken_one_are_delivered() -> None:
    found = []
    with pytest.raises(ProtocolError):
        for one in FrameDecoder().feed(frame() + frame(head=b"nonsense")):
            found.append(one)
    assert found == [Frame({"kind": "x"})]


def test_arrays_go_as_they_are(ends: tuple[socket.socket, socket.socket]) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    Connection(ends[0]).send({"shape": [2, 3]}, array)
    (received,) = Connection(ends[1], 24).receive()
    np.testing.assert_array_equal(np.frombuffer(received.payload, np.float32).reshape(received.header["shape"]), array)
    Connection(ends[0]).send({}, np.zeros((0, 3)))
    assert list(Connection(ends[1]).receive()) == [Frame({})]


def test_waiting_ends_by_time_or_by_the_end_of_the_other_side(ends: tuple[socket.socket, socket.socket]) -> None:
    connection = Connection(ends[1])
    with pytest.raises(TimeoutError):
        list(connection.receive(0.01))
    ends[0].close()
    with pytest.raises(EOFError):
        list(connection.receive())
    connection.close()
    with pytest.raises(OSError, match=r"."):
        connection.send({})


def test_threads_may_send_at_once(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = Connection(ends[0]), Connection(ends[1], 1 << 20)
    payloads = [bytes([k]) * (1 << 18) for k in range(4)]
    threads = [threading.Thread(target=ours.send, args=({"k": k}, payload)) for k, payload in enumerate(payloads)]
    for thread in threads:
        thread.start()
    found: dict[int, bytes] = {}
    while len(found) < len(payloads):
        found.update({one.header["k"]: one.payload for one in theirs.receive(10)})
    for thread in threads:
        thread.join()
    assert [found[k] for k in range(len(payloads))] == payloads
