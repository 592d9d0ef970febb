"""Whole folders of predictions, written here by hand as the protocol describes them."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from autodl_agent.scoring.alc import alc
from autodl_agent.scoring.auc import nauc
from autodl_agent.scoring.report import ScoreReport, find_solution, score_folder
from data_format.errors import DataError

START = 1_700_000_000.25
GENERATOR = np.random.default_rng(0)
TRUTH = np.eye(3)[GENERATOR.integers(0, 3, 60)]


def matrix_text(matrix: NDArray[np.float64], pattern: str = "{:.9g}") -> str:
    return "".join(" ".join(pattern.format(v) for v in row) + "\n" for row in matrix)


def folder_with(
    root: Path,
    predictions: list[NDArray[np.float64]],
    seconds: list[float],
    truth: NDArray[np.float64] = TRUTH,
    budget: float = 60,
) -> tuple[Path, Path]:
    """DIR/predictions with start.txt, and a solution beside it."""
    folder = root / "predictions"
    folder.mkdir(parents=True)
    stamps = "".join(f"{k}: {START + s}\n" for k, s in enumerate(seconds))
    (folder / "start.txt").write_text(
        f"ingestion_pid: 1\ntask_name: toy\ntime_budget: {budget}\nstart_time: {START}\n{stamps}"
    )
    for k, prediction in enumerate(predictions):
        (folder / f"toy.predict_{k}").write_text(matrix_text(prediction))
    (root / "toy.solution").write_text(matrix_text(truth, "{:.0f}"))
    return folder, root / "toy.solution"


def noisy(sigma: float, seed: int = 1) -> NDArray[np.float64]:
    return TRUTH + np.random.default_rng(seed).normal(0, sigma, TRUTH.shape)


def same(a: ScoreReport, b: ScoreReport) -> bool:
    return (a.alc, a.nauc_error, a.alc_error) == (b.alc, b.nauc_error, b.alc_error)


def test_a_whole_run(tmp_path: Path) -> None:
    predictions = [np.full(TRUTH.shape, 0.3), noisy(1.0), noisy(0.5)]
    folder, solution = folder_with(tmp_path, predictions, [0.5, 5.0, 30.0])
    (tmp_path / "classes.txt").write_text("red\ngreen\u2028\nblue\n", encoding="utf-8")
    report = score_folder(folder, solution)
    naucs = [nauc(TRUTH, p) for p in predictions]
    assert [p.nauc for p in report.predictions] == pytest.approx(naucs, abs=1e-6)
    assert [p.seconds for p in report.predictions] == pytest.approx([0.5, 5.0, 30.0], abs=1e-5)
    assert report.alc == pytest.approx(alc([0.5, 5.0, 30.0], naucs, 60), abs=1e-6)
    assert report.nauc == report.predictions[-1].nauc == report.curve.get_final_score()
    assert report.class_names == ("red", "green\u2028", "blue")
    assert 2 * report.class_aucs.mean() - 1 == pytest.approx(report.nauc)
    assert report.predictions[0].accuracy == pytest.approx(1 / 3)
    assert (report.left_out, report.problems, report.budget) == ((), (), 60)
    assert report.nauc_error is not None and report.alc_error is not None
    assert report.nauc_error.mean == pytest.approx(report.nauc, abs=0.1)
    assert report.alc_error.mean == pytest.approx(report.alc, abs=0.1)
    assert same(report, score_folder(folder, solution))


def test_another_budget_and_another_t0(tmp_path: Path) -> None:
    folder, solution = folder_with(tmp_path, [noisy(1.0), noisy(0.2)], [2.0, 40.0])
    naucs = [p.nauc for p in score_folder(folder, solution).predictions]
    assert score_folder(folder, solution, budget=1200, t0=5).alc == pytest.approx(
        alc([2, 40], naucs, 1200, 5), abs=1e-6
    )


def test_late_predictions_are_shown_and_do_not_count(tmp_path: Path) -> None:
    folder, solution = folder_with(tmp_path, [noisy(1.0), noisy(0.1)], [10.0, 61.0])
    report = score_folder(folder, solution)
    assert [p.late for p in report.predictions] == [False, True]
    assert report.nauc == report.predictions[0].nauc
    assert report.alc == pytest.approx(alc([10], [report.nauc], 60), abs=1e-6)
    assert report.curve.get_alc() == pytest.approx(report.alc)
    assert "toy.predict_1" in report.problems[0] and "60 s" in report.problems[0]


def test_missing_damaged_and_misshapen_files_are_named(tmp_path: Path) -> None:
    folder, solution = folder_with(tmp_path, [noisy(1.0)] * 6, [1, 2, 3, 4, 5])
    (folder / "toy.predict_1").unlink()
    (folder / "toy.predict_2").write_text("0.1 0.2\n0.1 oops\n")
    (folder / "toy.predict_3").write_text(matrix_text(noisy(1.0)[:-1]))
    (folder / "toy.predict_4").write_bytes(b"\xff\xfe\x00garbage")
    report = score_folder(folder, solution)
    assert [p.file for p in report.predictions] == ["toy.predict_0"]
    text = "\n".join(report.problems)
    assert len(report.problems) == 5
    assert all(f"toy.predict_{k}" in text for k in (1, 2, 3, 4, 5))
    assert "(59, 3)" in text and "(60, 3)" in text


def test_when_nothing_can_be_scored_it_is_an_error(tmp_path: Path) -> None:
    folder, solution = folder_with(tmp_path, [noisy(1.0)[:, :2]], [1.0])
    with pytest.raises(DataError, match=r"none of 1 predictions.*toy\.predict_0.*\(60, 2\).*\(60, 3\)"):
        score_folder(folder, solution)


def test_no_predictions_score_zero(tmp_path: Path) -> None:
    folder, solution = folder_with(tmp_path, [], [])
    report = score_folder(folder, solution)
    assert (report.alc, report.nauc, report.nauc_error, report.alc_error) == (0.0, 0.0, None, None)
    assert np.isnan(report.class_aucs).all()
    assert "no predictions" in report.problems[0]


def test_classes_that_cannot_be_scored_are_named(tmp_path: Path) -> None:
    truth = np.eye(3)[[0, 1, 0, 1, 0, 1]]
    folder, solution = folder_with(tmp_path, [np.random.default_rng(1).random((6, 3))], [1.0], truth)
    report = score_folder(folder, solution)
    assert report.left_out == ("2",)
    facts = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert facts["class_aucs"]["2"] is None and 0 <= facts["class_aucs"]["0"] <= 1
    assert facts["predictions"][0]["nauc"] == report.nauc and facts["nauc_error"]["resamples"] == 10
    assert np.isnan(report.class_aucs[2]) and np.isfinite(report.nauc)


def test_a_truth_without_any_usable_class_gives_zero_not_a_traceback(tmp_path: Path) -> None:
    folder, solution = folder_with(tmp_path, [noisy(1.0)[:4]], [1.0], np.tile([1.0, 0.0, 0.0], (4, 1)))
    report = score_folder(folder, solution)
    assert (report.nauc, report.alc, report.left_out) == (0.0, 0.0, ("0", "1", "2"))
    assert report.nauc_error is None


def test_one_row_is_a_row_not_a_column(tmp_path: Path) -> None:
    truth = np.array([[0.0, 0.0, 1.0]])
    folder, solution = folder_with(tmp_path, [np.array([[0.1, 0.2, 0.7]])], [1.0], truth)
    report = score_folder(folder, solution)
    assert len(report.class_aucs) == 3
    assert report.predictions[0].accuracy == pytest.approx(0.7)


def test_nan_never_wins_whatever_the_row_order(tmp_path: Path) -> None:
    for name, truth in (("a", TRUTH), ("b", TRUTH[::-1])):
        folder, solution = folder_with(tmp_path / name, [noisy(0.1)], [1.0], truth)
        (folder / "toy.predict_0").write_text("nan nan nan\n" * len(truth))
        try:
            report = score_folder(folder, solution)
        except DataError as error:  # refusing the file by name is as good
            assert "toy.predict_0" in str(error)
        else:
            assert report.nauc == 0.0


def test_nine_digits_keep_what_six_lose(tmp_path: Path) -> None:
    logits = np.random.default_rng(2).normal(0, 1, 200) + 3 * (np.arange(200) < 100) + 14
    side = 1 / (1 + np.exp(logits))
    scores = np.stack([1 - side, side], axis=1)
    truth = np.eye(2)[(np.arange(200) >= 100).astype(int)]
    folder, solution = folder_with(tmp_path, [scores], [1.0], truth)
    assert score_folder(folder, solution).nauc > 0.9


def test_the_solution_may_be_the_folder_of_one(tmp_path: Path) -> None:
    folder, solution = folder_with(tmp_path, [noisy(1.0)], [1.0])
    assert find_solution(tmp_path) == solution
    assert score_folder(folder, tmp_path).nauc == score_folder(folder, solution).nauc
    (tmp_path / "other.solution").write_text("1\n")
    with pytest.raises(DataError, match="expected 1 file NAME.solution, found 2"):
        find_solution(tmp_path)


def test_a_solution_of_another_name_is_taken_and_mixed_tasks_are_refused(tmp_path: Path) -> None:
    folder, solution = folder_with(tmp_path, [noisy(1.0)], [1.0])
    renamed = solution.rename(tmp_path / "renamed.solution")
    assert len(score_folder(folder, renamed).predictions) == 1
    (folder / "elsewhere.predict_0").write_text(matrix_text(noisy(1.0)))
    with pytest.raises(DataError, match="2 tasks"):
        score_folder(folder, renamed)


def test_files_that_must_be_there(tmp_path: Path) -> None:
    folder, solution = folder_with(tmp_path, [noisy(1.0)], [1.0])
    with pytest.raises(DataError, match="nowhere"):
        score_folder(folder, tmp_path / "nowhere.solution")
    (folder / "start.txt").unlink()
    with pytest.raises(DataError, match="start.txt"):
        score_folder(folder, solution)
