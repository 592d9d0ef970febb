"""The ingestion program: runs a submission on a data set and leaves `start.txt`, `NAME.predict_k` and `end.txt`.

    python -m autodl_agent.challenge.ingestion --dataset_dir=D --code_dir=C --output_dir=O [--time_budget=1200]

Flags, folders, files and exit codes are those of the challenge's program, with one dash or two; the deadline, the
memory and the answers are watched from another process than the submission's.
"""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import BinaryIO

from autodl_agent.challenge.api.task_folder import APIS, DEFAULT_BUDGET_S, TaskFolder, find_task
from autodl_agent.challenge.sandbox.bounded_log import BoundedLog
from autodl_agent.challenge.sandbox.outcome import IngestionResult, Outcome, write_result
from autodl_agent.challenge.sandbox.run_files import RunFiles
from autodl_agent.challenge.sandbox.supervisor import Limits, Supervisor
from autodl_agent.system.resources import memory_limit_bytes
from data_format.errors import DataError
from data_format.predictions import list_predictions

MODEL_FILE, OLD_CODE_FOLDER = "model.py", "AutoDL_sample_code_submission"
_MEMORY_SHARE = 0.9  # of what the container allows; the rest is for the supervisor and the scoring program
_FOLDERS = {
    "dataset_dir": "AutoDL_sample_data",
    "output_dir": "AutoDL_sample_result_submission",
    "ingestion_program_dir": "AutoDL_ingestion_program",
    "code_dir": "AutoDL_sample_code_submission",
    "score_dir": "AutoDL_scoring_output",
}


def run_ingestion(
    dataset_dir: Path,
    code_dir: Path,
    output_dir: Path,
    *,
    time_budget: float | None = None,
    init_budget: float = 1200.0,
    grace: float = 3.0,
    api: str = "auto",
    memory_limit: int | None = None,
    log: BinaryIO | None = None,
    watch: Callable[[int, float], None] = lambda k, seconds: None,
) -> IngestionResult:
    """Run the submission in `code_dir` on the one `*.data` of `dataset_dir`; predictions go to `output_dir`.

    time_budget: seconds, None takes the data set's own or 1200. memory_limit: bytes, None = nine tenths of what the
    container allows. log: gets the beginning and the end of what the submission prints. watch: called with number and
    seconds of every prediction. Files of an earlier run in `output_dir` are removed. While it runs, the calling
    process must start no other processes, and signals SIGTERM and SIGINT end the run in good order.
    Raises DataError for a data set that is none (nothing is written then), OSError for a folder that cannot be written.
    """
    began = time.monotonic()
    task = find_task(Path(dataset_dir).absolute(), api)
    if time_budget is None:
        time_budget = task.time_budget or DEFAULT_BUDGET_S
    limit = memory_limit if memory_limit is not None else int(memory_limit_bytes() * _MEMORY_SHARE)
    files = RunFiles(Path(output_dir), task.name)
    prints = BoundedLog(log)
    limits = Limits(time_budget, init_budget, grace, limit)
    supervisor = Supervisor(task, Path(code_dir).absolute(), limits, files, prints, watch)
    outcome = _supervised(supervisor, Path(code_dir))
    return _finish(supervisor, outcome, began)


def _supervised(supervisor: Supervisor, code_dir: Path) -> Outcome:
    missing = _no_model(code_dir)
    if missing is not None:
        supervisor.begin()
        return missing
    with _ending_on_signals(supervisor):
        return supervisor.run()


def _finish(supervisor: Supervisor, outcome: Outcome, began: float) -> IngestionResult:
    supervisor.log.close()
    facts = (tuple(supervisor.times), time.monotonic() - began, supervisor.limits.time_budget, supervisor.killed)
    task: TaskFolder = supervisor.task
    result = IngestionResult(task.name, outcome.status, outcome.message, *facts)
    mended = supervisor.files.finish(result.duration, result.completed, time.time())
    return IngestionResult(task.name, outcome.status, outcome.message, *facts, tuple(mended))


