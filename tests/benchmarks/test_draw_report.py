"""The picture of a report: what the browser is asked for, and what is said where there is none."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "draw_report.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("draw_report", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_drawn_at_its_size_in_a_profile_of_no_one(script, tmp_path, monkeypatch):
    page, lines = tmp_path / "my report.html", []
    page.write_text("<!DOCTYPE html>")
    monkeypatch.setattr(script.shutil, "which", lambda name: f"/bin/{name}" if name == "google-chrome" else None)
    monkeypatch.setattr(script.subprocess, "run", lambda line, **options: lines.append(line))
    monkeypatch.setattr(sys, "argv", ["draw_report.py", str(page), str(tmp_path / "a.png"), "--height", "700"])
    script.main()
    ((browser, *flags, address),) = lines
    assert browser == "/bin/google-chrome" and address == page.as_uri() and "%20" in address
    assert {"--headless", "--window-size=1100,700", f"--screenshot={tmp_path / 'a.png'}"} <= set(flags)
    (profile,) = (flag.partition("=")[2] for flag in flags if flag.startswith("--user-data-dir="))
    assert not Path(profile).exists()


@pytest.mark.parametrize(("browser", "says"), [(None, "on PATH, found none"), ("/bin/chromium", "no such file")])
def test_what_is_missing_is_named(script, tmp_path, monkeypatch, capsys, browser, says):
    monkeypatch.setattr(script.shutil, "which", lambda name: browser)
    monkeypatch.setattr(sys, "argv", ["draw_report.py", str(tmp_path / "none.html")])
    with pytest.raises(SystemExit, match="2"):
        script.main()
    assert says in capsys.readouterr().err
