"""Mean ranks, worked out by hand."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.challenge.leaderboard import write_leaderboard
from autodl_agent.scoring.ranks import average_ranks

SCORES = {
    "slow": {"a": 0.5, "b": 0.2, "c": -0.1},
    "best": {"a": 0.9, "b": 0.8, "c": 0.7},
    "half": {"a": 0.5, "b": 0.9},
}


def test_ties_share_their_rank_and_missing_scores_come_last() -> None:
    # a: best 1, the tied two 2.5 each; b: half 1, best 2, slow 3; c: best 1, slow 2, half (missing) 3.
    assert average_ranks(SCORES) == pytest.approx({"best": 4 / 3, "half": 6.5 / 3, "slow": 7.5 / 3})
    assert list(average_ranks(SCORES)) == ["best", "half", "slow"]


def test_missing_scores_tie_with_each_other_and_a_nan_is_missing() -> None:
    assert average_ranks({"x": {"a": float("nan")}, "y": {}, "z": {"a": -1.0}}) == {"z": 1.0, "x": 2.5, "y": 2.5}


def test_nothing_to_rank() -> None:
    assert average_ranks({}) == {}
    assert average_ranks({"only": {}}) == {"only": 0.0}
    assert average_ranks({"only": {"a": 0.1}}) == {"only": 1.0}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from([-0.5, 0.0, 0.25, 1.0]), min_size=3, max_size=3), min_size=1, max_size=6))
def test_ranks_of_a_set_always_add_up(rows: list[list[float]]) -> None:
    ranks = average_ranks({str(i): dict(zip("abc", row, strict=True)) for i, row in enumerate(rows)})
    n = len(rows)
    assert sum(ranks.values()) == pytest.approx(n * (n + 1) / 2)
    assert all(1 <= rank <= n for rank in ranks.values())


def test_the_table_as_csv(tmp_path: Path) -> None:
    write_leaderboard(tmp_path / "board.csv", {'odd, "name"': {"a": 1e-05}, **SCORES})
    with (tmp_path / "board.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["submission", "ave_score", "a", "b", "c"]
    assert [row[0] for row in rows[1:]] == ["best", "half", "slow", 'odd, "name"']
    assert float(rows[4][2]) == 1e-05 and rows[4][3:] == ["", ""]
    assert float(rows[1][1]) == pytest.approx(average_ranks({**SCORES, "odd": {"a": 1e-05}})["best"])
