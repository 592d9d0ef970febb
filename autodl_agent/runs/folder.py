"""The folder that a run leaves: predictions as the challenge writes them, and files that people open."""

import json
import logging
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.task import Task
from autodl_agent.runs.csv_files import Thresholds, seconds_to_write, write_predictions, write_table
from autodl_agent.system.clock import Budget
from autodl_agent.system.errors import UsageError
from data_format.atomic import write_atomic
from data_format.dataset import Problem
from data_format.predictions import append_timestamp, prediction_text, read_prediction, write_end, write_start

log = logging.getLogger(__name__)
# Any of these marks a folder as that of a run, so that --overwrite never touches another one.
RUN_FILES = ("run.json", "predictions", "classes.txt")
# What --overwrite removes, by name: other files in the folder are not ours.
FILES = (
    *("classes.txt", "test_rows.txt", "predictions.csv", "learning_curve.csv", "learning_curve.png"),
    *("run.json", "skipped.csv", "report.html", "log.txt"),
)
AFTER_S = 0.4  # that predictions.csv may take once the budget is used
EARLIEST = 0.1  # share of the budget that it may take of it at most
MOST_TOLD = 1000  # problems of inputs in run.json; skipped.csv has them all


@dataclass
class RunFolder:
    """Writes one run; safe to close from another thread while a prediction is being written."""

    folder: Path
    budget: Budget
    task: Task
    test_ids: Iterable[str]
    curve: list[dict[str, float | None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False
    _times: list[float] = field(default_factory=list)
    _last: NDArray[np.float32] | None = None

    @property
    def early_s(self) -> float:
        """Seconds before the end of the budget at which predictions.csv has to be begun, where it is large."""
        return min(max(0.0, seconds_to_write(self.task) - AFTER_S), EARLIEST * self.budget.total_s)

    @property
    def predictions(self) -> Path:
        """Folder of NAME.predict_k, start.txt, end.txt."""
        return self.folder / "predictions"

    def open(self) -> None:
        """Make the folders and the files that do not change."""
        self.predictions.mkdir(parents=True, exist_ok=True)
        _write_lines(self.folder / "classes.txt", self.task.class_names)
        _write_lines(self.folder / "test_rows.txt", self.test_ids)
        write_start(self.predictions, self.task.name, self.budget.total_s, self.budget.epoch, os.getpid())

    def check_same(self) -> None:
        """Raises UsageError where the folder holds a run of other data: other classes, test rows or class shares."""
        for name, lines in (("classes.txt", self.task.class_names), ("test_rows.txt", self.test_ids)):
            with suppress(FileNotFoundError):  # whoever removed it gets it anew
                was, now = (self.folder / name).read_bytes().split(b"\n"), _text_of(lines).split(b"\n")
                if was != now:
                    raise UsageError(f"{self.folder / name}: made from other data: {_difference(was, now)}")
        if self.task.n_test:
            self._check_shares()

    def _check_shares(self) -> None:
        # The first prediction is that of the class shares, whatever the run came to.
        with self._path(0).open("rb") as file:
            was, shares = file.readline().split(), self.task.class_priors
        try:
            same = np.allclose(np.array(was, np.float64), shares, rtol=1e-5)
        except ValueError:  # no numbers, or not as many
            same = False
        if not same:
            told = " ".join(part.decode("ascii", "replace") for part in was[:3])
            found = " ".join(f"{share:.9g}" for share in shares[:3])
            raise UsageError(f"{self.folder}: made from data with class shares {told} …, found {found} …")

    def resume(self, curve: Sequence[dict[str, float | None]]) -> None:
        """Take up the predictions of the run that the folder holds, as if this one had made them.

        Times of files are moved by as much as the new clock's zero is later. `check_same` comes first.
        """
        for name, lines in (("classes.txt", self.task.class_names), ("test_rows.txt", self.test_ids)):
            if not (self.folder / name).exists():
                _write_lines(self.folder / name, lines)
        (self.predictions / "end.txt").unlink(missing_ok=True)
        write_start(self.predictions, self.task.name, self.budget.total_s, self.budget.epoch, os.getpid())
        for k, point in enumerate(curve):
            seconds = float(point["time"] or 0.0)
            self._times.append(seconds)
            self.curve.append(dict(point))
            stamp = self.budget.epoch + seconds
            os.utime(self._path(k), (stamp, stamp))
            append_timestamp(self.predictions, k, stamp)

    def add(
        self,
        prediction: NDArray[np.float32],
        held_out_nauc: float | None,
        written: Callable[[], None] = lambda: None,
    ) -> float | None:
        """Write the next prediction and its time; returns seconds since the budget's zero, None once closed.

        written: called when the prediction is on disk, before anybody can close the folder.
        """
        # Large ones take seconds to become text; who closes the folder meanwhile must not wait for that.
        path = self._path(len(self._times))
        text = prediction_text(path, prediction)
        with self._lock:
            if self._closed:
                return None
            write_atomic(path, text)
            seconds = self.budget.elapsed()
            self._times.append(seconds)
            self._last = prediction
            self.curve.append({"time": seconds, "held_out_nauc": held_out_nauc})
            append_timestamp(self.predictions, len(self._times) - 1, self.budget.epoch + seconds)
            self._note(len(self._times) == 1, seconds, held_out_nauc)
            written()
            return seconds

    def _note(self, first: bool, seconds: float, held_out_nauc: float | None) -> None:
        """A line in learning_curve.csv while the run goes on; the end writes the file anew."""
        with (self.folder / "learning_curve.csv").open("w" if first else "a", encoding="utf-8") as file:
            file.write("time,held_out_nauc\n" * first + f"{seconds:.3f},{_number(held_out_nauc)}\n")

    def judge_last(self, held_out_nauc: float | None) -> None:
        """Fill in the held-out NAUC of the last prediction when it became known only afterwards."""
        with self._lock:
            if self.curve and self.curve[-1]["held_out_nauc"] is None:
                self.curve[-1]["held_out_nauc"] = held_out_nauc

    def stop(self) -> int:
        """Refuse further predictions; returns how many there are."""
        with self._lock:
            self._closed = True
            return len(self._times)

    def finish(
        self,
        success: bool,
        facts: dict[str, Any],
        problems: Sequence[Problem] = (),
        truth: Callable[[], NDArray[np.float32] | None] = lambda: None,
        thresholds: Callable[[], Thresholds | None] = lambda: None,
        left: Callable[[], float] = lambda: float("inf"),
    ) -> None:
        """Write everything that comes after the last prediction, what is quick and what matters most first.

        facts: for run.json. problems: of inputs, to which reading the truth may add. truth: reads the labels of the
        test rows, None where they are not known. thresholds: of multi-label tasks, one a class. left: seconds that
        remain, asked again and again; what does not fit is told in the log.
        """
        write_end(self.predictions, self.budget.elapsed(), success, self.budget.epoch + self.budget.elapsed())
        self._write_facts(facts, list(problems))
        self._write_curve({}, scored=False)
        if self._times and self.task.n_test:
            self._write_for_people(thresholds() if self.task.multilabel else None, left)
        if left() > 0:
            told, labels = len(problems), truth()
            if len(problems) > told:
                self._write_facts(facts, list(problems))
            if labels is not None:
                self._write_curve(self._test_scores(labels, left), scored=True)

    def _path(self, k: int) -> Path:
        return self.predictions / f"{self.task.name}.predict_{k}"

    def _newest(self) -> NDArray[np.floating]:
        return read_prediction(self._path(len(self._times) - 1)) if self._last is None else self._last

    def _write_for_people(self, thresholds: Thresholds | None, left: Callable[[], float]) -> None:
        path = self.folder / "predictions.csv"
        if not write_predictions(path, self.task, self.test_ids, self._newest(), thresholds, left):
            log.warning("no predictions.csv, no time left; %s holds the same", self._path(len(self._times) - 1))

    def _write_curve(self, scores: dict[int, float], scored: bool) -> None:
        """scores: prediction -> NAUC on the test rows; scored: whether there is a column for it."""
        if scored and len(scores) == len(self.curve):
            for k, point in enumerate(self.curve):
                point["test_nauc"] = scores[k]
        head = ["time", "held_out_nauc", *(["test_nauc"] if scored else [])]
        rows = [
            [f"{point['time']:.3f}", _number(point["held_out_nauc"]), *([_number(scores.get(k))] if scored else [])]
            for k, point in enumerate(self.curve)
        ]
        write_table(self.folder / "learning_curve.csv", head, rows)

    def _test_scores(self, truth: NDArray[np.float32], left: Callable[[], float]) -> dict[int, float]:
        """Prediction -> NAUC on the test rows, the newest first, as many as can be read and scored in the time."""
        from autodl_agent.scoring.auc import nauc

        scores: dict[int, float] = {}
        took = 0.0
        for k in reversed(range(len(self.curve))):
            before = self.budget.now()
            if left() <= took:
                log.info("no test NAUC of predictions 0 to %d: no time left; `autodl score` gives them", k)
                break
            newest = k == len(self.curve) - 1
            scores[k] = nauc(truth, self._newest() if newest else read_prediction(self._path(k)))
            took = self.budget.now() - before
        return scores

    def _write_facts(self, facts: dict[str, Any], problems: Sequence[Problem]) -> None:
        """run.json, and skipped.csv with a line for everything skipped or repaired, none where nothing was."""
        some = [{"where": problem.where, "reason": problem.reason} for problem in problems[:MOST_TOLD]]
        reasons = dict(Counter(problem.reason for problem in problems))
        whole = {**facts, "skipped_by_reason": reasons, "skipped": some}
        text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
        write_atomic(self.folder / "run.json", text.encode(errors="replace"))
        rows = [(problem.where, problem.reason) for problem in problems]
        write_table(self.folder / "skipped.csv", ["where", "reason"], rows)


def prepare_folder(folder: Path, overwrite: bool) -> None:
    """Make sure that `folder` can take a run. Raises UsageError for one that holds a run, or something else."""
    if not folder.exists():
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise UsageError(f"cannot make the output folder {folder}: {error.strerror}") from error
        return
    if not folder.is_dir():
        raise UsageError(f"--output expects a folder, {folder} is a file")
    if any((folder / name).exists() for name in RUN_FILES):
        if not overwrite:
            raise UsageError(f"{folder} already holds a run; choose another --output, or --overwrite to replace it")
        _remove_run_files(folder)
    elif any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty and holds no run of autodl; choose another --output")


def discard_run(folder: Path, there: bool) -> None:
    """Take away what a run that came to nothing has written, and the folder unless it was `there` before."""
    _remove_run_files(folder)
    if not there:
        with suppress(OSError):  # somebody else's file is in it
            folder.rmdir()


def restore_log(folder: Path, size: int) -> None:
    """Take what an attempt to go on has written from the log of a run; size: bytes that the log had before."""
    os.truncate(folder / "log.txt", size)


def log_to(path: Path, budget: Budget) -> logging.Handler:
    """Send the agent's log to a file; each line starts with the seconds since the budget's zero."""

    class _Clocked(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return f"{budget.elapsed():9.3f} {super().format(record)}"

    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_Clocked("%(levelname)-7s %(message)s"))
    logger = logging.getLogger("autodl_agent")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
    return handler


def _remove_run_files(folder: Path) -> None:
    unfinished = [*folder.glob(".model-*.new"), *folder.glob(".model-*.old")]  # of a run that was killed while saving
    for path in (folder / "predictions", folder / "model", *unfinished):
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(".tmp_*"):
        path.unlink(missing_ok=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_bytes(_text_of(lines))


def _text_of(lines: Iterable[str]) -> bytes:
    # A class name or file name may hold a line break: it is escaped so that line i stays row i.
    text = "".join(
        line.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r") + "\n" if _odd(line) else f"{line}\n"
        for line in lines
    )
    return text.encode("utf-8", "surrogateescape")


def _difference(was: list[bytes], now: list[bytes]) -> str:
    """Where two files of lines, which end with a line break, differ."""
    if len(was) != len(now):
        return f"{len(was) - 1} lines there, {len(now) - 1} in the data"
    k = next(k for k, (old, new) in enumerate(zip(was, now, strict=True)) if old != new)
    old, new = (line[k][:60].decode("utf-8", "replace") for line in (was, now))
    return f"line {k + 1} is {old!r}, {new!r} in the data"


def _odd(line: str) -> bool:
    return "\n" in line or "\r" in line


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
