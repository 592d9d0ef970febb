"""The process of a submission: imports its model.py, makes the Model, and plays train and test in turn.

It never learns where predictions are written: they go to the supervisor over a socket, as raw arrays (`protocol`).
The supervisor is the one that keeps time; what happens here may be anything.
"""

import importlib
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from autodl_agent.challenge.api.autonlp_autospeech import load_sibling
from autodl_agent.challenge.api.task_folder import TaskFolder, find_task
from autodl_agent.challenge.api.tf_dataset import AutoDLDataset
from autodl_agent.challenge.sandbox import protocol
from autodl_agent.system.framing import Connection, ProtocolError
from autodl_agent.system.prctl import die_with_parent
from data_format.errors import DataError

OLD_CODE_FOLDER = "AutoDL_sample_code_submission"
# A submission may bring its own copy of these (our bundle does); ours must not stand in its way.
_OWN_PACKAGES = ("autodl_agent", "data_format", "cli")


class Inputs(NamedTuple):
    """What the three calls get: the constructor, train and test."""

    metadata: Any
    train: Any
    test: Any


class _Runner:
    """One submission on one data set."""

    def __init__(self, connection: Connection, config: dict[str, Any]) -> None:
        self.connection, self.config = connection, config
        self.pid = os.getpid()
        self.stage = "open"

    def run(self) -> None:
        """Everything; gives back when the loop has ended and the supervisor has been told how."""
        try:
            task = find_task(Path(self.config["dataset_dir"]), self.config["api"])
            inputs = _open(task, self.config["time_budget"])
            model = self._make_model(inputs.metadata)
            train, test = getattr(model, "train", None), getattr(model, "test", None)
            self._tell("ready", {"train": callable(train), "test": callable(test)})
            start = protocol.receive(self.connection)
            clock = _Clock(task.api == "autodl", start.header["start"], start.header["time_budget"])
            self._tell("end", {"reason": self._play(model, inputs, clock)})
        except ProtocolError:
            raise
        # SystemExit and KeyboardInterrupt too: whatever a submission raises is told to the supervisor.
        except BaseException as error:
            self._report(error)

    def _make_model(self, metadata: Any) -> Any:
        self._enter("import")
        module = _import_model(Path(self.config["code_dir"]))
        self._enter("construct")
        return module.Model(metadata)

    def _play(self, model: Any, inputs: Inputs, clock: "_Clock") -> str:
        """Train and test in turn until one of the challenge's reasons to stop; gives the reason."""
        if not hasattr(model, "done_training"):
            print("ingestion: the model has no attribute done_training; it runs until the budget is used", flush=True)
        while not getattr(model, "done_training", False):
            self._enter("train")
            clock.measure(lambda left: model.train(inputs.train, remaining_time_budget=left))
            self._enter("test")
            prediction = clock.measure(lambda left: model.test(inputs.test, remaining_time_budget=left))
            if prediction is None:
                self._enter("between")
                return "none"
            self._send_prediction(prediction)
            if clock.remaining() <= 0:
                return "budget"
        return "done_training"

    def _send_prediction(self, prediction: Any) -> None:
        array = np.asarray(prediction)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"test must return a matrix of numbers, it returned {type(prediction).__name__}")
        if array.dtype != np.float32:
            array = array.astype(np.float64)
        header = {"shape": list(array.shape), "dtype": array.dtype.name}
        # The supervisor refuses another shape unseen.
        fits = list(array.shape) == self.config["shape"]
        self._tell("prediction", header, np.ascontiguousarray(array) if fits else b"")

    def _enter(self, stage: str) -> None:
        self.stage = stage
        self._tell("stage", {"stage": stage})

    def _report(self, error: BaseException) -> None:
        if os.getpid() == self.pid:
            traceback.print_exception(error)
            _flush()
        text = "".join(traceback.format_exception_only(error)).strip().splitlines()
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename.startswith(str(self.config["code_dir"]))]
        place = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
        kind = "exit" if isinstance(error, SystemExit) else "data" if self.stage == "open" else "error"
        line = f"{text[-1] if text else type(error).__name__}{place}"
        self._tell("failed", {"stage": self.stage, "error": kind, "message": line[:2000]})

    def _tell(self, kind: str, header: dict[str, Any], payload: Any = b"") -> None:
        if os.getpid() != self.pid:  # a process that the submission forked came back through our frames
            os._exit(1)
        try:
            protocol.send(self.connection, kind, header, payload)
        except OSError as error:
            raise ProtocolError(f"the supervisor cannot be told {kind!r} ({error})") from None


class _Clock:
    """Time left. AutoDL: until `start` + budget. The sibling challenges: only seconds inside train and test count."""

    def __init__(self, wall: bool, start: float, budget: float) -> None:
        """start: of the monotonic clock, which all processes of a machine share."""
        self.wall, self.start, self.budget = wall, start, budget
        self.used = 0.0

    def remaining(self) -> float:
        """Seconds."""
        return self.budget - (time.monotonic() - self.start if self.wall else self.used)

    def measure(self, call: Callable[[float], Any]) -> Any:
        """Run a call with the time left, and count its seconds."""
        began = time.monotonic()
        result = call(self.remaining())
        self.used += time.monotonic() - began
        return result


def _open(task: TaskFolder, time_budget: float) -> Inputs:
    if task.api != "autodl":
        data = load_sibling(task, time_budget)
        return Inputs(data.metadata, (data.x_train, data.y_train), data.x_test)
    train = AutoDLDataset(task.folder / "train")
    test = AutoDLDataset(task.folder / "test", labelled=False)
    return Inputs(train.get_metadata(), train.get_dataset(), test.get_dataset())


def _import_model(code_dir: Path) -> Any:
    """Import model.py with the submission's folder before everything else, so that its own modules win."""
    sys.path[:0] = [str(code_dir), str(code_dir / OLD_CODE_FOLDER)]
    for name in list(sys.modules):
        if name.partition(".")[0] in _OWN_PACKAGES:
            del sys.modules[name]
    importlib.invalidate_caches()
    return importlib.import_module("model")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass


def main(descriptor: int, parent: int) -> NoReturn:
    """Entry point: serve the socket `descriptor` of the supervisor `parent`, then end without waiting for threads."""
    die_with_parent(parent)
    try:
        # Under memory pressure the kernel should take this process, not the supervisor.
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        pass
    connection = Connection(socket.socket(fileno=descriptor))
    code = 0
    try:
        config = protocol.receive(connection)
        version = config.header.get("version")
        if version != protocol.VERSION:
            raise DataError(f"expected version {protocol.VERSION} of the protocol, found {version}")
        _Runner(connection, config.header).run()
    except BaseException as error:
        traceback.print_exception(error)
        code = 1
    _flush()
    os._exit(code)
