"""What a person sees of a benchmark: tables in the terminal, and the same as CSV."""

from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

from autodl_agent.benchmark.compare import LEVEL, Comparison, Difference, by_variant, compare
from autodl_agent.benchmark.results import BenchmarkResult
from autodl_agent.benchmark.summary import MEASURES, MeanStd, csv_of, summarise, write_csv

if TYPE_CHECKING:
    from rich.table import Table

_HEADS = {
    "first": ("first s", 2),
    "nauc": ("NAUC", 4),
    "alc": ("ALC", 4),
    "drop": ("drop", 3),
    "overrun": ("overrun s", 2),
    "peak_mb": ("MB", 0),
}


def show(files: Sequence[tuple[str, Sequence[BenchmarkResult]]], csv_path: Path | None = None) -> None:
    """Print a table for each entry, and how they compare where there are several.

    files: name and results. csv_path: gets the comparison where there is one, else the table.
    """
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = 200  # a file has no edge
    entries = by_variant(files)
    for name, records in entries.items():
        console.print(summary_table(name, records))
        for record in records:
            if record.failure:
                where = f"{record.job.name} seed {record.job.seed}"
                console.print(f"failed: {where}: {record.failure}", markup=False, highlight=False, soft_wrap=True)
    if len(entries) > 1:
        found = compare(entries)
        for table in comparison_tables(found):
            console.print(table)
        if found.left_out:
            names = ", ".join(f"{name} ({budget:g} s)" for name, budget in found.left_out)
            console.print(f"not in the comparison, since not everybody has them: {names}", markup=False)
        if csv_path:
            columns = [field.name for field in fields(Difference)]
            write_csv(csv_path, columns, [astuple(difference) for difference in found.differences])
    elif csv_path:
        write_csv(csv_path, *csv_of(summarise([record for _, records in files for record in records])))


def summary_table(title: str, records: Sequence[BenchmarkResult]) -> "Table":
    """One line a data set and budget: mean and spread over the seeds; then the mean over data sets."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left")
    table.add_column("data set")
    for head in ("budget", "runs", *(_HEADS[measure][0] for measure in MEASURES), "failed"):
        table.add_column(head, justify="right")
    for line in summarise(records):
        cells = [_words(line.cells[measure], _HEADS[measure][1]) for measure in MEASURES]
        failed = str(line.failures) if line.failures else ""
        name = escape(line.name) if line.name else "mean over sets"
        if not line.name:
            table.add_section()
        table.add_row(name, f"{line.budget:g}", str(line.runs), *cells, failed, end_section=not line.name)
    return table


def comparison_tables(found: Comparison) -> list["Table"]:
    """Average ranks and means of all entries; differences to the first."""
    from rich.markup import escape
    from rich.table import Table

    ranks = Table(title=f"average rank over {len(found.sets)} data sets", title_justify="left")
    for head in ("results", "rank by ALC", "mean ALC", "rank by NAUC", "mean NAUC"):
        ranks.add_column(head, justify="left" if head == "results" else "right")
    for name, rank in found.ranks["alc"].items():
        other, means = found.ranks["nauc"][name], found.means[name]
        ranks.add_row(escape(name), f"{rank:.2f}", f"{means['alc']:.4f}", f"{other:.2f}", f"{means['nauc']:.4f}")
    gaps = Table(title=f"mean difference, {LEVEL:.0%} bootstrap interval", title_justify="left")
    for head in ("results", "minus", "score", "mean", "interval", "better / worse", "sets", "runs"):
        gaps.add_column(head, justify="left" if head in ("results", "minus", "score") else "right")
    for d in found.differences:
        interval = f"{d.low:+.4f} … {d.high:+.4f}"
        names = (escape(d.other), escape(d.base), d.score.upper())
        gaps.add_row(*names, f"{d.mean:+.4f}", interval, f"{d.wins} / {d.losses}", str(d.sets), str(d.pairs))
    return [ranks, gaps]


def _words(cell: MeanStd, digits: int) -> str:
    if cell.mean != cell.mean:  # NaN: not known for any run
        return ""
    spread = "" if cell.spread != cell.spread else f" ±{cell.spread:.{digits}f}"
    return f"{cell.mean:.{digits}f}{spread}"
