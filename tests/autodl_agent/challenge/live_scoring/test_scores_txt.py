"""scores.txt, as parsers of YAML 1.1 see it."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.challenge.live_scoring.scores_txt import read_score, write_scores, yaml_float
from autodl_agent.scoring.bootstrap import ErrorBar
from autodl_agent.scoring.report import PredictionScore, ScoreReport
from data_format.errors import DataError

# A float as PyYAML's resolver knows it; anything else comes out as a string.
YAML_FLOAT = re.compile(r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?")


def report(*rows: tuple[float, float, bool], bar: ErrorBar | None = None) -> ScoreReport:
    predictions = tuple(PredictionScore(f"x.predict_{k}", t, s, 0.5, late) for k, (t, s, late) in enumerate(rows))
    return ScoreReport(60, 60, predictions, ("0",), np.array([0.5]), (), 0.0, 0.25, bar, bar, ())


def content(path: Path) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in path.read_text().splitlines())


def numbers(text: str) -> list[float]:
    items = [item for item in text.strip("[]").split(", ") if item]
    assert all(YAML_FLOAT.fullmatch(item) for item in items), text
    return [float(item) for item in items]


def test_all_lines(tmp_path: Path) -> None:
    bar = ErrorBar(0.2, 0.01, 0.0001, 10)
    path = write_scores(tmp_path, report((1.5, 1e-05, False), (7.0, -0.5, False), bar=bar), one_hot=True, bars=True)
    facts = content(path)
    assert list(facts)[:5] == ["score", "Duration", "timestamps", "nauc_scores", "accuracy"]
    assert list(facts)[5:] == ["nauc_mean", "nauc_std", "nauc_var", "alc_mean", "alc_std", "alc_var"]
    assert numbers(facts["score"]) == [0.25] and numbers(facts["Duration"]) == [7.0]
    assert numbers(facts["timestamps"]) == [1.5, 7.0] and numbers(facts["nauc_scores"]) == [1e-05, -0.5]
    assert numbers(facts["accuracy"]) == [0.5, 0.5] and numbers(facts["alc_var"]) == [0.0001]


def test_late_predictions_appear_nowhere(tmp_path: Path) -> None:
    facts = content(write_scores(tmp_path, report((1.0, 0.3, False), (61.0, 0.9, True))))
    assert (facts["timestamps"], facts["nauc_scores"], facts["Duration"]) == ("[1.0]", "[0.3]", "1.0")
    assert "accuracy" not in facts and "nauc_mean" not in facts


@pytest.mark.parametrize("known", [None, report()])
def test_nothing_is_a_score_of_zero(tmp_path: Path, known: ScoreReport | None) -> None:
    facts = content(write_scores(tmp_path, known, one_hot=True, bars=True))
    assert facts["Duration"] == "0.0" and facts["timestamps"] == facts["nauc_scores"] == facts["accuracy"] == "[]"
    assert facts["nauc_mean"] == facts["alc_std"] == "-1.0"
    assert read_score(tmp_path / "scores.txt") == (0.0 if known is None else 0.25)


def test_numpy_numbers_are_written_as_plain_ones(tmp_path: Path) -> None:
    rows = ((np.float64(2.5), np.float64(1e-07), False),)
    text = write_scores(tmp_path, report(*rows)).read_text()  # type: ignore[arg-type]
    assert "np." not in text and "nauc_scores: [1.0e-07]" in text


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_survives_yaml(value: float) -> None:
    text = yaml_float(value)
    assert float(text) == value and YAML_FLOAT.fullmatch(text)


def test_reading_what_others_wrote(tmp_path: Path) -> None:
    path = tmp_path / "scores.txt"
    for text, score in (("score: 0.5\nDuration: 3\n", 0.5), ("Duration: 3\nscore: np.float64(-0.25)\n", -0.25)):
        path.write_text(text)
        assert read_score(path) == score
    for text in ("", "Duration: 1\n", "score:\n", "score: nan\n", "score: high\n"):
        path.write_text(text)
        with pytest.raises(DataError, match=r"scores.txt: expected a number under 'score'"):
            read_score(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"scores.txt: cannot be read"):
        read_score(path)
