"""The worker process as the coordinator holds it: started, listened to, watched and ended.

A thread reads messages and looks after the process ten times a second: whether it lives, sends heartbeats, keeps
its deadline and stays within its memory. What breaks a rule is killed with all it started, and an event says why.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autodl_agent.engine.worker.channel import Channel
from autodl_agent.engine.worker.protocol import VERSION, Heartbeat, Hello, Message
from autodl_agent.system.clock import Deadline
from autodl_agent.system.framing import ProtocolError
from autodl_agent.system.process_identity import read_stat
from autodl_agent.system.process_memory import anonymous_bytes
from autodl_agent.system.processes import TaggedProcesses, kill
from autodl_agent.system.resources import cores

log = logging.getLogger(__name__)
TICK_S = 0.1
GRACE_S = 1.0  # beyond the deadline of a slice
SILENCE_S = 10.0  # without a heartbeat; loading a large library can hold it up for some
OUTPUT_TAIL_BYTES = 4000  # of what it printed last
CHILD = (sys.executable, "-m", "autodl_agent.engine.worker.child")
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class WorkerLost:
    """The process is gone. reason: for people. stopped: it was not the learner's doing, as far as can be told."""

    reason: str
    stopped: bool = False


Event = Message | WorkerLost


class WorkerProcess:
    """One process. on_event: is called with each event by the watching thread; after a WorkerLost no other comes."""

    def __init__(self, folder: Path, memory_bytes: int, on_event: Callable[[Event], None]) -> None:
        """Start it. folder: shared with it. memory_bytes: limit, without files that are mapped. Raises OSError."""
        self.memory_bytes, self._on_event = memory_bytes, on_event
        self.processes = TaggedProcesses("AUTODL_WORKER_MARK")
        ours, theirs = socket.socketpair()
        ours.settimeout(5)
        with theirs:
            self._process = subprocess.Popen(
                [*CHILD, str(theirs.fileno()), str(folder), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(),),
                env={**_environment(), **self.processes.environment},
                # No session of its own: where Linux shares time out by sessions, niceness means nothing between two.
                process_group=0,
            )
        self.pid = self.processes.group = self._process.pid
        self._channel = Channel(ours)
        self._deadline: Deadline | None = None
        self._closed = threading.Event()
        self._output = b""
        threading.Thread(target=self._drain, name="worker-output", daemon=True).start()
        threading.Thread(target=self._watch, name="worker-watch", daemon=True).start()

    def send(self, message: Message, deadline: Deadline | None = None) -> None:
        """deadline: by when its answer is due; a process that does not give it by then is killed."""
        self._deadline = deadline
        # That a process is gone comes as an event.
        with suppress(OSError):
            self._channel.send(message)

    def clear_deadline(self) -> None:
        """The answer came: no deadline holds any more."""
        self._deadline = None

    def close(self) -> None:
        """End it and all it started, at once and without an event."""
        self._closed.set()
        self._kill()

    @property
    def output_tail(self) -> str:
        """The end of what it printed."""
        return self._output.decode("utf-8", "replace").strip()

    def _watch(self) -> None:
        silent_s = 0.0
        while not self._closed.is_set():
            try:
                for message in self._channel.receive(TICK_S):
                    silent_s = 0.0
                    if isinstance(message, Hello) and message.version != VERSION:
                        raise ProtocolError(f"version {VERSION} expected, found {message.version}")
                    if not isinstance(message, Heartbeat):
                        self._on_event(message)
                lost = self._fault(silent_s)
            except TimeoutError:
                silent_s += TICK_S
                lost = self._fault(silent_s)
            except (OSError, EOFError):
                lost = WorkerLost(*self._ending())
            except ProtocolError as error:
                lost = WorkerLost(f"it broke the protocol: {error}")
            if lost is not None and not self._closed.is_set():
                self._closed.set()
                self._kill()
                self._on_event(lost)

    def _fault(self, silent_s: float) -> WorkerLost | None:
        """The rule that it breaks, if any."""
        deadline = self._deadline
        if deadline is not None and deadline.remaining() < -GRACE_S:
            return WorkerLost("it did not answer in time", stopped=_is_stopped(self.pid))
        if silent_s > SILENCE_S:
            return WorkerLost(f"it gave no sign of life for {SILENCE_S:g} s", stopped=True)
        used = sum(anonymous_bytes(member.pid) for member in self.processes.members_among_new())
        if used > self.memory_bytes:
            return WorkerLost(f"it took {used >> 20} MB of memory, of {self.memory_bytes >> 20} allowed")
        return None

    def _ending(self) -> tuple[str, bool]:
        """Why the process ended by itself: reason, and whether somebody else ended it."""
        try:
            code = self._process.wait(2)
        except subprocess.TimeoutExpired:
            return "it closed its end", False
        if code < 0:
            with suppress(ValueError):
                return f"it was ended by {signal.Signals(-code).name}", code == -signal.SIGKILL
        return f"it exited with code {code}", False

    def _drain(self) -> None:
        pipe = self._process.stdout
        if pipe is None:
            return
        with pipe:
            while data := os.read(pipe.fileno(), 1 << 16):
                self._output = (self._output + data)[-OUTPUT_TAIL_BYTES:]

    def _kill(self) -> None:
        kill(self.processes)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._channel.close()


def _is_stopped(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and stat.stopped


def _environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "TF_NUM_INTRAOP_THREADS": str(cores()),
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": str(cores()),
    }


__all__ = ["Event", "WorkerLost", "WorkerProcess"]
