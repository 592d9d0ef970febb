"""Check the output contract of a run on an AutoDL data set: `python check_output.py DATASET OUTPUT`."""

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np

FILES = ("classes.txt", "test_rows.txt", "predictions.csv", "learning_curve.csv", "run.json", "log.txt")


def check(dataset: Path, output: Path) -> str:
    """Raise AssertionError at the first breach, else say what was found."""
    for name in (*FILES, "predictions/start.txt", "predictions/end.txt"):
        assert (output / name).stat().st_size > 0, f"{name} is empty"
    truth = np.loadtxt(next(dataset.glob("*.solution")), ndmin=2)
    predictions = sorted(
        (output / "predictions").glob("*.predict_*"), key=lambda path: int(path.suffix.removeprefix(".predict_"))
    )
    assert predictions, "no prediction was written"
    assert [p.suffix for p in predictions] == [f".predict_{k}" for k in range(len(predictions))]
    for path in predictions:
        matrix = np.loadtxt(path, ndmin=2)
        assert matrix.shape == truth.shape, f"{path.name}: shape {matrix.shape}, expected {truth.shape}"
        assert np.isfinite(matrix).all(), f"{path.name} holds values that are not finite"
    rows = (output / "test_rows.txt").read_text(encoding="utf-8").splitlines()
    classes = (output / "classes.txt").read_text(encoding="utf-8").splitlines()
    assert (len(rows), len(classes)) == truth.shape, f"{len(rows)} rows, {len(classes)} classes, truth {truth.shape}"
    for name, least in (("predictions.csv", len(rows)), ("learning_curve.csv", 1)):
        with (output / name).open(newline="", encoding="utf-8") as lines:
            found = len(list(csv.DictReader(lines)))
        assert found >= least, f"{name}: {found} rows, expected at least {least}"
    json.loads((output / "run.json").read_text(encoding="utf-8"))
    accuracy = float((np.loadtxt(predictions[-1], ndmin=2).argmax(axis=1) == truth.argmax(axis=1)).mean())
    chance = 1 / truth.shape[1]
    noise = 3 * math.sqrt(chance * (1 - chance) / len(truth))
    assert accuracy > chance + noise, f"accuracy {accuracy:.3f} is no better than chance {chance:.3f}"
    return f"{len(predictions)} predictions of shape {truth.shape}, last accuracy {accuracy:.3f}"


if __name__ == "__main__":
    print(check(Path(sys.argv[1]), Path(sys.argv[2])))
