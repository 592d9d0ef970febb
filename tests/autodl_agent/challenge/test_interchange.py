"""Folders laid out exactly as the public ingestion leaves them, scored by our program; formulas worked out anew here.

The public program formats with %g, writes `temp_prediction_file_N` and renames it, rewrites `start.txt` in place with
absolute moments, and cuts names at the first dot. What it and its successors vary is parametrised.
"""

import math
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.challenge.scoring import ScoringConfig, main, run_scoring
from autodl_agent.scoring.accuracy import soft_accuracy
from autodl_agent.scoring.alc import alc, transformed_time
from autodl_agent.scoring.auc import nauc
from data_format.predictions import write_end, write_prediction, write_start

TRUTH = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0]] * 4, float)


def expected_nauc(truth: np.ndarray, scores: np.ndarray) -> float:
    """2·mean(AUC) − 1 by comparing every positive with every negative."""
    aucs = []
    for y, p in zip(truth.T, scores.T, strict=True):
        if 0 < y.sum() < len(y):
            difference = p[y == 1][:, None] - p[y != 1][None, :]
            aucs.append(((difference > 0) + 0.5 * (difference == 0)).mean())
    return 2 * float(np.mean(aucs)) - 1


def expected_alc(times: list[float], scores: list[float], budget: float, t0: float = 60) -> float:
    """The step integral ∫ s(t)/(t+t0) dt / ln(1+T/t0), piece by piece."""
    ends = [*times, budget][1:]
    pieces = [s * math.log((e + t0) / (t + t0)) for t, s, e in zip(times, scores, ends, strict=True)]
    return sum(pieces) / math.log(1 + budget / t0)


class PublicIngestion:
    """Writes what the public ingestion writes, in its order."""

    def __init__(self, folder: Path, name: str, budget: float, started: float) -> None:
        self.folder, self.name, self.budget, self.started = folder, name, budget, started
        self.stamps: list[float] = []
        self._rewrite()

    def _rewrite(self) -> None:
        with (self.folder / "start.txt").open("w") as file:
            file.write("ingestion_pid: 1\n")
            file.write(f"task_name: {self.name.split('.')[0]}\n")
            file.write(f"time_budget: {self.budget}\n")
            file.write(f"start_time: {self.started}\n")
            for k, stamp in enumerate(self.stamps):
                file.write(f"{k}: {stamp}\n")

    def predict(self, matrix: np.ndarray, seconds: float) -> None:
        self.stamps.append(self.started + seconds)
        self._rewrite()
        temporary = self.folder / f"temp_prediction_file_{np.random.default_rng(len(self.stamps)).integers(0, 10000)}"
        with temporary.open("w") as file:
            for row in matrix:
                file.write(" ".join(f"{value:g}" for value in row) + "\n")
        temporary.rename(self.folder / f"{self.name}.predict_{len(self.stamps) - 1}")

    def end(self, success: int = 1) -> None:
        text = f"ingestion_duration: 12.5\ningestion_success: {success}\nend_time: {time.time()}\n"
        (self.folder / "end.txt").write_text(text)


def matrices(n: int) -> list[np.ndarray]:
    generator = np.random.default_rng(11)
    return [
        np.round(TRUTH + generator.normal(0, 3 / (k + 2) ** 0.5, TRUTH.shape), 3).astype(np.float32) for k in range(n)
    ]


def write_solution(root: Path, name: str, pattern: str = "%.0f ") -> Path:
    folder = root / "solution"
    folder.mkdir()
    lines = ["".join(pattern % value for value in row) for row in TRUTH]
    (folder / f"{name}.solution").write_text("\n".join(lines) + "\n")
    return folder


def scores_of(folder: Path) -> dict[str, list[float]]:
    """scores.txt as numbers; a value that YAML 1.1 would not read as number or list of numbers is refused."""
    number = r"-?\d+\.\d*(?:e[-+]\d+)?"
    found = {}
    for line in (folder / "scores.txt").read_text().splitlines():
        key, value = line.split(": ")
        assert re.fullmatch(rf"{number}|\[(?:{number}(?:, {number})*)?\]", value), line
        found[key] = [float(item) for item in re.findall(number, value)]
    return found


@pytest.mark.parametrize("name", ["miniciao", "a.dotted.name"])
@pytest.mark.parametrize("pattern", ["%.0f ", "%.1f "])
def test_a_finished_run(tmp_path: Path, name: str, pattern: str) -> None:
    predictions, scores = tmp_path / "predictions", tmp_path / "scores"
    predictions.mkdir()
    run = PublicIngestion(predictions, name, 1200, time.time() - 2000)
    seconds = [0.75 * 1.7**k for k in range(12)]
    for matrix, moment in zip(matrices(12), seconds, strict=True):
        run.predict(matrix, moment)
    run.end()
    (predictions / "temp_prediction_file_77").write_text("half of a predic")
    solution = write_solution(tmp_path, name, pattern)
    assert main([f"-solution_dir={solution}", f"-prediction_dir={predictions}", f"-score_dir={scores}"]) == 0
    naucs = [expected_nauc(TRUTH, matrix) for matrix in matrices(12)]
    found = scores_of(scores)
    assert found["nauc_scores"] == pytest.approx(naucs, abs=1e-6)
    assert found["timestamps"] == pytest.approx(seconds, abs=1e-5)
    assert found["score"] == pytest.approx([expected_alc(seconds, naucs, 1200)], abs=1e-6)
    assert found["Duration"] == pytest.approx([seconds[-1]], abs=1e-5)
    assert "accuracy" not in found  # rows with two classes
    assert found["alc_mean"][0] == pytest.approx(found["score"][0], abs=0.2) and found["nauc_std"][0] > 0
    assert (scores / f"learning-curve-{name}.png").stat().st_size > 5000


