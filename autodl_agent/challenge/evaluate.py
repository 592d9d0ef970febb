"""Evaluate submissions on data sets: the ingestion and the scoring program side by side, for each pair in turn.

OUT/SUBMISSION/DATASET/ gets `predictions/` (what the ingestion leaves), `scores/` (what the scoring leaves),
`submission.log`, `ingestion.log`, `scoring.log` and `status.json`; OUT/results.csv has one line a pair, and
OUT/leaderboard.csv one a submission.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import final

from autodl_agent.challenge.leaderboard import write_leaderboard
from autodl_agent.challenge.live_scoring.scores_txt import SCORES_NAME, write_scores
from autodl_agent.challenge.parent import read_results, write_parent
from autodl_agent.challenge.prepare import Prepared, prepare
from autodl_agent.challenge.sandbox.launch import ROOT
from autodl_agent.challenge.sandbox.outcome import IngestionResult, read_result
from autodl_agent.challenge.sandbox.unpack import Submission, open_submission
from data_format.atomic import write_atomic
from data_format.raw.options import AS_FOUND, ReadOptions

SCORING_NICENESS = 10
_POLL_S = 0.1
_SCORING_ENDS_S = 120.0  # drawing and error bars, after the last prediction of a large set
_STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class EvaluateConfig:
    """The rules. budget: seconds, None for the data set's own or 1200. t0: scale of the log time axis in seconds.

    init_budget: seconds for import and constructor. grace: seconds between SIGTERM and SIGKILL. reading: of raw data.
    """

    budget: float | None = None
    t0: float = 60.0
    init_budget: float = 1200.0
    grace: float = 3.0
    api: str = "auto"
    reading: ReadOptions = AS_FOUND


@dataclass(frozen=True, slots=True)
class Curve:
    """What `scores.txt` says by now: seconds and NAUC of each prediction, and the area under the curve."""

    seconds: tuple[float, ...] = ()
    nauc: tuple[float, ...] = ()
    alc: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One submission on one data set. nauc: of the last prediction; first_s, used_s: seconds of the first and last
    one, None without any. status and message as the ingestion gives them.
    """

    submission: str
    dataset: str
    alc: float
    nauc: float | None
    first_s: float | None
    used_s: float | None
    predictions: int
    status: str
    message: str


class Watcher(ABC):
    """Is told how an evaluation goes on."""

    @abstractmethod
    def begin(self, submission: str, dataset: str) -> None:
        """A run begins."""

    @abstractmethod
    def update(self, submission: str, dataset: str, curve: Curve) -> None:
        """The curve has changed."""

    @abstractmethod
    def end(self, row: Row) -> None:
        """A run has ended."""


@final
class SilentWatcher(Watcher):
    """Shows nothing."""

    def begin(self, submission: str, dataset: str) -> None:
        """Nothing to do."""

    def update(self, submission: str, dataset: str, curve: Curve) -> None:
        """Nothing to do."""

    def end(self, row: Row) -> None:
        """Nothing to do."""


def evaluate(
    submissions: Sequence[Path],
    datasets: Sequence[Path],
    output: Path,
    config: EvaluateConfig,
    watcher: Watcher | None = None,
    parent_layout: Path | None = None,
) -> list[Row]:
    """Run every submission (folder or zip) on every data set; gives one row a pair, in the order of running.

    parent_layout: where to write the folders of the challenge's parent scoring program. Raises UsageError, DataError
    or OSError for a submission or data set that cannot be opened, before anything runs.
    """
    watcher = watcher or SilentWatcher()
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="autodl_", ignore_cleanup_errors=True) as scratch:
        codes = [open_submission(path, Path(scratch) / f"code{i}") for i, path in enumerate(submissions)]
        sets = [
            prepare(path, Path(scratch) / f"set{i}", output / "datasets", config.reading)
            for i, path in enumerate(datasets)
        ]
        names = distinct([code.name for code in codes]), distinct([task.name for task in sets])
        rows = []
        for code, code_name in zip(codes, names[0], strict=True):
            for task, task_name in zip(sets, names[1], strict=True):
                watcher.begin(code_name, task_name)
                folder = output / code_name / task_name
                row = _run_pair(code, task, folder, config, (code_name, task_name), watcher)
                rows.append(row)
                watcher.end(row)
                write_tables(rows, output)
    if parent_layout is not None:
        _write_parent_layout(rows, output, parent_layout)
    return rows


