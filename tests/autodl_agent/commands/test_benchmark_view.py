"""What a person sees of a benchmark."""

from pathlib import Path
from typing import Any

import pytest

from autodl_agent.benchmark.compare import compare
from autodl_agent.benchmark.executor import line_of, run_all
from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult
from autodl_agent.benchmark.summary import MeanStd
from autodl_agent.commands.benchmark_view import _words, comparison_tables, show, summary_table

NAN = float("nan")


def record(name: str, seed: int = 0, score: float | None = 0.5, **more: Any) -> BenchmarkResult:
    return BenchmarkResult(Job("", name, 5.0, seed), wall=6.0, alc=score, nauc=score, **more)


@pytest.mark.parametrize(
    ("cell", "digits", "text"),
    [
        (MeanStd(1.23456, 0.1), 2, "1.23 ±0.10"),
        (MeanStd(1.23456, NAN), 4, "1.2346"),
        (MeanStd(NAN, NAN), 4, ""),
        (MeanStd(512.4, 3.6), 0, "512 ±4"),
    ],
)
def test_a_cell_in_words(cell: MeanStd, digits: int, text: str) -> None:
    assert _words(cell, digits) == text


def columns_of(table: Any) -> dict[str, list[str]]:
    return {str(column.header): [str(cell) for cell in column.cells] for column in table.columns}


def test_sets_stand_above_their_mean() -> None:
    shown = columns_of(summary_table("[x]", [record("a"), record("[b]", score=0.9, failure="exit 1")]))
    assert shown["data set"] == ["a", r"\[b]", "mean over sets"]
    assert shown["ALC"] == ["0.5000", "0.9000", "0.7000 ±0.2828"]
    assert shown["failed"] == ["", "1", "1"]
    assert shown["first s"] == ["", "", ""]


def test_one_set_has_no_mean() -> None:
    assert columns_of(summary_table("x", [record("a")]))["data set"] == ["a"]


def test_a_comparison_ranks_and_counts() -> None:
    entries = {
        "old": [record("a", score=0.2), record("b", score=0.6)],
        "new": [record("a", score=0.4), record("b", score=0.7)],
    }
    ranks, gaps = map(columns_of, comparison_tables(compare(entries)))
    assert (ranks["results"], ranks["rank by ALC"]) == (["new", "old"], ["1.00", "2.00"])
    assert ranks["mean ALC"] == ["0.5500", "0.4000"]
    assert gaps["mean"] == ["+0.1500", "+0.1500"] and gaps["better / worse"] == ["2 / 0", "2 / 0"]


def test_failures_and_what_is_not_compared_are_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    failed = record("a", failure="[exit] 1")
    show([("x", [failed, record("only")]), ("y", [record("a")])], tmp_path / "out.csv")
    said = capsys.readouterr().out
    assert "failed: a seed 0: [exit] 1" in said
    assert "not everybody has them: only (5 s)" in said
    assert (tmp_path / "out.csv").read_text().startswith("score,base,other,mean")


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (record("a", 3, None), "a seed 3:"),
        (record("a", 3, 0.5, first=0.25, peak_mb=512.4), "a seed 3:  first 0.25 s  NAUC 0.5000  ALC 0.5000  512 MB"),
        (record("a", 3, None, failure="exit 1"), "a seed 3:  FAILED: exit 1"),
    ],
)
def test_a_result_in_words(made: BenchmarkResult, line: str) -> None:
    assert line_of(made) == line


def test_runs_that_a_file_holds_are_not_run_again(tmp_path: Path) -> None:
    from autodl_agent.benchmark.results import ResultFile

    out, told = tmp_path / "out.jsonl", []
    ResultFile(out).add(record("a"))
    run_all([record("a").job], out, progress=told.append)
    assert told[0].startswith(f"1 of 1 runs are in {out} already")
    assert len(out.read_text().splitlines()) == 1
