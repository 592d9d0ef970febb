"""Predictions scored one by one against one truth."""

from pathlib import Path

import numpy as np
import pytest

from autodl_agent.scoring.auc import nauc
from autodl_agent.scoring.scorer import PredictionScorer
from data_format.errors import DataError
from data_format.predictions import write_prediction

TRUTH = np.eye(3)[np.arange(30) % 3]


@pytest.fixture
def judge(tmp_path: Path) -> PredictionScorer:
    return PredictionScorer(solution(tmp_path, TRUTH))


def solution(folder: Path, truth: np.ndarray, name: str = "my.set.solution") -> Path:
    np.savetxt(folder / name, truth, fmt="%g")
    return folder / name


def prediction(folder: Path, scores: np.ndarray) -> Path:
    write_prediction(folder, "my.set", 0, scores)
    return folder / "my.set.predict_0"


def test_a_prediction_gets_the_scores_of_the_plain_functions(judge: PredictionScorer, tmp_path: Path) -> None:
    scores = np.clip(TRUTH * 0.4 + np.random.default_rng(0).random(TRUTH.shape) * 0.6, 0, 1)
    found = judge.judge(prediction(tmp_path, scores))
    assert judge.task == "my.set"
    assert found.nauc == pytest.approx(nauc(TRUTH, scores), abs=1e-7)
    assert 2 * found.aucs.mean() - 1 == pytest.approx(found.nauc)
    assert found.accuracy is not None and 0 < found.accuracy < 1
    # Resamples of the rows scatter around the score of all rows.
    assert found.resampled.std() > 0 and abs(found.resampled.mean() - found.nauc) < 3 * found.resampled.std()
    bar = judge.nauc_bar(prediction(tmp_path, scores))
    assert bar is not None and 0 < bar.std < 0.2


def test_the_same_seed_draws_the_same_rows(tmp_path: Path) -> None:
    scores = np.random.default_rng(1).random(TRUTH.shape)
    path, truth = prediction(tmp_path, scores), solution(tmp_path, TRUTH)
    first, again, other = (PredictionScorer(truth, seed).judge(path).resampled for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("truth", "unusable"),
    [
        ([[1, 0], [0, 1]], [False, False]),
        ([[1, 0], [1, 0]], [True, True]),
        ([[1, 1], [1, 0]], [True, False]),
        ([[1, 0]], [True, True]),
    ],
)
def test_classes_of_one_value_cannot_be_scored(tmp_path: Path, truth: list[list[int]], unusable: list[bool]) -> None:
    assert PredictionScorer(solution(tmp_path, np.array(truth))).unusable.tolist() == unusable


def test_several_labels_a_row_have_no_accuracy(tmp_path: Path) -> None:
    several = PredictionScorer(solution(tmp_path, np.array([[1, 1], [0, 1], [0, 0]])))
    assert several.judge(prediction(tmp_path, np.full((3, 2), 0.5))).accuracy is None


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_truth_that_is_not_finite_is_refused(tmp_path: Path, value: str) -> None:
    (tmp_path / "s.solution").write_text(f"1 0\n0 {value}\n")
    with pytest.raises(DataError, match=f"s.solution: expected 0 or 1, found {value} in row 1, class 1"):
        PredictionScorer(tmp_path / "s.solution")


def test_another_shape_names_file_and_both_shapes(judge: PredictionScorer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"my.set.predict_0: prediction has shape \(30, 2\), truth has \(30, 3\)"):
        judge.judge(prediction(tmp_path, TRUTH[:, :2]))


def test_a_huge_file_is_refused_before_it_is_read(judge: PredictionScorer, tmp_path: Path) -> None:
    path = tmp_path / "my.set.predict_1"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on disk
    with pytest.raises(DataError, match=r"expected \(30, 3\) numbers, found a file of 1099511627776 bytes"):
        judge.judge(path)


def test_a_missing_file_is_named(judge: PredictionScorer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none"):
        judge.judge(tmp_path / "none")