def scores_of(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """ALC by submission and data set."""
    scores: dict[str, dict[str, float]] = {}
    for row in rows:
        scores.setdefault(row.submission, {})[row.dataset] = row.alc
    return scores


def write_tables(rows: Sequence[Row], output: Path) -> None:
    """Write results.csv, and leaderboard.csv for several submissions."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    writer.writerows(["" if value is None else value for value in astuple(row)] for row in rows)
    write_atomic(output / "results.csv", text.getvalue().encode("utf-8", "surrogateescape"))
    if len(scores_of(rows)) > 1:
        write_leaderboard(output / "leaderboard.csv", scores_of(rows))


def read_curve(scores: Path) -> Curve:
    """The curve in a score folder, empty where there is none (yet)."""
    try:
        lines = (scores / SCORES_NAME).read_text(encoding="utf-8").splitlines()
        values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        seconds, nauc = json.loads(values["timestamps"]), json.loads(values["nauc_scores"])
        return Curve(tuple(map(float, seconds)), tuple(map(float, nauc)), float(values["score"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Curve()


def _run_pair(
    code: Submission, task: Prepared, folder: Path, config: EvaluateConfig, names: tuple[str, str], watcher: Watcher
) -> Row:
    """One submission on one data set, from nothing to a row."""
    if folder.exists():
        shutil.rmtree(folder)
    predictions, scores, status = folder / "predictions", folder / "scores", folder / "status.json"
    predictions.mkdir(parents=True)
    with ExitStack() as stack:
        ingestion = _start(stack, "ingestion", _ingestion_flags(code, task, predictions, status, config), folder)
        scoring = _start(stack, "scoring", _scoring_flags(task, predictions, scores, config), folder)
        latest = Curve()
        while ingestion.poll() is None:
            latest = _tell(scores, latest, names, watcher)
            time.sleep(_POLL_S)
        if ingestion.returncode != 0:  # no run has begun: nothing will ever come
            scoring.terminate()
        _await(scoring, scores, latest, names, watcher)
    result = _result(status, task.name, folder, ingestion.returncode)
    if result.mended or scoring.returncode != 0:
        # It may have seen files that were not the ingestion's, or have been ended with the submission's doings.
        with ExitStack() as stack:
            again = _start(stack, "scoring", _scoring_flags(task, predictions, scores, config, timeout=1.0), folder)
            _await(again, scores, Curve(), names, watcher)
    if not (scores / SCORES_NAME).is_file():
        scores.mkdir(parents=True, exist_ok=True)
        write_scores(scores, None)
    curve = read_curve(scores)
    first, last = (curve.seconds[0], curve.seconds[-1]) if curve.seconds else (None, None)
    nauc = curve.nauc[-1] if curve.nauc else None
    line = result.line().partition(": ")[2]
    return Row(*names, curve.alc, nauc, first, last, len(curve.seconds), result.status, line)


def _ingestion_flags(
    code: Submission, task: Prepared, predictions: Path, status: Path, config: EvaluateConfig
) -> list[str]:
    flags = [
        f"--dataset_dir={task.input_dir}",
        f"--code_dir={code.folder}",
        f"--output_dir={predictions.absolute()}",
        f"--status_file={status.absolute()}",
        f"--init_budget={config.init_budget}",
        f"--grace={config.grace}",
        f"--api={config.api}",
    ]
    return flags if config.budget is None else [*flags, f"--time_budget={config.budget}"]


def _scoring_flags(
    task: Prepared, predictions: Path, scores: Path, config: EvaluateConfig, timeout: float | None = None
) -> list[str]:
    return [
        f"--solution_dir={task.solution_dir}",
        f"--prediction_dir={predictions.absolute()}",
        f"--score_dir={scores.absolute()}",
        f"--t0={config.t0}",
        f"--start_timeout={timeout or config.init_budget + 1800}",
    ]


def _start(stack: ExitStack, program: str, flags: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    """Start one of the two programs; when the stack closes it is ended, if it has not ended by then."""
    prints = stack.enter_context((folder / f"{program}.log").open("wb"))
    submission = prints
    if program == "ingestion":
        submission = stack.enter_context((folder / "submission.log").open("wb"))
    process = subprocess.Popen(
        [sys.executable, "-m", f"autodl_agent.challenge.{program}", *flags],
        stdin=subprocess.DEVNULL,
        stdout=submission,
        stderr=prints,
        cwd=ROOT,
    )
    if program == "scoring":  # drawing curves must not take the cores from what it measures
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, SCORING_NICENESS)
    stack.callback(_end, process)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM, on which both programs finish in good order, then SIGKILL."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(
    scoring: "subprocess.Popen[bytes]", scores: Path, latest: Curve, names: tuple[str, str], watcher: Watcher
) -> None:
    deadline = time.monotonic() + _SCORING_ENDS_S
    while scoring.poll() is None and time.monotonic() < deadline:
        latest = _tell(scores, latest, names, watcher)
        time.sleep(_POLL_S)
    _end(scoring)
    _tell(scores, latest, names, watcher)


def _tell(scores: Path, latest: Curve, names: tuple[str, str], watcher: Watcher) -> Curve:
    curve = read_curve(scores)
    if len(curve.seconds) > len(latest.seconds):
        watcher.update(*names, curve)
        return curve
    return latest


def _result(status: Path, name: str, folder: Path, code: int) -> IngestionResult:
    """The ingestion's result; where it left none, its last words. code: its exit status, negative for a signal."""
    try:
        return read_result(status)
    except (OSError, ValueError, TypeError, KeyError):
        pass
    if code < 0:
        return IngestionResult(name, "stopped", f"the ingestion program was killed by signal {-code}", (), 0.0, 0.0)
    lines = (folder / "ingestion.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return IngestionResult(name, "bad_data", lines[-1] if lines else "the ingestion program ended early", (), 0.0, 0.0)


def distinct(names: Sequence[str]) -> list[str]:
    """The names, with -2, -3 … behind those that came before or mean a folder of ours."""
    found: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in found or candidate == "datasets":
            number += 1
            candidate = f"{name}-{number}"
        found.append(candidate)
    return found


def _write_parent_layout(rows: Sequence[Row], output: Path, target: Path) -> None:
    """`input/res_2 …` with the score folders and `output/` with the parent's; a folder for each of several
    submissions.
    """
    names = list(scores_of(rows))
    for name in names:
        folder = target / name if len(names) > 1 else target
        mine = [row for row in rows if row.submission == name]
        for i, row in enumerate(mine, 2):
            shutil.copytree(output / name / row.dataset / "scores", folder / "input" / f"res_{i}", dirs_exist_ok=True)
        write_parent(folder / "output", read_results(folder / "input", len(mine)))
