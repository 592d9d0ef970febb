"""One run as a process of its own, watched from outside, and what is to be said about it afterwards."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.benchmark.environment import benchmark_environment
from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult
from autodl_agent.scoring.alc import LearningCurve
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.process_memory import MemoryPeak
from autodl_agent.system.processes import TaggedProcesses, kill, wait_until_gone
from data_format import open_dataset
from data_format.errors import DataError
from data_format.predictions import list_predictions, read_prediction

ROOT = Path(__file__).resolve().parents[2]
HANGS_S = 10.0  # beyond the budget: then it is ended
GRACE_S = 1.0  # after its end, for processes of its own that notice it
_SAMPLE_S = 0.1
_KEPT = ("run.json", "log.txt", "report.html")


@dataclass(frozen=True)
class ProcessOutcome:
    """How the process ended. code: its exit code, negative for a signal. wall_s: from launch until it was gone.

    launched: seconds since 1970. hung: it had to be killed. left: number of processes that outlived it by a second, and
    of files in its folder for temporary files.
    """

    code: int
    launched: float
    wall_s: float
    hung: bool
    peak: MemoryPeak
    left: tuple[int, int]
    stderr: str


def run_job(job: Job, stop: threading.Event | None = None, keep: Path | None = None) -> BenchmarkResult | None:
    """Run a job and measure it; None when `stop` was set while it ran. Whatever fails is in the record.

    keep: a folder that gets a folder with the small files of the run.
    """
    stop = stop or threading.Event()
    truth, problem = truth_of(job.path)  # before the run: like this the files are in memory for every seed
    with tempfile.TemporaryDirectory(prefix="autodl-benchmark-", ignore_cleanup_errors=True) as scratch:
        out = Path(scratch) / "out"
        ended = watch(command_of(job, out), job.budget + HANGS_S, Path(scratch), stop)
        if ended is None:
            return None
        if keep is not None:
            keep_files(out, keep / folder_name(job))
        return _measured(job, ended, out, truth, problem)


def folder_name(job: Job) -> str:
    """A folder's name for the run of a job, unlike that of another job."""
    parts = [job.name, f"{job.budget:g}s", f"seed{job.seed}", job.variant_name]
    return re.sub(r"[^\w.+-]+", "-", "_".join(filter(None, parts)))


def keep_files(out: Path, folder: Path) -> None:
    """Copy what tells of a run: what it did round by round, its log and its report, as far as they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _KEPT:
        if (out / name).is_file():
            shutil.copy2(out / name, folder / name)


def command_of(job: Job, out: Path) -> list[str]:
    """The command line of the job."""
    command = [*_launcher(), "run", job.path, "--budget", f"{job.budget:g}", "--seed", str(job.seed), "--quiet"]
    if job.learners:
        command += ["--learners", ",".join(job.learners)]
    if job.policy != "policy":
        command += ["--policy", job.policy]
    if job.memory:
        command += ["--memory", job.memory]
    return [*command, "--output", str(out)]


def watch(
    command: list[str],
    limit_s: float,
    scratch: Path,
    stop: threading.Event,
    more_environment: dict[str, str] | None = None,
) -> ProcessOutcome | None:
    """Start a command in a session of its own, look after it and end it after `limit_s`; None when `stop` was set.

    scratch: an existing folder, for its temporary files and what it prints. No process of it is left.
    """
    marked, temporary = TaggedProcesses("AUTODL_BENCHMARK_JOB"), scratch / "tmp"
    temporary.mkdir()
    environment = {**os.environ, **(more_environment or {}), **marked.environment, "TMPDIR": str(temporary)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), str(ROOT)]))
    peak, hung, gone = MemoryPeak(marked.members_among_new), False, [0.0]
    with (scratch / "stderr").open("wb") as stderr:
        launched, zero = time.time(), time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=environment,
            start_new_session=True,
        )
    marked.group = process.pid

    def wait() -> None:  # in a thread of its own, since waiting with a time limit polls and would be late
        process.wait()
        gone[0] = time.monotonic() - zero

    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    try:
        while waiter.is_alive() and not stop.is_set() and not hung:
            peak.sample()
            waiter.join(_SAMPLE_S)
            hung = waiter.is_alive() and time.monotonic() - zero > limit_s
        alive = waiter.is_alive()
        orphans = [] if alive or stop.is_set() else wait_until_gone(marked, GRACE_S)
    finally:
        kill(marked)
    waiter.join()
    if alive and not hung:
        return None
    left = len(orphans), sum(path.is_file() for path in temporary.rglob("*"))
    words = (scratch / "stderr").read_bytes()[-100_000:].decode("utf-8", "replace")
    return ProcessOutcome(process.returncode, launched, gone[0], hung, peak, left, words)


@lru_cache(maxsize=64)
def truth_of(path: str) -> tuple[NDArray[np.float32] | None, str]:
    """The truth of a data set's test rows or None, and what is wrong with it or an empty text."""
    try:
        return open_dataset(path).truth(), ""
    except (DataError, OSError) as error:
        return None, str(error)


