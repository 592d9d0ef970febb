"""What a submission prints, kept within bounds: the beginning and the end of it, whatever comes between is counted."""

from typing import BinaryIO

# How it began and how it ended tells most; a flood in between must not fill the disk.
HEAD_BYTES, TAIL_BYTES = 1 << 20, 1 << 18


class BoundedLog:
    """Passes the first bytes on as they come, keeps the last ones until `close`."""

    def __init__(self, stream: BinaryIO | None, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> None:
        """stream: where it goes; None drops everything. head, tail: most bytes of each."""
        self.stream, self._head_left, self._tail_size = stream, head, tail
        self._tail = bytearray()
        self._seen_by_tail = 0

    def feed(self, data: bytes) -> None:
        """Take what was printed."""
        if self._head_left:
            self._pass_on(data[: self._head_left])
            data, self._head_left = data[self._head_left :], max(0, self._head_left - len(data))
        if data:
            self._seen_by_tail += len(data)
            self._tail += data
            # Cut seldom, so that a flood of small pieces does not move the tail every time.
            if len(self._tail) > 2 * self._tail_size:
                del self._tail[: -self._tail_size]

    def close(self) -> None:
        """Write the end of it, after a line that says how much is missing; the stream stays open."""
        tail = bytes(self._tail[-self._tail_size :])
        missing = self._seen_by_tail - len(tail)
        if missing:
            self._pass_on(f"\n[{missing} bytes left out]\n".encode())
        self._pass_on(tail)
        self._tail.clear()

    def _pass_on(self, data: bytes) -> None:
        if self.stream is None or not data:
            return
        try:
            self.stream.write(data)
            self.stream.flush()
        except (OSError, ValueError):  # a full disk or a closed pipe must not end the run
            self.stream = None
