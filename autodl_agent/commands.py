"""The command line: each command builds arguments, makes one library call, and turns errors into one line.

Nothing heavy is imported here: `autodl --help` answers in about a tenth of a second.
"""

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from autodl_agent.benchmark.command import POLICIES, benchmark, names_of
from autodl_agent.challenge.command import evaluate
from autodl_agent.clock import Budget
from autodl_agent.data_commands import convert, inspect
from autodl_agent.machine import calm_blas, cores
from autodl_agent.pretrained.command import weights
from autodl_agent.reading import reading_options

if TYPE_CHECKING:
    from autodl_agent.report.events import EventLog

EXIT_BAD_INPUT = 2
ECHO_S = 0.3
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class MemorySize(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A number of bytes with an optional unit: 800M, 2G, 1.5G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Text to bytes; click shows the message of `fail`."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", str(value).strip(), re.IGNORECASE)
        if not match or float(match[1]) <= 0:
            self.fail(f"a size such as 800M or 2G expected, found {value!r}", param, ctx)
        return int(float(match[1]) * UNITS[match[2].upper()])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="autodl-agent", prog_name="autodl")
def cli() -> None:
    """Classify images, videos, sounds, texts or tables under a time budget.

    From the first second to the last there is a prediction on disk for the test rows, better each time.

    \b
    autodl inspect DATASET                  what is in it, and what is wrong with it
    autodl convert DATASET OUT              any data in AutoDL format
    autodl run DATASET --budget 300         train and predict for five minutes
    autodl predict RUN DATA -o out.csv      predict new files with the model of a run
    autodl export RUN --format savedmodel   its model for other programs
    autodl score RUN/predictions TRUTH      area under the learning curve of a run
    autodl bundle submission.zip            the agent as a challenge submission
    autodl evaluate submission.zip DATASET  any submission by the challenge's rules
    autodl benchmark SUITE                  whole runs on many data sets, compared
    """


@cli.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=1200.0,
    show_default=True,
    metavar="SECONDS",
    help="Time from the launch of the program to its last prediction.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the results go.  [default: a new folder under runs/]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random choice.")