def _launcher() -> list[str]:
    """What users call; from a checkout that was never installed, the same as a module."""
    installed = Path(sys.executable).with_name("autodl")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "autodl_agent.commands"]


def _measured(
    job: Job, ended: ProcessOutcome, out: Path, truth: NDArray[np.float32] | None, problem: str
) -> BenchmarkResult:
    times, scores, first, bad = _curve(out / "predictions", ended.launched, truth)
    facts = _facts(out / "run.json")
    values: dict[str, float | None] = dict.fromkeys(("nauc", "alc", "drop"))
    if truth is not None:
        curve = LearningCurve.of(times, scores, job.budget)
        in_time = [score for moment, score in zip(times, scores, strict=True) if moment <= job.budget]
        falls = np.maximum.accumulate(in_time) - in_time if in_time else np.zeros(1)
        values = {"nauc": curve.get_final_score(), "alc": curve.get_alc(), "drop": float(falls.max())}
    return BenchmarkResult(
        job=job,
        exit=ended.code,
        wall=round(ended.wall_s, 3),
        predictions=len(times),
        first=None if first is None else round(first, 3),
        **values,
        peak_mb=round(ended.peak.pss / 2**20, 1),
        peak_rss_mb=round(ended.peak.rss / 2**20, 1),
        failure=_failure(ended, out, len(times), bad, problem),
        processes_left=ended.left[0],
        files_left=ended.left[1],
        ended_because=str(facts.get("ended_because", "")),
        benched={r["learner"]: r["error"] for r in facts.get("rounds", ()) if r.get("error")},
        curve=tuple((round(t, 3), round(s, 5)) for t, s in zip(times, scores, strict=True))
        if truth is not None
        else (),
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ended.launched)),
        environment=benchmark_environment(),
    )


def _curve(
    folder: Path, launched: float, truth: NDArray[np.float32] | None
) -> tuple[list[float], list[float], float | None, str]:
    """Seconds since launch and NAUC (0 without truth) of each prediction, when the first real one came, a complaint."""
    times: list[float] = []
    scores: list[float] = []
    first, bad = None, ""
    for _, path in list_predictions(folder) if folder.is_dir() else ():
        try:
            prediction, moment = read_prediction(path), path.stat().st_mtime - launched
            score = 0.0 if truth is None else nauc(truth, prediction)
        except (DataError, OSError) as error:
            bad = str(error)
            continue
        times.append(moment)
        scores.append(score)
        if first is None and not (prediction == prediction[:1]).all():
            first = moment
    return times, scores, first, bad


def _failure(ended: ProcessOutcome, out: Path, predictions: int, bad: str, problem: str) -> str:
    """What went wrong in one line, with the last words of the run; empty where nothing did."""
    words = _last_line(ended.stderr) or _last_line(_text(out / "log.txt"))
    if ended.hung:
        return f"hung and was killed after {ended.wall_s:.1f} s: {words}"
    if ended.code < 0:
        return f"killed by {signal.Signals(-ended.code).name}: {words}"
    if ended.code:
        return f"exit code {ended.code}: {words}"
    if not predictions:
        return f"no prediction: {words}"
    return f"bad prediction: {bad}" if bad else f"no truth: {problem}" if problem else ""


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip()[:500] if lines else "no last words"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
