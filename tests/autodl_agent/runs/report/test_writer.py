"""When pages are drawn: the last one always, live ones within their share, and never at the run's expense."""

import logging
import time
from dataclasses import replace

import pytest

from autodl_agent.runs.report import schedule
from autodl_agent.runs.report.writer import Reporter
from autodl_agent.system.clock import Budget


def live(data, folder, monkeypatch, **settings):
    """A reporter on the real clock that may draw at once."""
    for key, value in {"SHARE": 50.0, "SHORTEST_S": 0.05, "GROWTH": 0.0, "FIRST_GUESS_S": 0.01, **settings}.items():
        monkeypatch.setattr(schedule, key, value)
    budget = Budget.from_now(60)
    data = replace(data, budget=budget)
    return Reporter(folder, budget, lambda ended: replace(data, elapsed_s=budget.elapsed(), ended=ended)), budget


def until(happens, seconds=20.0):
    end = time.monotonic() + seconds
    while not happens() and time.monotonic() < end:
        time.sleep(0.01)
    assert happens()


def test_pages_appear_while_the_run_goes_on_and_the_last_one_stays(make_data, tmp_path, monkeypatch):
    reporter, budget = live(make_data(), tmp_path, monkeypatch)
    reporter.start()
    until(lambda: reporter.file.written >= 2)
    assert "Running" in (tmp_path / "report.html").read_text(encoding="utf-8")
    reporter.finish("budget used", budget.elapsed() + 20)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "budget used" in text and "Running" not in text
    assert (tmp_path / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert not reporter._thread.is_alive()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["learning_curve.png", "report.html"]


def test_no_page_is_begun_beyond_its_share_of_the_time(make_data, tmp_path, monkeypatch):
    reporter, _ = live(make_data(), tmp_path, monkeypatch, SHARE=1e-6)
    reporter.start()
    time.sleep(0.3)
    reporter._halt()
    assert reporter.file.written == 0 and not (tmp_path / "report.html").exists()


def test_what_the_pages_took_is_accounted_for(make_data, tmp_path, monkeypatch):
    reporter, budget = live(make_data(), tmp_path, monkeypatch)
    reporter.start()
    until(lambda: reporter.file.written >= 2)
    reporter.finish("done", budget.elapsed() + 20)
    assert 0 < reporter.schedule.cost_s <= reporter.schedule.spent_s < budget.elapsed()


def test_without_jinja2_there_is_one_line_in_the_log(make_data, tmp_path, monkeypatch, caplog):
    reporter, budget = live(make_data(), tmp_path, monkeypatch)
    monkeypatch.setattr(logging.getLogger("autodl_agent"), "propagate", True)
    monkeypatch.setattr(reporter.file, "load", lambda: __import__("no_such_template_library"))
    with caplog.at_level(logging.WARNING, "autodl_agent"):
        reporter.start()
        until(lambda: not reporter._thread.is_alive())
    assert len({id(record) for record in caplog.records}) == 1  # handlers of other tests may see it twice
    assert "no_such_template_library" in caplog.text
    assert not (tmp_path / "report.html").exists() and budget.remaining() > 0


def test_no_time_means_the_page_without_the_png_file(make_data, tmp_path, monkeypatch):
    reporter, budget = live(make_data(), tmp_path, monkeypatch)
    reporter.finish("budget used", budget.elapsed() - 1)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("broken", ["look", "folder"])
def test_trouble_with_the_report_stays_in_the_log(make_data, tmp_path, monkeypatch, caplog, broken):
    reporter, budget = live(make_data(), tmp_path / "gone" if broken == "folder" else tmp_path, monkeypatch)
    if broken == "look":
        reporter.look = lambda ended: 1 / 0
    logger = logging.getLogger("autodl_agent")
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level(logging.WARNING, "autodl_agent"):
        reporter.finish("done", budget.elapsed() + 5)
    assert "no last report" in caplog.text


def test_a_run_that_broke_off_stops_its_page_from_reloading(make_data, tmp_path, monkeypatch):
    reporter, _ = live(make_data(), tmp_path, monkeypatch)
    reporter.start()
    until(lambda: reporter.file.written >= 1)
    reporter.abandon("stopped by an error")
    assert "stopped by an error" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_run_without_a_prediction_has_no_page(tmp_path):
    budget = Budget.from_now(60)
    reporter = Reporter(tmp_path, budget, lambda ended: None)
    reporter.finish("done", budget.elapsed() + 5)
    reporter.abandon("again")
    assert list(tmp_path.iterdir()) == []
