"""Runs the process of a submission from outside: its time, its memory, its answers, and its end.

One loop over the socket of answers and the pipe of prints. Whatever the process does, the loop comes back to its
limits every few hundredths of a second; nothing here waits for the submission to co-operate.
"""

import os
import selectors
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autodl_agent.challenge.api.task_folder import TaskFolder
from autodl_agent.challenge.sandbox import protocol
from autodl_agent.challenge.sandbox.bounded_log import BoundedLog
from autodl_agent.challenge.sandbox.launch import launch
from autodl_agent.challenge.sandbox.limits import check_prediction, doing, exited, failed, finished, overrun
from autodl_agent.challenge.sandbox.outcome import Outcome
from autodl_agent.challenge.sandbox.run_files import RunFiles
from autodl_agent.system.framing import FrameDecoder, ProtocolError, encode_frame
from autodl_agent.system.prctl import become_subreaper
from autodl_agent.system.process_memory import anonymous_bytes
from autodl_agent.system.processes import (
    ProcessTree,
    children_of_this_process,
    kill,
    terminate,
    wait_until_gone,
)

OPEN_S = 900.0  # to import TensorFlow and open the data set, before the submission is touched
# A call that ends just after the budget may end by itself, as under the official scorer, which looks once a second.
LATE_S = 0.5
_TICK_S, _SCAN_S = 0.05, 0.5
_CHUNK = 1 << 20
# A process that has said its last word leaves by itself, and has a moment for it; then those have one that end with
# their parent (of multiprocessing).
_LEAVE_S, _HELPERS_LEAVE_S = 1.0, 0.3


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes that a submission has.

    time_budget: of train and test. init_s: of import and constructor. grace_s: between SIGTERM and SIGKILL.
    memory_bytes: of all its processes together; None = no limit.
    """

    time_budget: float
    init_s: float = 1200.0
    grace_s: float = 3.0
    memory_bytes: int | None = None


class Supervisor:
    """One run of one submission. `run` may be called once; `stop` from a signal handler at any time."""

    def __init__(
        self,
        task: TaskFolder,
        code_dir: Path,
        limits: Limits,
        files: RunFiles,
        log: BoundedLog,
        watch: Callable[[int, float], None] = lambda k, seconds: None,
    ) -> None:
        """watch: called with the number and the seconds of every prediction that was accepted."""
        self.task, self.code_dir, self.limits, self.files, self.log = task, code_dir, limits, files, log
        self.watch = watch
        self.times: list[float] = []
        self.killed = 0
        self.started = False
        self.outcome: Outcome | None = None
        self._interrupted = ""
        self._stage = "open"
        self._entered = time.monotonic()
        self._start = 0.0  # of the submission's clock, monotonic
        self._used = 0.0  # seconds in finished calls
        self._scanned = 0.0
        self._leaving = False  # it has said its last word, or ended without one
        self._closed = False  # the other end of the channel
        self._epoch = time.time()

    def stop(self, reason: str) -> None:
        """Ask for an early end; the run is completed in good order."""
        self._interrupted = reason

    def run(self) -> Outcome:
        """Play the submission to its end; nothing of it is alive afterwards. Raises OSError if no process can start."""
        become_subreaper()
        others = children_of_this_process()
        # Its own folder for temporary files goes away with it, whatever is left in there.
        with tempfile.TemporaryDirectory(prefix="autodl_", ignore_cleanup_errors=True) as scratch:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                self._process = launch(theirs, Path(scratch))
                theirs.close()
                self._tree = ProcessTree(self._process.pid, others)
                self._channel = ours
                try:
                    self._loop()
                finally:
                    self._end()
        if not self.started:  # the scorer waits for start.txt, whatever became of the submission
            self.begin()
        assert self.outcome is not None
        return self.outcome

    def begin(self) -> None:
        """Start the submission's clock, send it off if it is there, and write `start.txt`."""
        self.started = True
        self._start, self._epoch = time.monotonic(), time.time()
        if self._stage == "ready":
            self._channel.setblocking(True)
            self._say("go", {"start": self._start, "time_budget": self.limits.time_budget})
            self._channel.setblocking(False)
        self.files.begin(self.limits.time_budget, self._epoch, os.getpid())

    def _loop(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
        self._decoder = FrameDecoder(8 * self.task.n_test * self.task.n_classes)
        self._configure()
        self._channel.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            selector.register(self._channel, selectors.EVENT_READ)
            while self.outcome is None:
                ended = self._process.poll() is not None
                self._turn(selector)
                if self.outcome is None and ended and not self.files.full:
                    self._leaving = True
                    self._read_channel()  # what it had said before it ended
                    if self.outcome is None and not self.files.full:
                        self.outcome = exited(self._process.returncode, self._stage)
                self.outcome = self.outcome or self._over_limit()

    def _turn(self, selector: selectors.BaseSelector) -> None:
        """Read what there is, for one tick at most."""
        listening = self._channel in (key.fileobj for key in selector.get_map().values())
        if self.files.full and listening:  # let the submission wait rather than our memory grow
            selector.unregister(self._channel)
        elif not (self.files.full or listening or self._closed):
            selector.register(self._channel, selectors.EVENT_READ)
        tick = 0.005 if self.files.full else _TICK_S
        for key, _ in selector.select(tick):
            if key.fileobj is self._channel:
                if not self._read_channel():
                    selector.unregister(self._channel)
                    self._closed = True
            elif not self._read_prints():
                selector.unregister(key.fileobj)

    def _configure(self) -> None:
        config = {
            "version": protocol.VERSION,
            "code_dir": str(self.code_dir),
            "dataset_dir": str(self.task.folder.parent),
            "api": self.task.api,
            "time_budget": self.limits.time_budget,
            "shape": list(self.task.shape),
        }
        self._say("config", config)

    def _say(self, kind: str, fields: dict[str, Any]) -> None:
        try:
            self._channel.sendall(encode_frame(protocol.header_of(kind, fields)))
        except OSError:  # it is gone; the loop will notice
            pass

    def _read_channel(self) -> bool:
        """Handle the messages that are there; False when the other side is closed."""
        try:
            while data := self._channel.recv(_CHUNK):
                for frame in self._decoder.feed(data):
                    message = protocol.decode(frame)
                    if self.outcome is None:
                        self.outcome = self._handle(message)
                if self.files.full or self.outcome is not None:
                    return True
            return False
        except BlockingIOError:
            return True
        except ProtocolError as error:
            self.outcome = Outcome("internal", f"the submission's process broke the protocol ({error})")
            return True
        except OSError:
            return False

    def _read_prints(self) -> bool:
        pipe = self._process.stdout
        assert pipe is not None
        try:
            data = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return True
        self.log.feed(data)
        return bool(data)

    def _handle(self, message: protocol.Message) -> Outcome | None:
        """Act on one message; gives how the run ended if this ends it."""
        now = time.monotonic()
        header = message.header
        match message.kind:
            case "stage":
                self._enter(str(header.get("stage")), now)
            case "ready":
                return self._ready(header)
            case "prediction":
                return self._prediction(header, message.payload, now)
            case "failed":
                self._leaving = True
                return failed(header)
            case "end":
                self._leaving = True
                return finished(str(header.get("reason")), self.times)
            case kind:
                return Outcome("internal", f"the submission's process broke the protocol (a message {kind[:40]!r})")
        return None

    def _enter(self, stage: str, now: float) -> None:
        if self._stage in ("train", "test"):
            self._used += now - self._entered
        # The allowance covers import and constructor together.
        if not (self._stage == "import" and stage == "construct"):
            self._entered = now
        self._stage = stage

    def _ready(self, header: dict[str, Any]) -> Outcome | None:
        if self.started:
            return Outcome("internal", "the submission's process broke the protocol (ready twice)")
        missing = [name for name in ("train", "test") if not header.get(name)]
        self._enter("between" if missing else "ready", time.monotonic())
        self.begin()
        if missing:
            return Outcome("no_api", f"the Model needs train and test, found no {' and no '.join(missing)}")
        return None

    def _clock(self, now: float) -> float:
        """Seconds gone on the submission's clock: since the start, or inside train and test alone."""
        if self.task.api == "autodl":
            return now - self._start
        running = now - self._entered if self._stage in ("train", "test") else 0.0
        return self._used + running

    def _prediction(self, header: dict[str, Any], payload: bytes, now: float) -> Outcome | None:
        if not self.started:
            return Outcome("internal", "the submission's process broke the protocol (a prediction before the start)")
        seconds, k = self._clock(now), len(self.times)
        prediction = check_prediction(k, header, payload, self.task.shape)
        if isinstance(prediction, Outcome):
            return prediction
        self._enter("between", now)
        if seconds <= self.limits.time_budget:  # a later one does not count, so it is not written either
            self.times.append(seconds)
            stamp = self._epoch + seconds if self.task.api == "autodl" else seconds
            self.files.add(k, stamp, prediction)
            self.watch(k, seconds)
        return None

    def _over_limit(self) -> Outcome | None:
        """Whether a limit is reached now."""
        now = time.monotonic()
        if self._interrupted:  # the official scorer sends SIGTERM when the budget is used
            late = self.started and self._clock(now) >= self.limits.time_budget
            return self._overrun() if late else Outcome("stopped", self._interrupted)
        if self.files.error is not None:
            return Outcome("internal", f"predictions cannot be written: {self.files.error}")
        spent = now - self._entered
        if self._stage == "open" and spent > OPEN_S:
            return Outcome("bad_data", f"the data set was not open after {OPEN_S:g} s")
        if self._stage in ("import", "construct") and spent > self.limits.init_s:
            return Outcome(
                "init_overrun", f"{doing(self._stage)} took longer than the {self.limits.init_s:g} s allowed"
            )
        if self.started and self._clock(now) > self.limits.time_budget + LATE_S:
            return self._overrun()
        return self._over_memory(now)

    def _overrun(self) -> Outcome:
        return overrun(self._stage, self.limits.time_budget, self.times, cut_short=self.task.api != "autodl")

    def _over_memory(self, now: float) -> Outcome | None:
        limit = self.limits.memory_bytes
        if limit is None:
            return None
        used = anonymous_bytes(self._process.pid)
        # Looking at all processes costs more; close to the limit it is worth it every time.
        if now - self._scanned > _SCAN_S or used > limit // 2:
            self._scanned = now
            used = sum(anonymous_bytes(member.pid) for member in self._tree.members())
        if used <= limit:
            return None
        return Outcome("memory", f"{used >> 20} MiB in {doing(self._stage)}, more than the {limit >> 20} MiB allowed")

    def _end(self) -> None:
        """End every process of the submission: SIGTERM, the grace, SIGKILL."""
        process = self._process
        if self._leaving:
            self._wait(_LEAVE_S)
            wait_until_gone(self._tree, _HELPERS_LEAVE_S)
        refused = process.poll() is None and self._terminate()
        self.killed = len(kill(self._tree) - {self._tree.root})
        process.wait()
        self._drain()
        if refused and self.outcome is not None and self.outcome.status in ("overrun", "init_overrun"):
            self.outcome = Outcome(self.outcome.status, f"{self.outcome.message} and ignored SIGTERM; killed")

    def _terminate(self) -> bool:
        """SIGTERM and the grace; True when the process outlived both."""
        terminate(self._tree)
        self._wait(0.2 if self.outcome and self.outcome.status == "memory" else self.limits.grace_s)
        return self._process.poll() is None

    def _wait(self, seconds: float) -> None:
        """Wait for the process, reading what it prints so that it cannot block on a full pipe."""
        deadline = time.monotonic() + seconds
        while self._process.poll() is None and time.monotonic() < deadline:
            self._read_prints()
            time.sleep(0.005)

    def _drain(self) -> None:
        """Take what is left in the pipe; a process elsewhere may still hold it open, so this does not wait."""
        pipe = self._process.stdout
        assert pipe is not None
        for _ in range(64):
            try:
                data = os.read(pipe.fileno(), _CHUNK)
            except OSError:
                break
            if not data:
                break
            self.log.feed(data)
        pipe.close()
