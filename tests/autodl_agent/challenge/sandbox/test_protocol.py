import socket

import numpy as np
import pytest

from autodl_agent.challenge.sandbox.protocol import decode, receive, send
from autodl_agent.system.framing import Connection, Frame, ProtocolError


def test_a_message_arrives_with_its_array() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        array = np.arange(6, dtype=np.float32)
        send(Connection(ours), "prediction", {"shape": [2, 3]}, array)
        message = receive(Connection(theirs, 24))
        assert (message.kind, message.header["shape"], message.payload) == ("prediction", [2, 3], array.tobytes())


def test_a_message_in_pieces_is_waited_for_and_the_end_of_the_other_side_is_not() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        copies = socket.socketpair()
        with copies[0], copies[1]:
            send(Connection(copies[0]), "go", {"start": 1.5})
            stream = copies[1].recv(1000)
        for piece in (stream[:3], stream[3:20], stream[20:]):
            ours.sendall(piece)
        assert receive(Connection(theirs)).header == {"kind": "go", "start": 1.5}
        ours.close()
        with pytest.raises(EOFError):
            receive(Connection(theirs))


@pytest.mark.parametrize("header", [{}, {"kind": 1}, {"kind": None}, {"type": "go"}])
def test_a_message_needs_a_kind(header: dict[str, object]) -> None:
    with pytest.raises(ProtocolError, match="a message with a kind expected"):
        decode(Frame(header))
