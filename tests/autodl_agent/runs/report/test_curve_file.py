"""`learning_curve.png` of a run."""

from dataclasses import replace

from PIL import Image

from autodl_agent.runs.report import curve_file


def described(folder):
    with Image.open(folder / "learning_curve.png") as image:
        return image.info["Description"]


def test_test_rows_count_where_they_are_known(make_data, tmp_path):
    data = make_data(ended="done")
    curve_file.write_curve(tmp_path, data)
    assert "last score 0.8000" in described(tmp_path)
    curve_file.write_curve(tmp_path, replace(data, curve=({"time": 1.0, "held_out_nauc": 0.8, "test_nauc": 0.3},)))
    assert "last score 0.3000" in described(tmp_path)


def test_without_scores_there_is_no_file(make_data, tmp_path):
    curve_file.write_curve(tmp_path, make_data(judged=False))
    assert list(tmp_path.iterdir()) == []


def test_once_loaded_it_costs_only_the_drawing(monkeypatch):
    curve_file.load()
    assert curve_file.is_loaded()
    loaded = curve_file.cost_s()
    monkeypatch.setattr(curve_file, "is_loaded", lambda: False)
    assert curve_file.cost_s() == loaded + curve_file.MATPLOTLIB_S
