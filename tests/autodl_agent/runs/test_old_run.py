"""A run folder that an earlier version wrote is predicted with, scored and resumed, with the same values.

`run_of_0.1.0/wine.zip` holds one, made by commit e89fc02 (before the packages were moved) with

    autodl run sample_data/wine --budget 1.5 --seed 1 --learners quick-table --output run
    autodl predict run sample_data/wine --proba -o expected_predictions.csv
    autodl score run/predictions sample_data/wine/wine.solution --json > expected_score.json
"""

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.runs.agent import run
from autodl_agent.runs.config import RunConfig
from autodl_agent.runs.model.prediction_table import predict_files
from autodl_agent.runs.resume import read_previous_run
from autodl_agent.scoring.report import score_folder
from autodl_agent.system.clock import Budget
from data_format.predictions import list_predictions

WINE = Path(__file__).resolve().parents[3] / "sample_data" / "wine"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with zipfile.ZipFile(Path(__file__).with_name("run_of_0.1.0") / "wine.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path


def rows_of(text: str) -> tuple[list[str], np.ndarray, list[str]]:
    """Header, probabilities and decisions of a table that `autodl predict --proba` wrote."""
    head, *rows = list(csv.reader(io.StringIO(text)))
    return head, np.array([row[:-1] for row in rows], np.float64), [row[-1] for row in rows]


def test_its_model_predicts_the_same(old: Path) -> None:
    out = io.StringIO()
    predict_files(old / "run", WINE, None, out, proba=True)
    head, values, decisions = rows_of(out.getvalue())
    expected = rows_of((old / "expected_predictions.csv").read_text("utf-8"))
    assert head == expected[0] and decisions == expected[2]
    assert np.allclose(values, expected[1], atol=1e-6)


def test_it_scores_the_same(old: Path) -> None:
    expected = json.loads((old / "expected_score.json").read_text("utf-8"))
    found = score_folder(old / "run" / "predictions", WINE / "wine.solution")
    assert found.alc == pytest.approx(expected["alc"], abs=1e-9)
    assert [one.nauc for one in found.predictions] == pytest.approx([one["nauc"] for one in expected["predictions"]])


def test_it_is_resumed_from_its_last_prediction(old: Path) -> None:
    files = [path.read_bytes() for _, path in list_predictions(old / "run" / "predictions")]
    previous = read_previous_run(old / "run")
    assert previous.parts and previous.to_beat == pytest.approx(0.886639, abs=2e-6)
    result = run(WINE, old / "run", RunConfig(2.0), Budget.from_now(2.0).after(previous.seconds), previous=previous)
    assert result.n_predictions >= len(files) == 3
    assert [path.read_bytes() for _, path in list_predictions(old / "run" / "predictions")][:3] == files
    nauc = [point["held_out_nauc"] for point in result.curve if point["held_out_nauc"] is not None]
    assert nauc == sorted(nauc)
