"""A run on one page: from a data set and a budget to a folder of predictions. Start reading here.

run                  this page: folder, log, clock, and the end in time
RunLifecycle         waits for the rounds, then writes the last files
EngineThread         open_dataset -> Task -> RunFolder -> RunContext -> rounds -> predictions on disk
RunContext           the worker, the tensor store, the learners of the domain
engine.rounds        policy -> slice of a learner -> held-out rows -> ensemble -> Round
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from autodl_agent.engine.policy import planner
from autodl_agent.engine.rounds import Choose
from autodl_agent.learners.registry import check_learner_names
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.engine_thread import EngineThread, Watcher
from autodl_agent.runs.folder import discard_run, log_to, prepare_folder, restore_log
from autodl_agent.runs.lifecycle import RunLifecycle
from autodl_agent.runs.report.writer import Reporter
from autodl_agent.runs.result import RunResult
from autodl_agent.runs.resume import PreviousRun
from autodl_agent.system.clock import Budget
from autodl_agent.system.resources import limit_blas_threads
from data_format.dataset import Dataset


def run(
    dataset: Path | Dataset,
    output: Path,
    config: RunConfig | None = None,
    budget: Budget | None = None,
    choose: Choose = planner.choose,
    watch: Watcher = lambda task, played, written: None,
    previous: PreviousRun | None = None,
) -> RunResult:
    """Train and predict within the budget; the output folder is complete when this returns.

    dataset: where it lies, or one that is open already. previous: the run in `output` to go on from; `budget` is then
    one after its time (`Budget.after`).
    watch: called in the engine's thread after every round with the time of its prediction, if it made one.
    Raises DataError for unusable data, UsageError for an unusable output folder. KeyboardInterrupt (and whatever a
    signal handler raises) is raised again after the results so far have been completed.
    """
    config = config or RunConfig()
    check_learner_names(config.learners)
    budget, existed = budget or Budget.from_now(config.budget_s), output.exists()
    if previous is None:
        prepare_folder(output, config.overwrite)
    elif previous.seed is not None:
        config = replace(config, seed=previous.seed)  # the same rows are held out
    limit_blas_threads()
    engine = EngineThread(dataset, output, config, budget, choose, watch, previous)
    lifecycle = RunLifecycle(engine, Reporter(output, budget, engine.report_data))
    with _undone_if_empty(engine, existed), _logged(output, budget):
        lifecycle.start()
        try:
            return _run_to_its_end(lifecycle)
        finally:
            lifecycle.close()


def _run_to_its_end(lifecycle: RunLifecycle) -> RunResult:
    """Wait and complete; an interrupt is raised again when the files are written, a second one at once."""
    interrupted = lifecycle.wait()
    try:
        result = lifecycle.complete(interrupted)
    except (KeyboardInterrupt, SystemExit) as error:
        if interrupted is not None:
            raise
        interrupted = error
        result = lifecycle.complete(error)
    if interrupted is not None:
        raise interrupted
    return result


@contextmanager
def _logged(folder: Path, budget: Budget) -> Iterator[None]:
    logger = logging.getLogger("autodl_agent")
    level, propagate = logger.level, logger.propagate
    handler = log_to(folder / "log.txt", budget)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def _undone_if_empty(engine: EngineThread, existed: bool) -> Iterator[None]:
    """Leave nothing of a run that produced no prediction: the next try may take the same folder.

    existed: whether the folder did before.
    """
    log_file = engine.folder / "log.txt"
    logged_bytes = log_file.stat().st_size if log_file.exists() else 0
    try:
        yield
    finally:
        if engine.previous is not None:
            engine.previous.close()
            if engine.out is None:
                restore_log(engine.folder, logged_bytes)
        elif not engine.has_prediction:
            discard_run(engine.folder, existed)
