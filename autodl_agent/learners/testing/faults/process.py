"""Learners that harm the process that runs them, or what it shares with others."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.base import Examples
from autodl_agent.learners.testing.faults.base import FOREVER_S, Faulty
from autodl_agent.system.clock import Deadline

LEAK_BYTES = 2 << 30  # at most: a machine without limits must survive the test
FLOOD_BYTES = 1 << 30


@final
class Leaks(Faulty):
    """Memory grows by hundreds of megabytes a second and is never given back."""

    kept: ClassVar[list[NDArray[np.uint8]]] = []

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Allocate and touch until the deadline, or until LEAK_BYTES are gone."""
        while not deadline.passed and sum(block.nbytes for block in self.kept) < LEAK_BYTES:
            self.kept.append(np.ones(32 << 20, np.uint8))
            time.sleep(0.05)


@final
class Exits(Faulty):
    """The process is gone without a word."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """End the process."""
        os._exit(7)


@final
class ExitsPolitely(Faulty):
    """A library that thinks it is a program."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Raise SystemExit."""
        sys.exit("scripted exit")


@final
class Interrupts(Faulty):
    """A library that thinks somebody pressed Ctrl-C."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Raise KeyboardInterrupt."""
        raise KeyboardInterrupt


class _SignalsItself(Faulty):
    number: ClassVar[signal.Signals]

    @final
    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        os.kill(os.getpid(), self.number)


@final
class Segfault(_SignalsItself):
    """A crash in compiled code."""

    number = signal.SIGSEGV


@final
class Aborts(_SignalsItself):
    """A failed assertion in compiled code."""

    number = signal.SIGABRT


@final
class Killed(_SignalsItself):
    """What the kernel does when memory is gone."""

    number = signal.SIGKILL


@final
class Stopped(_SignalsItself):
    """The process is there and does nothing."""

    number = signal.SIGSTOP


@final
class Floods(Faulty):
    """It prints a gigabyte."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Write to standard output until the deadline at most."""
        line = b"scripted flood " * 4369
        written = 0
        while written < FLOOD_BYTES and not deadline.passed:
            written += os.write(1, line)


@final
class ClosesFiles(Faulty):
    """It closes every file of the process, pipes to others included."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Close what is not standard input or output."""
        os.closerange(3, 1024)


@final
class Spawns(Faulty):
    """It leaves processes behind, one of them in a session of its own."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Start two processes that would stay for minutes."""
        for apart in (False, True):
            command = [sys.executable, "-S", "-c", f"import time; time.sleep({FOREVER_S})"]
            subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=apart)


@final
class Scribbles(Faulty):
    """It writes into what it was lent, labels included."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Set all labels to zero, where they can be written."""
        with suppress(ValueError):
            data.labels[:] = 0
        with suppress(ValueError):
            data.store.dataset.train.labels[:] = 0
