"""How the run of a submission ended: one status and one line for each way."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Status = Literal[
    "ok",
    "no_model",  # no model.py in the submission
    "import_error",  # importing model.py raised
    "init_error",  # the constructor raised, or there is no class Model
    "init_overrun",  # import and constructor took longer than their allowance
    "no_api",  # no train or no test
    "raised",  # train or test raised
    "overrun",  # train or test still ran when the budget was used
    "exited",  # the process ended by itself (sys.exit, os._exit, a crash in native code)
    "memory",  # stopped for its memory
    "wrong_shape",
    "not_finite",
    "no_prediction",  # test returned None at once, or done_training was true from the beginning
    "stopped",  # somebody sent SIGTERM or SIGINT to the ingestion program
    "bad_data",  # the data set cannot be read
    "internal",  # predictions cannot be written, or the protocol was broken
]
NEEDS_NO_PREDICTION: frozenset[Status] = frozenset({"ok", "no_prediction"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A status, and a line that says more: what was expected, what was found, where."""

    status: Status
    message: str


@dataclass(frozen=True, slots=True)
class IngestionResult:
    """What a run left.

    name: of the task. times: seconds on the submission's clock, one a prediction; their files are NAME.predict_0, 1, …
    duration: seconds of the whole program. killed: processes left behind that had to be killed.
    mended: files in the output folder that the submission had tampered with, put right since.
    """

    name: str
    status: Status
    message: str
    times: tuple[float, ...]
    duration: float
    time_budget: float
    killed: int = 0
    mended: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the submission did what it should, with at least one prediction."""
        return self.status == "ok"

    @property
    def completed(self) -> bool:
        """The flag of `end.txt`, as the official program sets it: no error on the way, predictions or not."""
        return self.status in NEEDS_NO_PREDICTION

    def line(self) -> str:
        """Status and message in one line."""
        notes = [f"{self.status}: {self.message}"]
        if self.killed:
            notes.append(f"{self.killed} {'process' if self.killed == 1 else 'processes'} left behind and killed")
        if self.mended:
            shown = ", ".join(self.mended[:3]) + (", …" if len(self.mended) > 3 else "")
            notes.append(f"it tampered with the output folder ({shown}), which was put right")
        return "; ".join(notes)


def write_result(result: IngestionResult, file: Path) -> None:
    """Write a result as JSON."""
    file.write_text(json.dumps(asdict(result), ensure_ascii=False), encoding="utf-8")


def read_result(file: Path) -> IngestionResult:
    """The inverse of `write_result`. Raises OSError or ValueError where there is none."""
    values = json.loads(file.read_text(encoding="utf-8"))
    return IngestionResult(**{**values, "times": tuple(values["times"]), "mended": tuple(values["mended"])})
