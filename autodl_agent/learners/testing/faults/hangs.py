"""Learners that do not come back, or late."""

import ctypes
import re
import signal
import threading
import time
from typing import final

import numpy as np

from autodl_agent.data.arrays import Probabilities
from autodl_agent.learners.base import Examples
from autodl_agent.learners.testing.faults.base import FOREVER_S, Faulty
from autodl_agent.system.clock import Deadline


@final
class SleepsInFit(Faulty):
    """It waits for something that never comes."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Sleep far beyond the deadline."""
        time.sleep(FOREVER_S)


@final
class SleepsInPredict(Faulty):
    """It waits where nobody gave it a deadline."""

    def break_prediction(self, found: Probabilities) -> Probabilities:
        """Sleep."""
        time.sleep(FOREVER_S)
        return found


@final
class HangsInNative(Faulty):
    """One call into compiled code that takes minutes; it lets other threads run."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """A correlation of two long vectors, 10^12 products."""
        long = np.ones(1_000_000)
        np.correlate(long, long, "full")


@final
class HoldsInterpreter(Faulty):
    """One call into compiled code that takes forever and lets no other thread run."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """A regular expression that tries 2^64 ways."""
        re.match(r"(a+)+$", "a" * 64 + "b")


@final
class Late(Faulty):
    """It returns, but seconds after its deadline."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Sleep past the deadline."""
        time.sleep(max(0.0, deadline.remaining()) + 1.5)


@final
class Stubborn(Faulty):
    """It hangs, and SIGTERM and SIGINT do not move it."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Ignore the signals, then sleep."""
        for number in (signal.SIGTERM, signal.SIGINT):
            ctypes.CDLL(None).signal(int(number), ctypes.c_void_p(1))  # SIG_IGN, from any thread
        time.sleep(FOREVER_S)


@final
class LeavesThreads(Faulty):
    """Threads that never end, and that a normal end of the interpreter would wait for."""

    def break_fit(self, data: Examples, deadline: Deadline) -> None:
        """Start them."""
        for _ in range(4):
            threading.Thread(target=time.sleep, args=(FOREVER_S,), daemon=False).start()
