"""The file is drawn for every kind of curve; what it shows is checked in its words, ticks and pixels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autodl_agent.runs.report.curve_png import describe_curve, draw_curve, second_ticks
from autodl_agent.scoring.alc import LearningCurve, transformed_time
from data_format.errors import DataError


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def filled(path: Path) -> float:
    """Share of the image that has the colour of the filled area: clearly less red than green and blue."""
    red, green, blue = np.moveaxis(pixels(path), -1, 0)
    return float(((green - red > 50) & (blue - red > 50) & (green > 200)).mean())


def test_the_filled_area_grows_with_the_alc(tmp_path: Path) -> None:
    shares = []
    for score in (0.2, 0.5, 0.9):
        draw_curve(tmp_path / "c.png", LearningCurve.of([0.5], [score], 60), "toy")
        shares.append(filled(tmp_path / "c.png"))
    assert 0.05 < shares[0] < shares[1] < shares[2]
    with Image.open(tmp_path / "c.png") as image:
        assert image.size == (700, 707)
        assert image.info["Title"] == "Learning curve for task: toy" and "ALC 0.8" in image.info["Description"]
    assert [path.name for path in tmp_path.iterdir()] == ["c.png"]


@pytest.mark.parametrize(
    ("times", "scores", "budget", "t0", "task"),
    [
        ([], [], 1200, 60, "nothing yet"),
        ([1, 5, 30], [-0.3, -1.0, -0.25], 120, 60, "$negative$ \\frac{"),
        ([0.1, 3, 9000], [1.0, 1.0, 0.0], 7200, 300, "宠物" * 60),
        (np.linspace(0, 36000, 200), np.linspace(-0.1, 1, 200), 36000, 60, "line\nbreak \x07 <b>&"),
        ([-1.0], [0.5], 0.5, 60, ""),
        ([1.0], [0.5], 60, 60, "bytes \udcff"),
    ],
)
def test_any_curve_is_drawn(
    tmp_path: Path, times: list[float], scores: list[float], budget: float, t0: float, task: str
) -> None:
    draw_curve(tmp_path / "c.png", LearningCurve.of(times, scores, budget), task, t0)
    assert pixels(tmp_path / "c.png").std() > 10


def test_a_budget_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="budget=0"):
        draw_curve(tmp_path / "c.png", LearningCurve((), (), 0.0), "toy")
    assert list(tmp_path.iterdir()) == []


def test_ticks_end_at_the_budget() -> None:
    assert [label for _, label in second_ticks(60)] == ["10", "60"]
    assert [label for _, label in second_ticks(120)] == ["10", "60", "120"]
    assert [label for _, label in second_ticks(1200)] == ["10", "60", "300", "600", "1200"]
    assert [label for _, label in second_ticks(7200)][4:] == ["1200", "1800", "3600", "5400", "7200"]
    places = [place for place, _ in second_ticks(1200)]
    assert places == pytest.approx(transformed_time([10, 60, 300, 600, 1200], 1200).tolist())
    assert [label for _, label in second_ticks(5)] == ["5"]


def test_labels_never_run_into_each_other() -> None:
    for budget in (61, 1201, 1810, 7200, 36000, 360000):
        ticks = second_ticks(budget)
        labelled = [place for place, label in ticks if label]
        assert ticks[-1] == (1.0, f"{budget:g}")
        assert min(np.diff(labelled)) >= 0.03 and len(ticks) < 40


def test_the_curve_in_words() -> None:
    curve = LearningCurve.of([1, 10, 20, 61], [0.1, 0.8, 0.7, 0.99], 60)
    words = describe_curve(curve, "toy")
    assert f"ALC {curve.get_alc():.4f} over 60 s, 3 predictions" in words
    assert "first score 0.1000 at 1.0 s, best score 0.8000 at 10.0 s, last score 0.7000 at 20.0 s" in words
    assert describe_curve(LearningCurve.of([], [], 60), "toy").endswith("no prediction.")
