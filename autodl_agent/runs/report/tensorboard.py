"""Scalars of a run as a TensorBoard event file, written while the run goes on and without importing TensorBoard.

An event file is a TFRecord file of `Event` messages (tensorflow/core/util/event.proto: wall_time double = 1,
step int64 = 2, file_version string = 3, summary = 5; a summary's value: tag string = 1, simple_value float = 2). These
four fields are all that is written, so the few bytes are put together here.
"""

import os
import socket
import struct
from pathlib import Path

from autodl_agent.data.task import Task
from autodl_agent.engine.round import Round
from autodl_agent.system.clock import Budget
from autodl_agent.system.errors import UsageError
from data_format.autodl.tfrecord import frame

_VERSION = "brain.Event:2"


class EventLog:
    """One event file in `folder`; `watch` is called after every round, in the engine's thread.

    The step of a scalar is the number of its round, or of its prediction for scores of the test rows. Raises
    UsageError where the file cannot be made.
    """

    def __init__(self, folder: Path, budget: Budget) -> None:
        self._budget = budget
        name = f"events.out.tfevents.{int(budget.epoch):010d}.{socket.gethostname()}.{os.getpid()}.0"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / name).open("ab")
        except OSError as error:
            raise UsageError(f"--log-dir: cannot write to {folder}: {error.strerror or error}") from error
        self._append(event(budget.epoch, version=_VERSION))

    def watch(self, task: Task, done: Round, written: float | None) -> None:
        """Add what the round brought."""
        values = {f"learner_nauc/{done.learner}": done.member_nauc, "held_out_nauc": done.ensemble_nauc}
        values["round_seconds"] = done.ended_s - done.started_s
        for learner, weight in done.weights.items():
            values[f"weight/{learner}"] = weight
        if written is not None:
            values["prediction_at_seconds"] = written
        self._scalars(values, done.number, done.ended_s)

    def close(self, test_curve: list[tuple[float, float]]) -> None:
        """Add the scores of the test rows (seconds, NAUC), where they are known, and close the file."""
        for step, (seconds, score) in enumerate(test_curve):
            self._scalars({"test_nauc": score}, step, seconds)
        try:
            self._file.close()
        except OSError:
            pass

    def _scalars(self, values: dict[str, float | None], step: int, seconds: float) -> None:
        known = {tag: value for tag, value in values.items() if value is not None}
        self._append(event(self._budget.epoch + seconds, step, known))

    def _append(self, record: bytes) -> None:
        try:
            self._file.write(frame(record))
            self._file.flush()
        except (OSError, ValueError):  # a full disk costs the log, not the run
            pass


def event(wall_time: float, step: int = 0, scalars: dict[str, float] | None = None, version: str = "") -> bytes:
    """A serialised Event. wall_time: seconds since 1970. scalars: tag -> value."""
    out = b"\x09" + struct.pack("<d", wall_time) + b"\x10" + _varint(step)
    if version:
        out += _field(3, version.encode())
    values = [_field(1, tag.encode()) + b"\x15" + struct.pack("<f", value) for tag, value in (scalars or {}).items()]
    return out + (_field(5, b"".join(_field(1, value) for value in values)) if values else b"")


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])
