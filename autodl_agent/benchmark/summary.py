"""Results put together: per data set the mean and spread over the seeds, and the mean over data sets."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autodl_agent.benchmark.results import BenchmarkResult
from data_format.atomic import write_atomic

MEASURES = ("first", "nauc", "alc", "drop", "overrun", "peak_mb")


@dataclass(frozen=True)
class MeanStd:
    """Mean and standard deviation of the values that are known; NaN where none is, or for the latter only one."""

    mean: float
    spread: float

    @classmethod
    def of(cls, values: Sequence[float | None]) -> "MeanStd":
        """Of at least no value."""
        known = np.array([value for value in values if value is not None], np.float64)
        if not len(known):
            return cls(float("nan"), float("nan"))
        return cls(float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else float("nan"))


@dataclass(frozen=True)
class SummaryRow:
    """One data set under one budget and one variant, or (`name` empty) the mean over data sets.

    cells: measure -> mean and spread, over the seeds; of the mean line over data sets.
    """

    variant: str
    name: str
    budget: float
    runs: int
    failures: int
    cells: dict[str, MeanStd]


def summarise(records: Sequence[BenchmarkResult]) -> list[SummaryRow]:
    """A line for every variant, budget and data set, in order of first appearance, and a mean line after each group."""
    groups: dict[tuple[str, float], dict[str, list[BenchmarkResult]]] = {}
    for record in records:
        group = groups.setdefault((record.job.variant_name, record.job.budget), {})
        group.setdefault(record.job.name, []).append(record)
    lines: list[SummaryRow] = []
    for (variant, budget), sets in groups.items():
        own = [_row(variant, name, budget, runs) for name, runs in sets.items()]
        lines += own
        if len(own) > 1:
            lines.append(_mean_row(own))
    return lines


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A CSV file; numbers in full, NaN as an empty cell. Raises OSError as the file system gives it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if value != value else value for value in row] for row in rows])  # NaN alone is not itself
    write_atomic(path, text.getvalue().encode("utf-8", "surrogateescape"))


def csv_of(lines: Sequence[SummaryRow]) -> tuple[list[str], list[list[object]]]:
    """Columns and rows of the table."""
    columns = ["variant", "set", "budget", "runs", "failures"]
    columns += [f"{measure}{end}" for measure in MEASURES for end in ("", "_spread")]
    rows: list[list[object]] = []
    for line in lines:
        cells = [value for m in MEASURES for value in (line.cells[m].mean, line.cells[m].spread)]
        rows.append([line.variant, line.name or "mean", line.budget, line.runs, line.failures, *cells])
    return columns, rows


def _row(variant: str, name: str, budget: float, runs: Sequence[BenchmarkResult]) -> SummaryRow:
    cells = {measure: MeanStd.of([getattr(record, measure) for record in runs]) for measure in MEASURES}
    return SummaryRow(variant, name, budget, len(runs), sum(bool(record.failure) for record in runs), cells)


def _mean_row(lines: Sequence[SummaryRow]) -> SummaryRow:
    """Every data set counts the same, however many seeds it has."""
    cells = {
        m: MeanStd.of([line.cells[m].mean for line in lines if not np.isnan(line.cells[m].mean)]) for m in MEASURES
    }
    runs, failures = sum(line.runs for line in lines), sum(line.failures for line in lines)
    return SummaryRow(lines[0].variant, "", lines[0].budget, runs, failures, cells)
