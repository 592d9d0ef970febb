"""A folder of predictions that grows while it is scored: what is new, what it is worth, and whether the run has ended.

Other programs write the folder, perhaps without care: files may be half there, left over from an earlier run, or
rewritten. While the run goes on, doubtful ones wait; the last look takes the folder as it then is, so that scoring
live and scoring afterwards give the same numbers.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

from autodl_agent.scoring.alc import T0_S
from autodl_agent.scoring.report import ScoreReport, class_names, describe, find_predictions, make_report
from autodl_agent.scoring.scorer import Judged, PredictionScorer
from data_format.errors import DataError
from data_format.predictions import Start, list_predictions, read_start

# Time stamps of files and clocks of programs may differ by this much.
_CLOCK_SLACK_S = 2.0
# A look ends after this long, so that deadlines and pages are attended to between predictions of a large test set.
_LOOK_S = 1.0
# Of start.txt and end.txt: hundreds of thousands of predictions.
_MOST_BYTES = 1 << 24

_Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class End:
    """`end.txt`. success: None where the file does not say."""

    success: bool | None
    end_time: float


class RunWatch:
    """Scores the predictions of one folder as they appear.

    start: the latest content of `start.txt`, None until there is one.
    """

    def __init__(self, folder: Path, judge: PredictionScorer) -> None:
        self.folder, self.judge = folder, judge
        self.start: Start | None = None
        self._judged: dict[int, Judged] = {}
        self._bad: dict[int, str] = {}
        self._seen: dict[int, _Signature] = {}

    def begun(self) -> bool:
        """Whether there is a usable `start.txt` by now."""
        self.start = self._read_start()
        return self.start is not None

    def look(self, last: bool = False) -> bool:
        """Score what is new, in numeric order; whether anything changed. last: take the folder as it is."""
        # Read before the files are listed: one that appears in between has no time yet and waits for the next look.
        start = self._read_start() or self.start
        if start is None:
            return False
        if self.start is not None and start.start_time != self.start.start_time:
            for memory in (self._judged, self._bad, self._seen):  # another run has begun in this folder
                memory.clear()
        moved = self.start is not None and any(
            start.timestamps.get(k) != self.start.timestamps.get(k) for k in self._judged
        )
        self.start = start
        stop = math.inf if last else time.monotonic() + _LOOK_S
        changed = moved
        for k, path in sorted(self._files(last).items()):
            if k in start.timestamps and self._is_new(k, path, last):
                self._judge(k, path)
                changed = True
                if time.monotonic() >= stop:
                    break
        return changed

    def report(self, budget: float | None = None, t0: float = T0_S, bars: bool = False) -> ScoreReport | None:
        """The report on what has been scored; None before the start. Raises DataError for an impossible budget."""
        if self.start is None:
            return None
        names = class_names(self.folder, self.judge.truth.shape[1])
        problems = [line for _, line in sorted(self._bad.items())]
        if self.judge.unusable.all():
            problems.append("no class has both positive and negative test rows: every score is 0")
        return make_report(self.judge, self._judged, self.start, names, budget, t0, problems, bars)

    def doubts(self) -> list[str]:
        """What is missing in the folder as it is now: predictions without a time, times without a prediction."""
        problems: list[str] = []
        try:
            find_predictions(self.folder, self.judge.task, self.start.timestamps if self.start else (), problems)
        except (DataError, OSError) as error:
            problems.append(str(error))
        return problems

    def end(self) -> End | None:
        """The end of the run, as `end.txt` tells; None while there is none, or only one of an earlier run."""
        end = read_end(self.folder)
        if end is not None and self.start is not None and end.end_time < self.start.start_time - _CLOCK_SLACK_S:
            return None
        return end

    def start_problem(self) -> str:
        """Why there is no usable `start.txt`."""
        path = self.folder / "start.txt"
        if path.exists() and not _is_small_file(path):
            return f"{path}: expected a file of less than {_MOST_BYTES} bytes"
        try:
            start = read_start(self.folder)
        except DataError as error:
            return str(error)
        return f"{path}: expected a finite start_time, found {start.start_time}"

    def _read_start(self) -> Start | None:
        """`start.txt`, None where it is missing, empty or (being rewritten) not whole."""
        if not _is_small_file(self.folder / "start.txt"):
            return None
        try:
            start = read_start(self.folder)
        except DataError:
            return None
        return start if math.isfinite(start.start_time) else None

    def _files(self, last: bool) -> dict[int, Path]:
        """Prediction files of our task by number.

        The solution's name decides. Where no file has it, names that agree with start.txt up to the first dot do,
        since the public ingestion cuts there; at the end, the only task there is will do.
        """
        try:
            found = list_predictions(self.folder)
            if mine := {k: path for k, path in found if _task(path) == self.judge.task}:
                return mine
            told = self.start.task_name if self.start else ""
            cut = {told.partition(".")[0], self.judge.task.partition(".")[0]} - {""}
            tasks = {_task(path) for _, path in found if _task(path).partition(".")[0] in cut}
            if len(tasks) == 1:
                return {k: path for k, path in found if _task(path) in tasks}
            return find_predictions(self.folder, self.judge.task, (), []) if last else {}
        except (DataError, OSError):
            return {}

    def _is_new(self, k: int, path: Path, last: bool) -> bool:
        signature = _signature(path)
        if signature is None:
            return False
        # What was scored once stands until the last look; what could not be read may have been half written.
        if k in self._seen and (self._seen[k] == signature or (k in self._judged and not last)):
            return False
        written = signature[0] / 1e9
        return last or self.start is None or written >= self.start.start_time - _CLOCK_SLACK_S

    def _judge(self, k: int, path: Path) -> None:
        # Before reading: a file that is replaced meanwhile then counts as changed.
        self._seen[k] = _signature(path) or (0, 0, 0)
        self._judged.pop(k, None)
        self._bad.pop(k, None)
        try:
            self._judged[k] = self.judge.judge(path)
        except DataError as error:
            self._bad[k] = describe(error, path)


def read_end(folder: Path) -> End | None:
    """`end.txt` of a folder, None where there is none; what it does not tell is left open."""
    path = folder / "end.txt"
    if not _is_small_file(path):
        return None
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        written = path.stat().st_mtime
    except OSError:
        return None
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    success = {"1": True, "0": False}.get(values.get("ingestion_success", ""))
    try:
        end_time = float(values["end_time"])
    except (KeyError, ValueError):
        end_time = written
    return End(success, end_time)


def _is_small_file(path: Path) -> bool:
    """Whether a file can be read without waiting for ever or filling the memory; a pipe, say, cannot."""
    try:
        return path.is_file() and path.stat().st_size < _MOST_BYTES
    except OSError:
        return False


def _task(path: Path) -> str:
    return path.name.rpartition(".predict_")[0]


def _signature(path: Path) -> _Signature | None:
    """What changes when a file is replaced or rewritten; None where it is not a plain file."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return (facts.st_mtime_ns, facts.st_size, facts.st_ino) if path.is_file() else None
