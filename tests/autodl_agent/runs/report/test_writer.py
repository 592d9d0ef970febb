"""When pages are drawn: the last one always, live ones within their share, and never at the run's expense."""

import logging
import time
from dataclasses import replace

import pytest

from autodl_agent.runs.report import writer as module
from autodl_agent.runs.report.writer import Reporter
from autodl_agent.system.clock import Budget


def live(scene, folder, monkeypatch, **settings):
    """A reporter on the real clock that may draw at once."""
    for key, value in {"SHARE": 50.0, "SHORTEST_S": 0.05, "GROWTH": 0.0, "FIRST_GUESS_S": 0.01, **settings}.items():
        monkeypatch.setattr(module, key, value)
    budget = Budget.from_now(60)
    scene = replace(scene, budget=budget)
    return Reporter(folder, budget, lambda ended: replace(scene, elapsed_s=budget.elapsed(), ended=ended)), budget


def until(happens, seconds=20.0):
    end = time.monotonic() + seconds
    while not happens() and time.monotonic() < end:
        time.sleep(0.01)
    assert happens()


def test_pages_appear_while_the_run_goes_on_and_the_last_stands(make_scene, tmp_path, monkeypatch):
    reporter, budget = live(make_scene(), tmp_path, monkeypatch)
    reporter.start()
    until(lambda: reporter.pages >= 2)
    assert "Running" in (tmp_path / "report.html").read_text(encoding="utf-8")
    reporter.finish("budget used", budget.elapsed() + 20)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "budget used" in text and "Running" not in text
    assert (tmp_path / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert not reporter._thread.is_alive()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["learning_curve.png", "report.html"]


def test_a_late_live_page_never_replaces_the_last(make_scene, tmp_path, monkeypatch):
    scene = make_scene()
    reporter, budget = live(scene, tmp_path, monkeypatch)
    reporter.finish("done", budget.elapsed() + 20)
    reporter._write(replace(scene, ended=""), None)
    assert "Running" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_no_page_is_begun_beyond_its_share_of_the_time(make_scene, tmp_path, monkeypatch):
    reporter, _ = live(make_scene(), tmp_path, monkeypatch, SHARE=1e-6)
    reporter.start()
    time.sleep(0.3)
    reporter._halt()
    assert reporter.pages == 0 and not (tmp_path / "report.html").exists()


def test_no_time_means_the_page_without_the_picture(make_scene, tmp_path, monkeypatch):
    reporter, budget = live(make_scene(), tmp_path, monkeypatch)
    reporter.finish("budget used", budget.elapsed() - 1)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("broken", ["look", "folder"])
def test_trouble_with_the_report_stays_in_the_log(make_scene, tmp_path, monkeypatch, caplog, broken):
    reporter, budget = live(make_scene(), tmp_path / "gone" if broken == "folder" else tmp_path, monkeypatch)
    if broken == "look":
        reporter.look = lambda ended: 1 / 0
    logger = logging.getLogger("autodl_agent")
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level(logging.WARNING, "autodl_agent"):
        reporter.finish("done", budget.elapsed() + 5)
    assert "no last report" in caplog.text


def test_a_run_that_broke_off_stops_its_page_from_reloading(make_scene, tmp_path, monkeypatch):
    reporter, _ = live(make_scene(), tmp_path, monkeypatch)
    reporter.start()
    until(lambda: reporter.pages >= 1)
    reporter.abandon("stopped by an error")
    assert "stopped by an error" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_run_without_a_prediction_has_no_page(tmp_path):
    budget = Budget.from_now(60)
    reporter = Reporter(tmp_path, budget, lambda ended: None)
    reporter.finish("done", budget.elapsed() + 5)
    reporter.abandon("again")
    assert list(tmp_path.iterdir()) == []