@click.option(
    "--memory",
    type=MemorySize(),
    metavar="SIZE",
    help="Most memory for decoded data, such as 800M or 2G.  [default: a quarter of what is there]",
)
@click.option("--learners", default="", metavar="A,B", help="Use these learners alone; a wrong name lists all.")
@click.option("--policy", type=click.Choice(POLICIES), default=POLICIES[0], hidden=True)
@click.option(
    "--log-dir", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write scalars for TensorBoard."
)
@click.option("--mlflow", is_flag=True, help="Log the finished run with MLflow, where its own variables say.")
@click.option("--overwrite", is_flag=True, help="Replace the run that DIR already holds.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Go on from the run in DIR, however it ended; --budget comes on top of the time that it used.",
)
@click.option("--use-all-budget", is_flag=True, help="Go on to the end, even where nothing seems left to gain.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@reading_options
def run(
    dataset: Path,
    budget: float,
    output: Path | None,
    seed: int,
    memory: int | None,
    learners: str,
    policy: str,
    log_dir: Path | None,
    mlflow: bool,
    overwrite: bool,
    resume: Path | None,
    use_all_budget: bool,
    quiet: bool,
    reading: Any,
) -> None:
    """Train on DATASET and predict its test rows until the budget is used.

    \b
    DATASET is one of
      NAME.data or its parent          AutoDL format (TFRecords)
      train/ test/ labels_train.csv    files with a label table
      train/CLASS/… or CLASS/…         class folders
      train.csv [test.csv]             a table, or texts with labels

    \b
    DIR then holds
      predictions/NAME.predict_0 …     test rows × classes, one file each time it got better
      predictions.csv                  the last one, for people
      classes.txt  test_rows.txt       names of the columns and of the rows
      report.html                      the run as a page, from its first seconds on
      learning_curve.csv  learning_curve.png  skipped.csv  run.json  log.txt
    """
    from autodl_agent.agent import run as run_agent
    from autodl_agent.baselines import choose_by
    from autodl_agent.config import RunConfig
    from autodl_agent.earlier import read_earlier
    from autodl_agent.notes import problem_summary
    from autodl_agent.progress import make_progress

    if mlflow:
        from autodl_agent.report.tracking import check_mlflow, track

        check_mlflow()
    clock, earlier = Budget.from_launch(budget), None
    if resume is not None:
        if output is not None or overwrite:
            raise click.UsageError("--resume goes on in its own folder; leave out --output and --overwrite")
        earlier, output = read_earlier(resume), resume
        clock = clock.after(earlier.seconds)
    progress = None if quiet else make_progress(clock)
    config = RunConfig(
        budget_s=budget,
        seed=seed,
        memory_bytes=memory,
        overwrite=overwrite,
        learners=names_of(learners),
        use_all_budget=use_all_budget,
        reading=reading,
    )
    events = _event_log(log_dir, clock) if log_dir else None
    watchers = [one.watch for one in (progress, events) if one]

    def watch(task: Any, played: Any, written: float | None) -> None:
        for watcher in watchers:
            watcher(task, played, written)

    try:
        result = run_agent(dataset, output or _new_folder(dataset), config, clock, choose_by(policy), watch, earlier)
    finally:
        if progress:
            progress.close()
    if events:
        events.close(result.test_curve)
    if mlflow:
        track(result.folder, result.curve, clock)
    if not quiet:
        nauc = "" if result.held_out_nauc is None else f", held-out NAUC {result.held_out_nauc:.4f}"
        click.echo(f"{result.n_predictions} predictions in {result.seconds:.1f} s{nauc} ({result.reason})")
        if summary := problem_summary(result.problems):
            click.echo(f"{summary} (all in skipped.csv)")
        report = result.folder / "report.html"
        click.echo(f"Results are in {result.folder}" + (f", the report in {report}" if report.exists() else ""))


@cli.command()
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("solution", type=click.Path(path_type=Path))
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="T of the learning curve.  [default: time_budget in start.txt, else 1200]",
)
@click.option(
    "--t0",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Scale of the log time axis.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def score(predictions: Path, solution: Path, budget: float | None, t0: float, as_json: bool) -> None:
    """Score the folder PREDICTIONS against SOLUTION.

    Prints the NAUC of every prediction, the area under the learning curve (ALC) and the AUC of every class.
    PREDICTIONS holds NAME.predict_k and start.txt (a run's `predictions` folder); SOLUTION is NAME.solution or a
    folder that holds one.
    """
    from autodl_agent.score_view import show_score

    show_score(predictions, solution, budget, t0, as_json)


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT.csv",
    help="File to write.  [default: standard output]",
)
@click.option("--proba", is_flag=True, help="Add a column with the probability of every class.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="X",
    help="Decide for every class with at least this probability.  [default: what suits the task]",
)
@click.option(
    "--top-k",
    type=click.IntRange(min=1),
    metavar="K",
    help="Write the K likeliest classes with their probabilities.",
)
def predict(
    model: Path, data: Path, output: Path | None, proba: bool, threshold: float | None, top_k: int | None
) -> None:
    """Predict the new inputs DATA with MODEL, the folder of a run.

    DATA comes as the training data did, labels not needed: a folder of files, a table (or a list of files), an AutoDL
    folder. Columns are found by name; those that are missing count as empty. A row that cannot be read gets the class
    frequencies and is listed in OUT.skipped.csv.

    Without --threshold the likeliest class is predicted; where rows may have several classes, all that reach the
    threshold which was best for them on held-out rows.
    """
    from autodl_agent.saved.table import predict_files

    done = predict_files(model, data, output, sys.stdout, proba, threshold, top_k)
    click.echo(done, err=True)


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["savedmodel", "onnx", "keras"]),
    required=True,
    help="What to write.",
)
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, metavar="OUT", help="Where to write.")
def export(model: Path, kind: str, output: Path) -> None:
    """Write MODEL, the folder of a run, in a form that other programs serve.

    Only models that can be written whole are: those whose features other programs compute alike. For any other, one
    line says what stands in the way; `autodl predict` serves every model.
    """
    from autodl_agent.saved.export import export_model

    click.echo(export_model(model, kind, output))


