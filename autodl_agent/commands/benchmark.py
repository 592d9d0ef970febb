"""`autodl benchmark`: whole runs on many data sets, and result files compared."""

import re
import sys
from pathlib import Path

import click

from autodl_agent.commands.param_types import SECONDS, names_of

POLICIES = ("policy", "round-robin", "ladder")


@click.command()
@click.argument("suite", metavar="SUITE...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--budget", type=SECONDS, default=60.0, show_default=True, metavar="SECONDS",
              help="Time from the launch of a run to its last prediction.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, metavar="N",
              help="Runs of every data set, with the seeds 0, 1, … N-1.")  # fmt: skip
@click.option("--learners", default="", metavar="A,B", help="Use these learners alone.")
@click.option("--policy", type=click.Choice(POLICIES), default=POLICIES[0], show_default=True,
              help="What chooses the next slice: the agent's policy, or a simple one to compare it with.")  # fmt: skip
@click.option("--memory", default="", metavar="SIZE", help="As in `autodl run`.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
              help="Runs side by side on one machine. Times are only comparable for one value.")  # fmt: skip
@click.option("--ray", "ray_address", metavar="ADDRESS",
              help="Spread the runs over this Ray cluster, N on each machine; `local` starts one here.")  # fmt: skip
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), metavar="OUT.jsonl",
              help="Where results go; runs that are there are skipped.  [default: a new file under runs/]")  # fmt: skip
@click.option("--csv", "csv_path", type=click.Path(path_type=Path, dir_okay=False), metavar="OUT.csv",
              help="Write the table to this file, too.")  # fmt: skip
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Copy run.json, log.txt and the report of every run into a folder in DIR.")  # fmt: skip
@click.option("--compare", is_flag=True, help="Run nothing: SUITE are result files, shown and compared.")
@click.option("--replay", "table", metavar="TABLE", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Run nothing: play the policy on recorded slices, in simulated time; no SUITE.")  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="Show no progress, only the table.")
@click.pass_context
def benchmark(
    context: click.Context,
    suite: tuple[Path, ...],
    budget: float,
    seeds: int,
    learners: str,
    policy: str,
    memory: str,
    workers: int,
    ray_address: str | None,
    output: Path | None,
    csv_path: Path | None,
    keep: Path | None,
    compare: bool,
    table: Path | None,
    quiet: bool,
) -> None:
    """Run `autodl run` on every data set in SUITE with several seeds, and print what came of it.

    SUITE are data sets, or folders that contain data sets; the truth of their test rows gives the scores.

    \b
    OUT.jsonl has one line a run, written when it has ended:
      first            seconds from launch to the first prediction that is not the same for all rows
      nauc alc drop    last prediction, area under the learning curve, largest fall along it (test rows)
      overrun peak_mb  seconds beyond the budget, memory of all its processes together (PSS)
      failure          what went wrong, with the last line of the log
      …                options, curve, versions, commit, machine

    The same command goes on where it was stopped. With --compare, SUITE are such files: their average ranks over data
    sets, and the mean differences to the first of them with 95 % bootstrap intervals. The exit code is 1 when a run
    failed.

    With --replay, recorded slices take the place of runs: seconds instead of minutes, to compare policies on held-out
    NAUC; -o writes results that --compare takes. `benchmarks/record_slices.py` makes a TABLE.
    """
    from autodl_agent.benchmark.results import read_results
    from autodl_agent.commands.benchmark_view import show

    _check_usage(context)
    if table is not None:
        _replay(table, budget, names_of(learners), policy, output, csv_path)
        return
    if compare:
        show([(path.stem, read_results(path)) for path in suite], csv_path)
        return
    from autodl_agent.benchmark.executor import run_all
    from autodl_agent.benchmark.jobs import plan
    from autodl_agent.learners.registry import check_learner_names

    _check_size(memory)
    names = names_of(learners)
    check_learner_names(names)
    jobs = plan(suite, budget, range(seeds), names, policy, memory)
    out = output or _new_file()
    try:
        progress = None if quiet else lambda line: click.echo(line, err=True)
        run_all(jobs, out, workers, ray_address, progress, keep.resolve() if keep else None)
    except (KeyboardInterrupt, SystemExit) as stop:
        # Exit rather than the interrupt itself: the command line's own words for it are about a single run.
        click.echo(f"autodl: interrupted; what has ended is in {out}, the same command with -o {out} goes on", err=True)
        raise click.exceptions.Exit(stop.code if isinstance(stop, SystemExit) else 130) from None  # type: ignore[arg-type]
    keys = {job.key for job in jobs}
    records = [record for record in read_results(out) if record.key in keys]
    show([(out.stem, records)], csv_path)
    click.echo(f"Results are in {out}")
    if any(record.failure for record in records):
        sys.stdout.flush()
        raise click.exceptions.Exit(1)


def _check_usage(context: click.Context) -> None:
    """Raises UsageError for options that do not go together."""
    given = context.params
    if given["table"] is None:
        if not given["suite"]:
            raise click.UsageError("Missing argument 'SUITE...'.")
        return
    if given["suite"]:
        raise click.UsageError("--replay plays the data sets of its table; leave out SUITE")
    for name in ("seeds", "memory", "workers", "ray_address", "keep", "compare"):
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            option = next(option.opts[0] for option in context.command.params if option.name == name)
            raise click.UsageError(f"--replay runs nothing; leave out {option}")


def _replay(
    table: Path, budget: float, learners: tuple[str, ...], policy: str, output: Path | None, csv_path: Path | None
) -> None:
    """Play the policy on every data set of the table and show the results."""
    from autodl_agent.benchmark.replay import replay_table
    from autodl_agent.benchmark.results import ResultFile
    from autodl_agent.commands.benchmark_view import show
    from autodl_agent.learners.registry import check_learner_names

    check_learner_names(learners)
    if output is not None and output.exists():
        raise click.UsageError(f"{output}: a new file expected for what is replayed, found one that exists")
    records, exhausted = replay_table(table, policy, budget, learners)
    if output is not None:
        file = ResultFile(output)
        for record in records:
            file.add(record)
    show([(table.stem, records)], csv_path)
    if exhausted:
        names = ", ".join(f"{name} ({'+'.join(learners)})" for name, learners in exhausted.items())
        click.echo(f"left out once all their recorded slices were played: {names}")


def _check_size(text: str) -> None:
    if text and not re.fullmatch(r"\d+(\.\d+)?\s*[KMGT]?i?B?", text.strip(), re.IGNORECASE):
        raise click.BadParameter(f"a size such as 800M or 2G expected, found {text!r}", param_hint="--memory")


def _new_file() -> Path:
    folder = Path("runs")
    k = 1
    while (path := folder / f"benchmark-{k}.jsonl").exists():
        k += 1
    return path
