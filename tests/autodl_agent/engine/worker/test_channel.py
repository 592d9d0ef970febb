import socket

import pytest

from autodl_agent.engine.worker.channel import Channel
from autodl_agent.engine.worker.protocol import Hello, Message, Prepare
from autodl_agent.system.framing import Connection, ProtocolError


def test_messages_arrive_in_order_and_arrays_are_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender, receiver = Channel(ours), Channel(theirs)
        sent: list[Message] = [Hello(1, 7), Prepare(["json"])]
        for message in sent:
            sender.send(message)
        assert list(receiver.receive(1.0)) == sent
        Connection(ours).send({"type": "Heartbeat"}, b"an array")
        with pytest.raises(ProtocolError, match="at most"):
            list(receiver.receive(1.0))
        sender.close()
        with pytest.raises(EOFError):
            list(receiver.receive(1.0))
