"""The clock of a run: budget and deadlines are handed in, so that tests can hand in a fake.

The engine and the learners read time through these two alone; programs around a run (challenge, benchmark, process
watching) also read the system's clocks.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from autodl_agent.system.process_identity import read_stat

Seconds = float


def since_launch_s() -> Seconds:
    """Seconds since the operating system started this process, imports included (0 where it cannot be told)."""
    stat = read_stat("self")
    if stat is None:
        return 0.0
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - stat.identity.start_ticks / os.sysconf("SC_CLK_TCK"))


@dataclass(frozen=True)
class Budget:
    """A time limit with its own zero.

    total_s: length of the budget in seconds. started: value of `now` at zero. now: a monotonic clock in seconds.
    epoch: wall-clock time at zero (seconds since 1970), for files that people and the scoring program read.
    """

    total_s: Seconds
    started: float
    epoch: float
    now: Callable[[], float] = time.monotonic

    @classmethod
    def from_launch(cls, total_s: Seconds) -> "Budget":
        """A budget whose zero is the launch of this process."""
        gone = since_launch_s()
        return cls(total_s, time.monotonic() - gone, time.time() - gone)

    @classmethod
    def from_now(cls, total_s: Seconds) -> "Budget":
        """A budget that starts at this call."""
        return cls(total_s, time.monotonic(), time.time())

    def after(self, used_s: Seconds) -> "Budget":
        """This budget on top of one that is used up: its zero lies as much earlier, its end stays where it is."""
        return Budget(self.total_s + used_s, self.started - used_s, self.epoch - used_s, self.now)

    def elapsed(self) -> Seconds:
        """Seconds since zero."""
        return self.now() - self.started

    def remaining(self) -> Seconds:
        """Seconds until the end; negative when it is over."""
        return self.total_s - self.elapsed()

    def deadline(self, seconds: Seconds) -> "Deadline":
        """A deadline `seconds` from now, never after the end of the budget."""
        return Deadline(self.now() + min(seconds, self.remaining()), self.now)


@dataclass(frozen=True)
class Deadline:
    """A moment that a slice of work must not outlive."""

    at: float
    now: Callable[[], float] = time.monotonic

    def remaining(self) -> Seconds:
        """Seconds that remain; negative when it has passed."""
        return self.at - self.now()

    @property
    def passed(self) -> bool:
        """Whether the moment is over."""
        return self.remaining() <= 0