@cli.command()
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--with-weights", is_flag=True, help="Add the pretrained files found on this machine.")
def bundle(out: Path, with_weights: bool) -> None:
    """Write the agent as a challenge submission to the zip file OUT.

    The zip has model.py at its root and runs, unzipped anywhere, where TensorFlow, NumPy, scikit-learn and LightGBM
    are installed. `autodl evaluate OUT DATASET` tries it by the challenge's rules.
    """
    from autodl_agent.challenge.bundle import found_weights, write_bundle

    weights = found_weights() if with_weights else {}
    size = write_bundle(out, weights)
    click.echo(f"{out}: {size / 2**20:.1f} MB" + (f", with {', '.join(sorted(weights))}" if weights else ""))


cli.add_command(evaluate)
cli.add_command(benchmark)
cli.add_command(weights)
cli.add_command(inspect)
cli.add_command(convert)


class _Terminated(SystemExit):
    """SIGTERM arrived; raised in the main thread so that the run is completed first."""


def main() -> NoReturn:
    """Entry point: run a command, map errors to one line and an exit code, and never wait for stray threads."""
    os.environ.setdefault("OMP_NUM_THREADS", str(cores()))  # read once, when the libraries are loaded
    calm_blas()
    signal.signal(signal.SIGTERM, _once(_Terminated(128 + signal.SIGTERM)))
    signal.signal(signal.SIGINT, _once(KeyboardInterrupt()))
    code = _call()
    # What an archive was unpacked into; the interpreter's own end, which would remove it, does not come.
    if archives := sys.modules.get("data_format.raw.archives"):
        archives.remove_before_exit()
    if cache := sys.modules.get("autodl_agent.pretrained.cache"):
        cache.remove_own()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    # A learner may still sit in native code after the deadline; waiting for its thread would break the time limit.
    os._exit(code)


def _call() -> int:
    try:
        # Not standalone, click gives the code of an `Exit` in place of raising it.
        code = cli.main(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("autodl: interrupted; the best prediction so far is on disk", err=True)
        return 128 + signal.SIGINT
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    """One line for what a user can mend; a traceback only for what must be our fault."""
    from autodl_agent.errors import AutoDLError
    from data_format.errors import DataError

    if isinstance(error, AutoDLError | DataError | OSError):
        click.echo(f"autodl: {error}".replace("\n", " "), err=True)
        return EXIT_BAD_INPUT
    import traceback

    traceback.print_exception(error)
    return 1


def _once(error: BaseException) -> Callable[[int, Any], None]:
    """A signal handler that raises `error` the first time and ends the process at once the second time.

    `timeout 60 autodl run` signals the process and then its group: what comes twice within ECHO_S is one wish.
    """

    def handle(number: int, frame: Any) -> None:
        echo = Budget.from_now(ECHO_S)
        signal.signal(number, lambda n, f: None if echo.left() > 0 else os._exit(128 + n))
        raise error

    return handle


def _event_log(folder: Path, clock: Budget) -> "EventLog":
    from autodl_agent.report.events import EventLog

    return EventLog(folder, clock)


def _new_folder(dataset: Path) -> Path:
    """The first free runs/NAME-k, so that no run ever meets another one's files."""
    name = re.sub(r"[^\w.-]+", "_", dataset.resolve().stem) or "run"
    k = 1
    while (folder := Path("runs") / f"{name}-{k}").exists():
        k += 1
    return folder


if __name__ == "__main__":
    main()
