import csv
import math

import pytest

from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult
from autodl_agent.benchmark.summary import MeanStd, csv_of, summarise, write_csv
from autodl_agent.commands.benchmark_view import show


def record(name, seed, alc, policy="policy", **values):
    return BenchmarkResult(Job("", name, 5.0, seed, policy=policy), wall=6.0, alc=alc, nauc=alc, **values)


RECORDS = [record("a", 0, 0.2), record("a", 1, 0.4), record("b", 0, 0.9, failure="exit code 1: [bold]")]


def test_a_cell_leaves_out_what_is_not_known():
    cell = MeanStd.of([1.0, None, 3.0])
    assert cell.mean == 2.0 and cell.spread == pytest.approx(math.sqrt(2))
    assert math.isnan(MeanStd.of([1.0]).spread)
    assert math.isnan(MeanStd.of([None]).mean)


def test_sets_count_the_same_in_the_mean_however_many_seeds_they_have():
    a, b, mean = summarise(RECORDS)
    assert (a.name, a.runs, a.failures) == ("a", 2, 0)
    assert a.cells["alc"].mean == pytest.approx(0.3)
    assert (b.name, b.runs, b.failures) == ("b", 1, 1)
    assert (mean.name, mean.runs, mean.failures) == ("", 3, 1)
    assert mean.cells["alc"].mean == pytest.approx(0.6)
    assert mean.cells["overrun"].mean == pytest.approx(1.0)
    assert math.isnan(mean.cells["first"].mean)


def test_variants_and_budgets_are_kept_apart():
    other = record("a", 0, 0.5, "ladder")
    lines = summarise([*RECORDS, other])
    assert [(line.variant, line.name) for line in lines] == [("", "a"), ("", "b"), ("", ""), ("ladder", "a")]


def test_the_csv_has_every_number_and_empty_cells_for_unknown_ones(tmp_path):
    path = tmp_path / "t.csv"
    write_csv(path, *csv_of(summarise(RECORDS)))
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["set"] for row in rows] == ["a", "b", "mean"]
    assert float(rows[0]["alc"]) == pytest.approx(0.3)
    assert rows[0]["first"] == "" and rows[1]["alc_spread"] == ""


def test_a_person_sees_sets_means_and_failures(capsys, tmp_path):
    show([("mine", RECORDS)], tmp_path / "t.csv")
    text = capsys.readouterr().out
    assert "mine" in text and "0.3000 ±0.1414" in text and "0.6000" in text
    assert "failed: b seed 0: exit code 1: [bold]" in text
    assert (tmp_path / "t.csv").exists()