def test_a_run_that_goes_on_meanwhile(tmp_path: Path) -> None:
    predictions, scores = tmp_path / "predictions", tmp_path / "scores"
    predictions.mkdir()
    config = ScoringConfig(write_solution(tmp_path, "miniciao"), predictions, scores, poll_s=0.01)
    scoring = threading.Thread(target=run_scoring, args=(config,))
    scoring.start()
    run = PublicIngestion(predictions, "miniciao", 60, time.time())
    seconds = []
    for matrix in matrices(20):
        seconds.append(time.time() - run.started)
        run.predict(matrix, seconds[-1])
        time.sleep(0.02)
    run.end()
    scoring.join(30)
    assert not scoring.is_alive()
    naucs = [expected_nauc(TRUTH, matrix) for matrix in matrices(20)]
    found = scores_of(scores)
    assert found["nauc_scores"] == pytest.approx(naucs, abs=1e-6)
    assert found["score"] == pytest.approx([expected_alc(seconds, naucs, 60)], abs=1e-6)


STARTS = {
    "scientific": "ingestion_pid: 77\ntask_name: toy\ntime_budget: 1.2e+03\nstart_time: 1.5e+9\n0: 1.50000001e9\n",
    "integers": "start_time: 1500000000\n0: 1500000010\ningestion_pid: 1\ntask_name: toy\ntime_budget: 1200\n",
    "quoted": "ingestion_pid: 1\ntask_name: 'it''s: toy'\ntime_budget: 1200.0\nstart_time: 1500000000.0\n"
    "0: 1500000010.0\n",
    "double": 'ingestion_pid: 1\ntask_name: "toy \\"x\\""\ntime_budget: 1200\nstart_time: 1500000000\n0: 1500000010\n',
    "extra": "---\n# a note\ningestion_pid: 1\ntask_name: toy\ntime_budget: 1200\nstart_time: 1500000000.00\n"
    "host: box\nsizes: [1, 2]\nmore:\n  - 3\n  deep: {a: 1}\n0:    1500000010\n",
    "windows": "ingestion_pid: 1\r\ntask_name: toy\r\ntime_budget: 1200\r\nstart_time: 1500000000\r\n0: 1500000010\r\n",
    "seconds used": "ingestion_pid: 1\ntask_name: toy\ntime_budget: 1200\nstart_time: 1500000000.5\n0: 10.0\n",
    "no name": "ingestion_pid: 1\ntime_budget: 1200\nstart_time: 1500000000\n0: 1500000010",
}


@pytest.mark.parametrize("variant", STARTS)
def test_start_files_as_yaml_may_write_them(tmp_path: Path, variant: str) -> None:
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    (predictions / "start.txt").write_bytes(STARTS[variant].encode())
    (predictions / "end.txt").write_text("end_time: 1500001200.5\ningestion_duration: 1201\ningestion_success: 1\n")
    np.savetxt(predictions / "toy.predict_0", matrices(1)[0], "%g")
    result = run_scoring(ScoringConfig(write_solution(tmp_path, "toy"), predictions, tmp_path / "scores"))
    assert result.success is True and result.report is not None
    assert result.report.budget == 1200 and result.report.predictions[0].seconds == pytest.approx(10.0)
    assert result.report.alc == pytest.approx(expected_alc([10], [expected_nauc(TRUTH, matrices(1)[0])], 1200))


def test_what_we_write_is_scored_the_same(tmp_path: Path) -> None:
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    start = write_start(predictions, "toy", 1200, 1.5e9, 1)
    start.write_text(start.read_text() + "0: 1500000010.25\n")
    write_prediction(predictions, "toy", 0, matrices(1)[0])
    write_end(predictions, 20, True, 1.5e9 + 20)
    result = run_scoring(ScoringConfig(write_solution(tmp_path, "toy"), predictions, tmp_path / "scores"))
    assert result.report is not None
    assert result.report.alc == pytest.approx(expected_alc([10.25], [expected_nauc(TRUTH, matrices(1)[0])], 1200))


@pytest.mark.parametrize(
    ("times", "scores", "budget", "area"),
    [
        ([], [], 1200, 0.0),
        ([60], [1], 1200, 0.772329751303047),
        ([10, 100, 600], [0.2, 0.5, 0.8], 1200, 0.45694209352272713),
        ([10, 100], [-0.2, 0.5], 1200, 0.28461307001136715),
        ([600, 1300], [0.5, 0.9], 1200, 0.1061952),
    ],
)
def test_published_areas(times: list[float], scores: list[float], budget: float, area: float) -> None:
    assert alc(times, scores, budget) == pytest.approx(area, abs=1e-7 if times[-1:] == [1300] else 1e-14)
    if times[-1:] != [1300]:
        assert expected_alc(times, scores, budget) == pytest.approx(area, abs=1e-14)


def test_published_scores() -> None:
    moments = transformed_time([0, 10, 60, 300, 600, 1200], 1200)
    assert moments == pytest.approx([0, 0.050632, 0.22767, 0.588519, 0.78761, 1], abs=5e-6)
    truth = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]])
    scores = np.array([[0.9, 0.1, 0.3], [0.2, 0.4, 0.1], [0.9, 0.4, 0.2], [0.8, 0.3, 0.9]])
    assert nauc(truth, scores) == expected_nauc(truth, scores) == 0.25
    assert soft_accuracy(truth, scores) == pytest.approx(0.45343406593406554, abs=1e-14)
    assert nauc(TRUTH, np.zeros_like(TRUTH)) == 0.0
