"""The folder that a run leaves: predictions as the challenge writes them, and files that people open."""

import csv
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.clock import Budget
from autodl_agent.errors import UsageError
from autodl_agent.learners.prior import class_shares
from autodl_agent.task import Task
from data_format.predictions import append_timestamp, read_prediction, write_end, write_prediction, write_start

log = logging.getLogger(__name__)
# Any of these marks a folder as that of a run, so that --overwrite never touches another one.
RUN_FILES = ("run.json", "predictions", "classes.txt")
# What --overwrite removes, by name: other files in the folder are not ours.
FILES = (
    *("classes.txt", "test_rows.txt", "predictions.csv", "learning_curve.csv", "learning_curve.png"),
    *("run.json", "skipped.csv", "report.html", "log.txt"),
)
ANOTHER_LABEL_AT = 0.5  # multi-label rows list every class at or above it where no thresholds were tuned


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
            was, shares = file.readline().split(), class_shares(self.task)
        try:
            same = np.allclose(np.array(was, np.float64), shares, rtol=1e-5)
        except ValueError:  # no numbers, or not as many
            same = False
        if not same:
            told = " ".join(part.decode("ascii", "replace") for part in was[:3])
            found = " ".join(f"{share:.9g}" for share in shares[:3])
            raise UsageError(f"{self.folder}: made from data with class shares {told} …, found {found} …")

    def go_on(self, curve: Sequence[dict[str, float | None]]) -> None:
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
        with self._lock:
            if self._closed:
                return None
            write_prediction(self.predictions, self.task.name, len(self._times), prediction)
            seconds = self.budget.gone()
            self._times.append(seconds)
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
        truth: NDArray[np.float32] | None,
        thresholds: Sequence[float] | None = None,
        seconds: float = 1e9,
    ) -> None:
        """Write everything that comes after the last prediction. thresholds: one a class, of multi-label tasks.

        seconds: that scoring the predictions on the test rows may take; what does not fit is left blank.
        """
        write_end(self.predictions, self.budget.gone(), success, self.budget.epoch + self.budget.gone())
        (self.folder / "run.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if self._times and self.task.n_test:
            self._write_for_people(read_prediction(self._path(len(self._times) - 1)), thresholds)
        self._write_curve(truth, seconds)
        self._write_skipped(facts.get("skipped", ()))

    def _path(self, k: int) -> Path:
        return self.predictions / f"{self.task.name}.predict_{k}"

    def _write_for_people(self, prediction: NDArray[np.float64], thresholds: Sequence[float] | None) -> None:
        names = self.task.class_names
        least = np.full(len(names), ANOTHER_LABEL_AT) if thresholds is None else np.asarray(thresholds)
        with (self.folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["id", *names, "most_likely"])
            for row_id, row in zip(self.test_ids, prediction, strict=True):
                likely = [int(np.argmax(row))]
                if self.task.multilabel:
                    likely = [int(c) for c in np.flatnonzero(row >= least)] or [int(np.argmax(row - least))]
                values = [f"{value:.6g}" for value in row]
                writer.writerow([row_id, *values, " ".join(names[c] for c in likely)])

    def _write_curve(self, truth: NDArray[np.float32] | None, seconds: float) -> None:
        scores = self._test_scores(truth, seconds) if truth is not None else {}
        complete = len(scores) == len(self.curve)
        with (self.folder / "learning_curve.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["time", "held_out_nauc", *(["test_nauc"] if truth is not None else [])])
            for k, point in enumerate(self.curve):
                row = [f"{point['time']:.3f}", _number(point["held_out_nauc"])]
                if truth is not None:
                    row.append(_number(scores.get(k)))
                    if complete:
                        point["test_nauc"] = scores[k]
                writer.writerow(row)

    def _test_scores(self, truth: NDArray[np.float32], seconds: float) -> dict[int, float]:
        """Prediction -> NAUC on the test rows, the newest first, as many as can be read and scored in the time."""
        from autodl_agent.scoring.auc import nauc

        scores: dict[int, float] = {}
        started, last = self.budget.now(), 0.0
        for k in reversed(range(len(self.curve))):
            before = self.budget.now()
            if scores and before + last - started > seconds:
                log.info("no test NAUC of predictions 0 to %d: no time left; `autodl score` gives them", k)
                break
            scores[k] = nauc(truth, read_prediction(self._path(k)))
            last = self.budget.now() - before
        return scores

    def _write_skipped(self, problems: Iterable[dict[str, str]]) -> None:
        """One line for everything skipped or repaired; only the header where nothing was."""
        path = self.folder / "skipped.csv"
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.writer(file)
            writer.writerow(["where", "reason"])
            writer.writerows((problem["where"], problem["reason"]) for problem in problems)


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
        _remove_run(folder)
    elif any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty and holds no run of autodl; choose another --output")


def give_back(folder: Path, there: bool, logged: int = 0) -> None:
    """Take away the log of a run that came to nothing, and the folder unless it was `there` before.

    logged: bytes of the log that are of an earlier run.
    """
    if logged:
        os.truncate(folder / "log.txt", logged)
    else:
        (folder / "log.txt").unlink(missing_ok=True)
    if not there:
        with suppress(OSError):  # somebody else's file is in it
            folder.rmdir()


def check_run_folder(folder: Path) -> None:
    """Raises UsageError where `folder` holds no run to go on with."""
    if not (folder / "predictions").is_dir():
        found = "no predictions in it" if folder.is_dir() else "nothing there"
        raise UsageError(f"{folder}: expected the folder of a run to go on with, found {found}")


def log_to(path: Path, budget: Budget) -> logging.Handler:
    """Send the agent's log to a file; each line starts with the seconds since the budget's zero."""

    class _Clocked(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return f"{budget.gone():9.3f} {super().format(record)}"

    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_Clocked("%(levelname)-7s %(message)s"))
    logger = logging.getLogger("autodl_agent")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
    return handler


def _remove_run(folder: Path) -> None:
    for name in ("predictions", "model"):
        shutil.rmtree(folder / name, ignore_errors=True)
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
