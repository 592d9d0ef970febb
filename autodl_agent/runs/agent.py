"""The whole way on one page: open the data, make the task, play rounds, keep a prediction on disk, end in time.

The rounds run in a thread of their own. The calling thread only watches the clock, so that nothing a reader or a
learner does, however long, can hold the program beyond its budget.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.domain import make_task
from autodl_agent.data.inspection.task_warnings import task_notes
from autodl_agent.data.task import Domain, Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.engine.policy import planner
from autodl_agent.engine.rounds import Choose, Round, rounds
from autodl_agent.engine.worker.factory import start_worker
from autodl_agent.learners.registry import check_learner_names, learners_for
from autodl_agent.runs.config import MEMORY_SHARE, RunConfig
from autodl_agent.runs.csv_files import Thresholds
from autodl_agent.runs.finalizer import FinalFilesWriter
from autodl_agent.runs.folder import RunFolder, log_to, prepare_folder, remove_run, restore_log
from autodl_agent.runs.manifest import run_manifest
from autodl_agent.runs.model.checkpointer import Checkpointer
from autodl_agent.runs.model.save import exported_thresholds
from autodl_agent.runs.report.report_data import ReportData
from autodl_agent.runs.report.writer import Reporter
from autodl_agent.runs.resume import PreviousRun
from autodl_agent.system.clock import Budget, Deadline
from autodl_agent.system.errors import AutoDLError, UsageError
from autodl_agent.system.resources import limit_blas_threads, memory_limit_bytes
from data_format import open_dataset
from data_format.dataset import Dataset, Problem
from data_format.errors import DataError
from data_format.input_spec import Inputs

if TYPE_CHECKING:
    from autodl_agent.engine.worker.client import WorkerClient

log = logging.getLogger(__name__)
LAST_CALL_S = 0.05  # before the end: no prediction that starts to be written now would arrive in time
TICK_S = 0.2
INTERRUPTED_S, AT_THE_END_S = 1.0, (0.8, 5.0)  # that the last files may take; least and most
PERFECT = 0.99995
SAVING_S = 0.6  # after the end, for the model, whose saving begins earlier where it takes long
FILES_SHARE = 0.5  # of the seconds after the end, for predictions.csv and the curve on the test rows
MOST_FILES_S = 10.0  # that they may take of a budget that is not used up
GRACE_S = 1.2  # after the end, for data so slow to open that not even the prior is on disk


@dataclass
class RunResult:
    """What came of a run: its folder, the rounds played, seconds used, and why it ended.

    curve: a dict a prediction with its `time` in seconds, `held_out_nauc` and, where the truth is known, `test_nauc`.
    """

    folder: Path
    n_predictions: int = 0
    seconds: float = 0.0
    held_out_nauc: float | None = None
    reason: str = ""
    rounds: list[Round] = field(default_factory=list)
    curve: list[dict[str, float | None]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def test_curve(self) -> list[tuple[float, float]]:
        """(seconds, NAUC on the test rows) of every prediction, empty where their truth is not known."""
        scores = [(point["time"], point.get("test_nauc")) for point in self.curve]
        return [(seconds, score) for seconds, score in scores if seconds is not None and score is not None]


Watcher = Callable[[Task, Round, float | None], None]


class _Engine(threading.Thread):
    """Opens the data and plays the rounds; everything it achieved stays readable from outside at any moment."""

    def __init__(
        self,
        data: Path | Dataset,
        folder: Path,
        config: RunConfig,
        budget: Budget,
        choose: Choose,
        watch: Watcher,
        earlier: PreviousRun | None,
    ) -> None:
        super().__init__(name="engine", daemon=True)
        self.data, self.folder, self.config, self.budget = data, folder, config, budget
        self.choose, self.watch, self.earlier = choose, watch, earlier
        self.out: RunFolder | None = None
        self.dataset: Dataset | None = None
        self.store: TensorStore | None = None
        self.checkpointer: Checkpointer | None = None
        self.lane: WorkerClient | None = None
        self.files: FinalFilesWriter | None = None
        self.rounds: list[Round] = []
        self.error: BaseException | None = None
        self.ended_s: float | None = None
        self.finished = threading.Event()
        self.abandoned = False

    def run(self) -> None:
        """Thread body: an error of the data ends the run, one of a learner never comes here."""
        try:
            self._work()
        except BaseException as error:
            self.error = error
        finally:
            self.ended_s = self.budget.elapsed()
            self.finished.set()

    @property
    def early_s(self) -> float:
        """Seconds before the end of the budget at which no more predictions may come, so that all files are written."""
        out, checkpointer = self.out, self.checkpointer
        return max(out.early_s if out else 0.0, checkpointer.early_s if checkpointer else 0.0)

    def tick(self) -> None:
        """What the waiting thread does now and then."""
        if self.checkpointer:
            self.checkpointer.catch_up()

    def close(self) -> None:
        """End whatever is still under way, and take away what only a run needs."""
        self.abandoned = True
        if self.out:
            self.out.stop()
        if self.lane:
            self.lane.close()
        if self.checkpointer:
            self.checkpointer.abandon()
        if self.store:
            self.store.close()

    def scene(self, ended: str = "") -> ReportData | None:
        """The run as it is now, for the report; None before there is a prediction. ended: why it is over."""
        if self.out is None or self.store is None or self.checkpointer is None or not self.out.curve:
            return None
        curve, played = tuple(self.out.curve), tuple(self.rounds)
        gone, seed = min(self.budget.elapsed(), self.ended_s or self.budget.total_s), self.config.seed
        return ReportData(self.store, self.budget, seed, gone, curve, played, self.checkpointer.newest, ended)

    def _work(self) -> None:
        self.dataset = self.data if isinstance(self.data, Dataset) else open_dataset(self.data, self.config.reading)
        task = make_task(self.dataset, self.config.seed)
        if self.earlier is not None:
            task = self.earlier.with_levels_of(self.earlier.check(task))
        log.info("%s: %s data (%s), %d classes", task.name, task.domain, task.domain_reason, task.n_classes)
        for note in task_notes(task):
            log.info("note: %s", note)
        out = RunFolder(self.folder, self.budget, task, list(self.dataset.test.ids))
        if self.earlier is not None:
            out.check_same()  # before anything is written
        if self.abandoned:
            return
        self.out = out
        if self.earlier is None:
            self.out.open()
        else:
            self.out.resume(self.earlier.curve)
        memory = self.config.memory_bytes or int(memory_limit_bytes() * MEMORY_SHARE)
        end = Deadline(self.budget.started + self.budget.total_s, self.budget.now)
        candidates = learners_for(task.domain, self.config.learners)
        self.lane = start_worker(task, candidates, self.budget, self.config.memory_bytes)
        share = self.lane.share if self.lane else None
        self.store = store = TensorStore(self.dataset, task, end, memory, share=share)
        self.checkpointer = checkpointer = Checkpointer(
            self.folder / "model", task, self.budget, lambda: _inputs(store)
        )
        played_rounds = rounds(
            store,
            candidates,
            self.budget,
            self.choose,
            checkpointer.offer,
            self.lane,
            self.earlier,
            endless=self.config.use_all_budget,
            seed_replicas=self.config.seed_replicas,
        )
        for played in played_rounds:
            written = None
            if played.prediction is not None:
                written = self.out.add(played.prediction, played.ensemble_nauc, checkpointer.confirm)
            elif played.ensemble_nauc is not None:
                self.out.judge_last(played.ensemble_nauc)
            self.rounds.append(played)
            _log_round(played, written)
            self.watch(task, played, written)
            _check_readable(store)


def run(
    dataset: Path | Dataset,
    output: Path,
    config: RunConfig | None = None,
    budget: Budget | None = None,
    choose: Choose = planner.choose,
    watch: Watcher = lambda task, played, written: None,
    earlier: PreviousRun | None = None,
) -> RunResult:
    """Train and predict within the budget; the output folder is complete when this returns.

    dataset: where it lies, or one that is open already. earlier: the run in `output` to go on from; `budget` is then
    one after its time (`Budget.after`).
    watch: called in the engine's thread after every round with the time of its prediction, if it made one.
    Raises DataError for unusable data, UsageError for an unusable output folder. KeyboardInterrupt (and whatever a
    signal handler raises) is raised again after the results so far have been completed.
    """
    config = config or RunConfig()
    check_learner_names(config.learners)
    budget, there = budget or Budget.from_now(config.budget_s), output.exists()
    if earlier is None:
        prepare_folder(output, config.overwrite)
    elif earlier.seed is not None:
        config = replace(config, seed=earlier.seed)  # the same rows are held out
    limit_blas_threads()
    logged = (output / "log.txt").stat().st_size if (output / "log.txt").exists() else 0
    handler = log_to(output / "log.txt", budget)
    engine = _Engine(dataset, output, config, budget, choose, watch, earlier)
    reporter = Reporter(output, budget, engine.scene)
    engine.start()
    reporter.start()
    try:
        interrupted = _wait(engine)
        try:
            result = _complete(engine, interrupted, reporter)
        except (KeyboardInterrupt, SystemExit) as error:
            if interrupted is not None:
                raise
            interrupted = error
            result = _complete(engine, error, reporter)
    finally:
        reporter.abandon("stopped by an error")
        engine.close()
        logging.getLogger("autodl_agent").removeHandler(handler)
        handler.close()
        _tidy(engine, there, logged)
    if interrupted is not None:
        raise interrupted
    return result


def _tidy(engine: _Engine, there: bool, logged: int) -> None:
    """Leave nothing of a run that came to nothing. there: whether the folder was; logged: bytes its log had before."""
    if engine.earlier is not None:
        engine.earlier.close()
        if engine.out is None:
            restore_log(engine.folder, logged)
    elif not (engine.out and engine.out.curve):  # the next try may take the same folder
        remove_run(engine.folder, there)


def _wait(engine: _Engine) -> BaseException | None:
    """Until the rounds or the budget are over; what interrupted that, if anything.

    Raises DataError where there is no prediction at all some time after the end.
    """
    budget, data = engine.budget, engine.data
    try:
        while not engine.finished.is_set() and (left := budget.remaining() - LAST_CALL_S - engine.early_s) > 0:
            engine.finished.wait(min(left, TICK_S))
            engine.tick()
        while not engine.finished.is_set() and not (engine.out and engine.out.curve):
            if budget.remaining() < -GRACE_S:
                where = data.path if isinstance(data, Dataset) else data
                what = "could not be opened" if engine.out is None else "had no first prediction"
                raise DataError(f"{where}: {what} within the budget of {budget.total_s:g} s")
            engine.finished.wait(0.02)
    except (KeyboardInterrupt, SystemExit) as error:
        return error
    return None


def _complete(engine: _Engine, interrupted: BaseException | None, reporter: Reporter) -> RunResult:
    """Close the run: refuse late predictions, write the last files. May be called again when it was interrupted."""
    count = engine.out.stop() if engine.out else 0
    if engine.lane:
        engine.lane.halt()  # the cores are for the last files now
    if engine.error is not None and (count == 0 or isinstance(engine.error, DataError | AutoDLError)):
        raise engine.error
    if engine.out is None or engine.dataset is None:
        return RunResult(engine.folder, reason="interrupted")
    reason = _reason(engine, interrupted)
    played = list(engine.rounds)
    if engine.files is None:
        engine.files = _last_files(engine, interrupted, played, reason)
        engine.files.start()
    saving_s = INTERRUPTED_S if interrupted is not None else max(0.0, engine.budget.remaining()) + SAVING_S
    if engine.checkpointer:
        engine.checkpointer.finish(None if engine.config.needs_model else saving_s)
    # Whoever interrupts waits a second; the end of the budget allows a little more, a run that ended early most.
    least, most = AT_THE_END_S
    gone = engine.budget.elapsed()
    spare = INTERRUPTED_S if interrupted is not None else min(most, max(least, engine.budget.remaining()))
    until = min(gone + spare, max(gone + 0.2, engine.budget.total_s + least))
    unused = min(MOST_FILES_S, engine.budget.remaining()) if interrupted is None else 0.0
    try:
        engine.files.wait(gone + max(unused, FILES_SHARE * (until - gone)))
    except OSError as error:
        kept = f"{count} predictions written before are kept"
        raise UsageError(f"{engine.folder}: {error.strerror or error}; {kept}") from error
    reporter.finish(reason, until)
    judged = [r.ensemble_nauc for r in played if r.ensemble_nauc is not None]
    nauc = judged[-1] if judged else None
    seconds, problems = engine.budget.elapsed(), engine.dataset.problems
    return RunResult(engine.folder, count, seconds, nauc, reason, played, engine.out.curve, problems)


def _last_files(
    engine: _Engine, interrupted: BaseException | None, played: list[Round], reason: str
) -> FinalFilesWriter:
    """What the run leaves beside its predictions, ready to be written."""
    out, dataset, checkpointer = engine.out, engine.dataset, engine.checkpointer
    assert out is not None and dataset is not None
    facts = run_manifest(out.task, dataset, engine.config, engine.budget, played, reason)

    def thresholds() -> Thresholds | None:
        return exported_thresholds(checkpointer.newest) if checkpointer and checkpointer.newest else None

    return FinalFilesWriter(out, interrupted is None, facts, dataset.problems, lambda: _truth(dataset), thresholds)


def _check_readable(store: TensorStore) -> None:
    """Raise DataError when no training input at all could be read: what follows would be class frequencies."""
    bad = store.bad["train"]
    if not len(bad) or not bad.all():
        return
    ids = set(store.dataset.train.ids)
    reasons = Counter(problem.reason for problem in list(store.dataset.problems) if problem.where in ids)
    told = "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common(3))
    raise DataError(
        f"{store.dataset.path}: expected training inputs that can be read, found none of {len(bad)}: {told}"
    )


def _inputs(store: TensorStore) -> Inputs:
    return Inputs.of(store.dataset, (lambda: store.table("train")) if store.task.domain is Domain.TABULAR else None)


def _reason(engine: _Engine, interrupted: BaseException | None) -> str:
    if interrupted is not None:
        return "interrupted"
    if engine.error is not None:
        return f"error: {type(engine.error).__name__}: {engine.error}"
    if not engine.finished.is_set() or engine.budget.remaining() <= LAST_CALL_S:
        return "budget used"
    nauc = next((r.ensemble_nauc for r in reversed(engine.rounds) if r.ensemble_nauc is not None), None)
    if nauc is not None and nauc >= PERFECT:
        return "held-out NAUC is 1: nothing left to gain"
    last = {r.learner: r for r in engine.rounds}
    waiting = [name for name, r in last.items() if r.more]
    if waiting:
        return f"nothing left to gain in the time left ({', '.join(waiting)} could go on)"
    return "nothing left to gain: every learner has done its work"


def _truth(dataset: Dataset) -> NDArray[np.float32] | None:
    """The truth of the test rows, read only now; unusable truth costs the test curve, not the run."""
    try:
        return dataset.truth()
    except DataError as error:
        log.warning("no test curve: %s", error)
        return None


def _log_round(played: Round, written: float | None) -> None:
    parts: dict[str, Any] = {"learner": played.learner, "seconds": round(played.ended_s - played.started_s, 3)}
    if played.member_nauc is not None:
        parts["member"] = round(played.member_nauc, 4)
    if played.ensemble_nauc is not None:
        parts["ensemble"] = round(played.ensemble_nauc, 4)
    if written is not None:
        parts["written_at"] = round(written, 3)
    if played.error:
        parts["error"] = played.error
    log.info("round %d %s", played.number, " ".join(f"{k}={v}" for k, v in parts.items()))