def _no_model(code_dir: Path) -> Outcome | None:
    """The outcome of a submission without model.py, with a hint where one lies deeper; None where there is one."""
    if any((folder / MODEL_FILE).is_file() for folder in (code_dir, code_dir / OLD_CODE_FOLDER)):
        return None
    deeper = sorted(code_dir.glob(f"*/{MODEL_FILE}")) if code_dir.is_dir() else []
    hint = f"; there is one in {deeper[0].parent.name}/, it belongs at the root" if deeper else ""
    return Outcome("no_model", f"expected {MODEL_FILE} in {code_dir}, found none{hint}")


@contextmanager
def _ending_on_signals(supervisor: Supervisor) -> Iterator[None]:
    """SIGTERM and SIGINT ask the supervisor to end (in the main thread; elsewhere signals cannot be had)."""

    def stop(number: int, frame: object) -> None:
        supervisor.stop(f"the ingestion program received {signal.Signals(number).name}")

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ingestion", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    for name in _FOLDERS:
        parser.add_argument(f"--{name}", f"-{name}", type=Path, metavar="DIR", help=f"default: {_FOLDERS[name]}")
    options = {
        "time_budget": (float, None, "seconds of train and test; default: the data set's own, else 1200"),
        "init_budget": (float, 1200.0, "seconds for import and constructor"),
        "grace": (float, 3.0, "seconds between SIGTERM and SIGKILL"),
        "memory_limit": (int, None, "bytes for all processes of the submission"),
        "status_file": (Path, None, "where to write status, message and times as JSON"),
    }
    for name, (kind, default, text) in options.items():
        parser.add_argument(f"--{name}", f"-{name}", type=kind, default=default, help=text)
    parser.add_argument("--api", "-api", choices=("auto", *APIS), default="auto", help="how data are handed over")
    arguments = parser.parse_args(argv)
    for name in ("time_budget", "init_budget", "memory_limit"):
        value = getattr(arguments, name)
        if value is not None and not 0 < value < float("inf"):
            parser.error(f"{name}: expected a positive number, found {value}")
    return arguments


def _folders(arguments: argparse.Namespace) -> dict[str, Path]:
    """Folders as given, else beside the program's folder (the current one where that is not given)."""
    program = arguments.ingestion_program_dir
    root = program.absolute().parent if program else Path.cwd()
    found = {name: getattr(arguments, name) or root / default for name, default in _FOLDERS.items()}
    data, code = found["dataset_dir"], found["code_dir"]
    # CodaLab passes these two, and puts the files elsewhere.
    if data.parts[-2:] == ("run", "input") and code.parts[-2:] == ("run", "program"):
        found["dataset_dir"], found["code_dir"] = data.with_name("input_data"), code.with_name("submission")
    return found


def _copy_results(output_dir: Path, score_dir: Path, asked: bool) -> None:
    """Put the run's own files beside the scores, where the challenge's page looks for them."""
    if not asked and not score_dir.is_dir():
        return
    score_dir.mkdir(parents=True, exist_ok=True)
    if score_dir.resolve() == output_dir.resolve():
        return
    names = ["start.txt", "end.txt", *(path.name for _, path in list_predictions(output_dir))]
    for name in names:
        copyfile(output_dir / name, score_dir / name)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. 0 whatever the submission did; 1 for a data set or folder that cannot be used."""
    arguments = _arguments(argv)
    folders = _folders(arguments)
    try:
        result = run_ingestion(
            folders["dataset_dir"],
            folders["code_dir"],
            folders["output_dir"],
            time_budget=arguments.time_budget,
            init_budget=arguments.init_budget,
            grace=arguments.grace,
            api=arguments.api,
            memory_limit=arguments.memory_limit,
            log=sys.stdout.buffer,
        )
        _copy_results(folders["output_dir"], folders["score_dir"], arguments.score_dir is not None)
        if arguments.status_file is not None:
            write_result(result, arguments.status_file)
    except (DataError, OSError) as error:
        print(f"ingestion: {error}".replace("\n", " "), file=sys.stderr)
        return 1
    print(f"ingestion: {result.name}: {result.line()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
