"""The challenge's scoring program: `python -m autodl_agent.challenge.scoring`, beside an ingestion or after it.

It waits for `start.txt`, scores predictions as they appear, shows the curve while the run goes on, ends a run that
exceeds its budget, and leaves `scores.txt`, `learning-curve-NAME.png` and `detailed_results.html`. Flags, folders and
files are those of the public program, so either can stand in for the other. `scores.txt` is always there.

Exit codes: 0 whatever became of the submission; 1 where no run began in time; 2 for misuse (flags, no solution).
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from autodl_agent.challenge.live_scoring.ingestion_process import end_ingestion, find_ingestion
from autodl_agent.challenge.live_scoring.output import Board
from autodl_agent.challenge.live_scoring.scores_txt import write_scores
from autodl_agent.challenge.live_scoring.watch import RunWatch
from autodl_agent.scoring.accuracy import is_one_hot
from autodl_agent.scoring.alc import T0_S
from autodl_agent.scoring.report import ScoreReport, find_solution
from autodl_agent.scoring.scorer import PredictionScorer
from autodl_agent.system.process_identity import ProcessIdentity, is_alive
from data_format.errors import DataError

EXIT_NOT_STARTED, EXIT_MISUSE = 1, 2
_DEFAULT_BUDGET_S = 1200.0
# start.txt is rewritten and removed by the ingestion beside us; an end.txt alone must have stood for a moment.
_END_WITHOUT_START_S = 1.0


@dataclass(frozen=True, slots=True)
class ScoringConfig:
    """What to score, and how long to wait for what.

    solution_dir: the folder of one NAME.solution, or that file. time_budget: seconds, None for that of `start.txt`.
    t0: scale of the log time axis in seconds. start_timeout_s: wait for `start.txt`. poll_s: between two looks.
    end_grace_s: wait for `end.txt` after the budget, before the ingestion is ended. kill_grace_s: from SIGTERM to
    SIGKILL. seed: of the error bars.
    """

    solution_dir: Path
    prediction_dir: Path
    score_dir: Path
    time_budget: float | None = None
    t0: float = T0_S
    start_timeout_s: float = 1800.0
    poll_s: float = 0.1
    end_grace_s: float = 10.0
    kill_grace_s: float = 10.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ScoringResult:
    """What came of it.

    started: whether a run began, or at least failed to. report: None where there is nothing to score. success: as
    `end.txt` says, None where it does not. messages: one line each, on the run as a whole (those on single
    predictions are in the report).
    """

    started: bool
    report: ScoreReport | None
    success: bool | None
    messages: tuple[str, ...]


def run_scoring(config: ScoringConfig, stop: threading.Event | None = None, log: TextIO | None = None) -> ScoringResult:
    """Score one run from its beginning to its end.

    stop: once set, waiting ends and what is there is scored; the ingestion is left alone. log: where lines on the
    progress go. Raises DataError where the solution is missing or damaged, OSError where nothing can be written; for
    the former a `scores.txt` with score 0 is left.
    """
    config.score_dir.mkdir(parents=True, exist_ok=True)
    # From here on there is a score, whatever happens to this program.
    write_scores(config.score_dir, None)
    judge = PredictionScorer(find_solution(config.solution_dir), config.seed)
    board = Board(config.score_dir, judge.task, is_one_hot(judge.truth), config.t0, log)
    board.wait()
    return _Life(config, RunWatch(config.prediction_dir, judge), board, stop or threading.Event()).live()


class _Life:
    """One run of the scoring program."""

    def __init__(self, config: ScoringConfig, watch: RunWatch, board: Board, stop: threading.Event) -> None:
        self.config, self.watch, self.board, self.stop = config, watch, board, stop
        self.ingestion: ProcessIdentity | None = None

    def live(self) -> ScoringResult:
        """Wait, watch, and finish."""
        if not self._await_start() or (start := self.watch.start) is None:
            return self._without_start()
        # A run of long ago has no process; its number may be anybody's by now.
        if self.watch.end() is None and time.time() < self._deadline():
            self.ingestion = find_ingestion(start.ingestion_pid, start.start_time)
        self._watch()
        return self._finish()

    def _await_start(self) -> bool:
        """Whether there is a usable start.txt: in time, and before an end.txt says that it will never come."""
        deadline = time.monotonic() + self.config.start_timeout_s
        while not self.watch.begun():
            if self.watch.end() is not None:
                deadline = min(deadline, time.monotonic() + _END_WITHOUT_START_S)
            if time.monotonic() >= deadline or self.stop.wait(self.config.poll_s):
                return self.watch.begun()
        return True

    def _without_start(self) -> ScoringResult:
        end = self.watch.end()
        if end is not None:
            reason = "there is an end.txt, the ingestion failed before the run began"
        elif self.stop.is_set():
            reason = "scoring was stopped"
        else:
            reason = f"waited {self.config.start_timeout_s:g} s"
        self.board.say(f"no run to score ({reason}): {self.watch.start_problem()}")
        self.board.close(None, self.config.time_budget or _DEFAULT_BUDGET_S, bars=True)
        return ScoringResult(end is not None, None, end.success if end else None, tuple(self.board.messages))

    def _watch(self) -> None:
        """Score what appears until the run ends: by end.txt, by its budget, or because its process is gone."""
        while self.watch.end() is None and not self.stop.is_set():
            self._show()
            if time.time() >= self._deadline() and self._is_still_over():
                self._end_overrun()
                return
            if self.ingestion is not None and not is_alive(self.ingestion):
                # It may have written end.txt as its last act, after our look.
                self._await_end(1.0)
                if self.watch.end() is None:
                    self.board.say("the ingestion process ended without writing end.txt")
                return
            self.stop.wait(self.config.poll_s)

    def _show(self) -> None:
        changed = self.watch.look()
        with suppress(DataError):  # an impossible budget is told once, at the end
            report = self.watch.report(self.config.time_budget, self.config.t0)
            if report is not None:
                self.board.show(report, changed)

    def _deadline(self) -> float:
        """When the run is over, seconds since 1970; start.txt may have been replaced by that of another run."""
        start = self.watch.start
        if start is None:
            return float("inf")
        return start.start_time + (start.time_budget if self.config.time_budget is None else self.config.time_budget)

    def _is_still_over(self) -> bool:
        """A second look at the deadline: the public ingestion rewrites start.txt in place, and half of it may lie."""
        self.stop.wait(self.config.poll_s)
        self._show()
        return time.time() >= self._deadline()

    def _await_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.watch.end() is None and time.monotonic() < deadline and not self.stop.wait(self.config.poll_s):
            continue

    def _end_overrun(self) -> None:
        """The budget is used: give the ingestion a moment to end by itself, then end it if it is ours to end."""
        if self.ingestion is None:
            # Nobody to end: a run of long ago, or one on another machine, which cannot add anything that counts.
            if self.watch.end() is None:
                self.board.say(
                    "the budget is over and there is no end.txt; no ingestion process of this machine is known"
                )
            return
        self._await_end(self.config.end_grace_s)
        if self.watch.end() is not None or self.stop.is_set():
            return
        gone = end_ingestion(self.ingestion, self.config.kill_grace_s)
        self.board.say(
            f"the ingestion (process {self.ingestion.pid}) exceeded the budget and was ended"
            if gone
            else f"the ingestion (process {self.ingestion.pid}) exceeded the budget and could not be ended"
        )

    def _finish(self) -> ScoringResult:
        """The last look, then the error bars; `scores.txt` is up to date before they are computed."""
        self.watch.look(last=True)
        end = self.watch.end()
        if end is not None and end.success is False:
            self.board.say("the ingestion failed (end.txt: ingestion_success is 0); predictions made before it count")
        # Only now: while the run goes on, a time without its file is the usual order of events.
        for doubt in self.watch.doubts():
            self.board.say(doubt)
        report, budget = None, _DEFAULT_BUDGET_S
        try:
            report = self.watch.report(self.config.time_budget, self.config.t0)
            if report is not None:
                # Error bars of a large test set take a while, and somebody may end this program meanwhile.
                write_scores(self.board.folder, report, is_one_hot(self.watch.judge.truth))
                report = self.watch.report(self.config.time_budget, self.config.t0, bars=True)
                budget = report.budget if report else budget
        except DataError as error:
            self.board.say(f"the run cannot be scored: {error}")
        self.board.close(report, budget, bars=True)
        return ScoringResult(True, report, end.success if end else None, tuple(self.board.messages))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    config = _parse(arguments)
    stop = threading.Event()
    before = {n: signal.signal(n, lambda *_: stop.set()) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        result = run_scoring(config, stop, sys.stderr)
    except (DataError, OSError) as error:
        print(f"scoring: {error}".replace("\n", " "), file=sys.stderr)
        return EXIT_MISUSE
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0 if result.started else EXIT_NOT_STARTED


def _parse(arguments: Sequence[str] | None) -> ScoringConfig:
    parser = argparse.ArgumentParser(
        prog="python -m autodl_agent.challenge.scoring",
        description="Score a run of the challenge's ingestion program, while it goes on or afterwards.",
        allow_abbrev=False,
    )
    names = {
        "solution_dir": ("AutoDL_sample_data", "folder of NAME.solution"),
        "prediction_dir": ("AutoDL_sample_result_submission", "folder of start.txt and NAME.predict_k"),
        "score_dir": ("AutoDL_scoring_output", "folder for scores.txt, the picture and the page; made if missing"),
    }
    for name, (folder, text) in names.items():
        parser.add_argument(f"--{name}", f"-{name}", type=Path, default=Path.cwd() / folder, help=f"{text} [{folder}]")
    numbers = {
        "time_budget": (None, "T in seconds [that of start.txt]"),
        "t0": (T0_S, "scale of the log time axis in seconds; 300 for early AutoCV [60]"),
        "start_timeout": (1800.0, "seconds to wait for start.txt [1800]"),
        "end_grace": (10.0, "seconds to wait for end.txt after the budget, before the ingestion is ended [10]"),
    }
    for name, (default, text) in numbers.items():
        parser.add_argument(f"--{name}", f"-{name}", type=_positive, default=default, metavar="SECONDS", help=text)
    parser.add_argument("--seed", "-seed", type=int, default=0, help="of the error bars [0]")
    found = parser.parse_args(arguments)
    solution_dir, prediction_dir = _codalab(found.solution_dir, found.prediction_dir)
    return ScoringConfig(
        solution_dir,
        prediction_dir,
        found.score_dir,
        found.time_budget,
        found.t0,
        found.start_timeout,
        end_grace_s=found.end_grace,
        seed=found.seed,
    )


def _codalab(solution_dir: Path, prediction_dir: Path) -> tuple[Path, Path]:
    """CodaLab may name one input folder for both, and put the truth in its ref/ and the predictions in its res/."""
    if solution_dir.parts[-2:] == ("run", "input") and (solution_dir / "ref").is_dir():
        solution_dir = solution_dir / "ref"
    if prediction_dir.parts[-2:] == ("run", "input") and (prediction_dir / "res").is_dir():
        prediction_dir = prediction_dir / "res"
    return solution_dir, prediction_dir


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds above 0, found {text}")
    return value


if __name__ == "__main__":
    # A submission may run on the same processors; it comes first.
    os.nice(5)
    sys.exit(main())
