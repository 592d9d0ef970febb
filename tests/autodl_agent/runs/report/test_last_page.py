"""The last page: as complete as the time allows, the PNG file before the examples."""

import pytest

from autodl_agent.learners.testing.contract import FakeClock
from autodl_agent.runs.report import curve_file
from autodl_agent.runs.report.last_page import _wait_for_examples_s, write_last_page
from autodl_agent.runs.report.page_file import PageFile
from autodl_agent.system.clock import Deadline


def written(make_data, folder, left_s):
    """Names of the files, and the page."""
    data = make_data("image", ended="budget used")
    file = PageFile(folder, data.budget)
    write_last_page(file, data, Deadline(FakeClock()() + left_s, FakeClock()), 4)
    return sorted(path.name for path in folder.iterdir()), (folder / "report.html").read_text(encoding="utf-8")


def test_with_time_everything_is_there(make_data, tmp_path):
    names, page = written(make_data, tmp_path, 20.0)
    assert names == ["learning_curve.png", "report.html"]
    assert "data:image/jpeg" in page and "not shown" not in page and "classes, columns and rows" in page


def test_without_time_there_is_still_a_page(make_data, tmp_path):
    names, page = written(make_data, tmp_path, -1.0)
    assert names == ["report.html"]
    assert "budget used" in page and "not shown" in page and "not shown yet" not in page


@pytest.mark.parametrize(
    ("left", "wait"),
    [(5.0, 3.95), (1.1, 0.05), (1.0, 0.15), (0.2, 0.1), (0.05, -0.05)],
)
def test_examples_wait_for_what_the_png_file_leaves(left, wait):
    assert _wait_for_examples_s(left, 0.1, 0.95) == pytest.approx(wait)


def test_the_file_is_left_out_where_its_library_cannot_be_loaded_in_time(make_data, tmp_path, monkeypatch):
    monkeypatch.setattr(curve_file, "is_loaded", lambda: False)
    names, _ = written(make_data, tmp_path, curve_file.MATPLOTLIB_S)
    assert names == ["report.html"]
