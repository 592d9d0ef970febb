"""What must be done before an exit that skips the interpreter's own (`os._exit`), such as removing temporary folders.

A program under a time limit cannot wait for stray threads and therefore ends that way, without `atexit` callbacks.
"""

from collections.abc import Callable
from contextlib import suppress

_callbacks: list[Callable[[], None]] = []


def before_exit(callback: Callable[[], None]) -> None:
    """Have `callback` called by `run_exit_callbacks`, once however often it is asked for."""
    if callback not in _callbacks:
        _callbacks.append(callback)


def run_exit_callbacks() -> None:
    """Call what was registered, the latest first; an error of one does not keep the others from being called."""
    while _callbacks:
        with suppress(Exception):
            _callbacks.pop()()
