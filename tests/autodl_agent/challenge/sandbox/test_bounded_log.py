"""The bounded log of a submission, against a plain reference."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodl_agent.challenge.sandbox.bounded_log import BoundedLog


def logged(pieces: list[bytes], head: int, tail: int) -> bytes:
    stream = io.BytesIO()
    log = BoundedLog(stream, head, tail)
    for piece in pieces:
        log.feed(piece)
    log.close()
    return stream.getvalue()


@given(st.lists(st.binary(max_size=12), max_size=12), st.integers(0, 20), st.integers(1, 20))
def test_beginning_and_end_are_kept_and_the_rest_is_counted(pieces: list[bytes], head: int, tail: int) -> None:
    whole = b"".join(pieces)
    missing = len(whole) - head - tail
    expected = whole
    if missing > 0:
        expected = whole[:head] + f"\n[{missing} bytes left out]\n".encode() + whole[-tail:]
    assert logged(pieces, head, tail) == expected


def test_the_beginning_comes_at_once_and_the_end_at_the_end() -> None:
    stream = io.BytesIO()
    log = BoundedLog(stream, 3, 3)
    log.feed(b"abcde")
    assert stream.getvalue() == b"abc"
    log.close()
    assert stream.getvalue() == b"abcde"
    assert not stream.closed


def test_memory_stays_bounded_in_a_flood() -> None:
    log = BoundedLog(None, 0, 10)
    for _ in range(1000):
        log.feed(b"12345")
    assert len(log._tail) <= 2 * 10 + 5


class Broken(io.BytesIO):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error, self.calls = error, 0

    def write(self, data: object) -> int:
        self.calls += 1
        raise self.error


@pytest.mark.parametrize("error", [OSError("full"), ValueError("closed")])
def test_a_stream_that_fails_is_given_up_once(error: Exception) -> None:
    stream = Broken(error)
    log = BoundedLog(stream, 2, 2)
    log.feed(b"ab")
    log.feed(b"cdef")
    log.close()
    assert stream.calls == 1
