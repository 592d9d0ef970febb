import csv
import math

import numpy as np
import pytest

from autodl_agent.benchmark.compare import bootstrap, by_variant, compare
from autodl_agent.benchmark.jobs import Job
from autodl_agent.benchmark.results import BenchmarkResult
from autodl_agent.commands.benchmark_view import show


def runs(scores, policy="policy", budget=5.0):
    """scores: set -> list of ALC, one a seed; NAUC is 0.05 higher."""
    return [
        BenchmarkResult(
            Job("", name, budget, seed, policy=policy), alc=value, nauc=None if value is None else value + 0.05
        )
        for name, values in scores.items()
        for seed, value in enumerate(values)
    ]


BASE = {"a": [0.5, 0.7], "b": [0.2, 0.2], "c": [0.9, 0.9]}
BETTER = {"a": [0.6, 0.8], "b": [0.3, 0.3], "c": [0.8, 0.8]}


def test_ranks_and_means_over_sets():
    found = compare({"base": runs(BASE), "other": runs(BETTER)})
    assert found.sets == [("a", 5.0), ("b", 5.0), ("c", 5.0)]
    assert list(found.ranks["alc"]) == ["other", "base"]
    assert found.ranks["alc"]["other"] == pytest.approx(4 / 3)
    assert found.means["base"]["alc"] == pytest.approx((0.6 + 0.2 + 0.9) / 3)
    assert found.means["base"]["nauc"] == pytest.approx((0.6 + 0.2 + 0.9) / 3 + 0.05)


def test_the_difference_is_paired_and_its_interval_holds_it():
    found = compare({"base": runs(BASE), "other": runs(BETTER)})
    alc, nauc = found.differences
    assert (alc.score, nauc.score) == ("alc", "nauc")
    assert alc.mean == pytest.approx(0.1 / 3)
    assert alc.low <= alc.mean <= alc.high
    assert (alc.low, alc.high) == (pytest.approx(-0.1), pytest.approx(0.1))
    assert (alc.wins, alc.losses, alc.sets, alc.pairs) == (2, 1, 3, 6)


def test_a_constant_difference_has_no_width():
    shifted = {name: [value + 0.01 for value in values] for name, values in BASE.items()}
    alc = compare({"base": runs(BASE), "other": runs(shifted)}).differences[0]
    assert alc.low == pytest.approx(0.01) and alc.high == pytest.approx(0.01)


def test_the_interval_is_seeded():
    values = [np.array([0.1, -0.2, 0.3]), np.array([0.05]), np.array([-0.1, 0.2])]
    assert bootstrap(values, 500, 1) == bootstrap(values, 500, 1)
    assert bootstrap(values, 500, 1) != bootstrap(values, 500, 2)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    # 12 sets of 3 seeds around a mean of 0; a percentile interval of so few is a little narrow.
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        centres = rng.normal(0, 0.1, 12)
        low, high = bootstrap([centre + rng.normal(0, 0.02, 3) for centre in centres], 400, trial)
        hits += low <= 0 <= high
    assert 0.85 <= hits / 200 <= 0.99


def test_sets_that_one_lacks_are_left_out_of_the_ranks_and_named():
    other = {"a": [0.6, 0.8], "d": [0.1]}
    found = compare({"base": runs(BASE), "other": runs(other)})
    assert found.sets == [("a", 5.0)]
    assert {name for name, _ in found.left_out} == {"b", "c", "d"}
    assert found.differences[0].pairs == 2


def test_runs_without_truth_or_partner_do_not_count():
    found = compare({"base": runs({"a": [0.5, None]}), "other": runs({"a": [0.6, 0.9]})})
    assert found.differences[0].pairs == 1
    nothing = compare({"base": runs({"a": [0.5]}), "other": runs({"b": [0.5]})})
    assert nothing.sets == [] and math.isnan(nothing.differences[0].mean)


def test_one_file_with_two_policies_is_two_entries():
    entries = by_variant([("r", [*runs(BASE), *runs(BETTER, "ladder")]), ("r", runs(BASE))])
    assert list(entries) == ["r (usual)", "r (ladder)", "r"]
    assert list(by_variant([("r", runs(BASE)), ("r", runs(BASE))])) == ["r", "r #2"]


def test_a_person_sees_ranks_and_intervals(capsys, tmp_path):
    show([("base", runs(BASE)), ("other", runs({**BETTER, "d": [0.1]}))], tmp_path / "c.csv")
    text = capsys.readouterr().out
    assert "average rank over 3 data sets" in text and "1.33" in text and "+0.0333" in text and "2 / 1" in text
    assert "not everybody has them: d (5 s)" in text
    rows = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
    assert [(row["score"], row["other"]) for row in rows] == [("alc", "other"), ("nauc", "other")]
