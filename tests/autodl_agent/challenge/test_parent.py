"""Several score folders put together: every set keeps its number."""

import sys
from pathlib import Path

import pytest

from autodl_agent.challenge.parent import MISSING_SCORE, main, read_results, write_parent
from autodl_agent.runs.report.html_templates import template_environment
from data_format.errors import DataError


def child(root: Path, number: int, text: str | None, plot: bytes | None = b"png") -> None:
    folder = root / f"res_{number}"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "scores.txt").write_text(text)
    if plot is not None:
        (folder / "learning-curve-toy.png").write_bytes(plot)
        (folder / "learning-curve-zoo.png").write_bytes(b"second")


def lines(path: Path) -> list[str]:
    return (path / "scores.txt").read_text().splitlines()


def test_an_unreadable_set_does_not_shift_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child(tmp_path / "in", 2, "score: 0.25\nDuration: 1\n")
    child(tmp_path / "in", 3, "score: garbage\n")
    child(tmp_path / "in", 5, "score: 1e-05\n", plot=None)
    (tmp_path / "in" / "res_x").mkdir()
    assert main([f"--input_dir={tmp_path / 'in'}", f"-output_dir={tmp_path / 'deep' / 'out'}"]) == 0
    assert lines(tmp_path / "deep" / "out") == [
        "score:",
        "set1_score: 0.25",
        f"set2_score: {MISSING_SCORE}",
        f"set3_score: {MISSING_SCORE}",
        "set4_score: 1.0e-05",
        f"set5_score: {MISSING_SCORE}",
    ]
    page = (tmp_path / "deep" / "out" / "detailed_results.html").read_text()
    assert [page.count(f"Dataset {i}.") for i in range(1, 7)] == [1, 1, 1, 1, 1, 0]
    assert page.count("<img") == 5 and page.count("cG5n") == 2  # two plots of their own, the first by name
    assert "refresh" not in page
    drawn = sorted(path.name for path in (tmp_path / "deep" / "out").glob("*.png"))
    assert drawn == [f"learning-curve-dataset-{i}.png" for i in (3, 4, 5)]
    told = capsys.readouterr().err
    assert "set 2:" in told and "garbage" in told and "set 3:" in told and "set 1:" not in told


def test_any_number_of_sets(tmp_path: Path) -> None:
    for i in range(1, 8):
        child(tmp_path, i + 1, f"score: 0.{i}\n")
    results = read_results(tmp_path)
    assert {i: result.score for i, result in results.items()} == {i: i / 10 for i in range(1, 8)}
    assert list(read_results(tmp_path, sets=2)) == [1, 2]
    write_parent(tmp_path / "out", read_results(tmp_path, sets=2))
    assert lines(tmp_path / "out") == ["score:", "set1_score: 0.1", "set2_score: 0.2"]


def test_folders_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="nowhere"):
        read_results(tmp_path / "nowhere")
    assert main([f"--input_dir={tmp_path / 'nowhere'}", f"--output_dir={tmp_path}"]) == 2
    assert "nowhere" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["--sets=0"])


def test_scores_do_not_need_jinja2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    child(tmp_path / "in", 2, "score: 0.25\n")
    template_environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert main([f"--input_dir={tmp_path / 'in'}", f"--output_dir={tmp_path / 'out'}", "--sets=1"]) == 0
    assert lines(tmp_path / "out") == ["score:", "set1_score: 0.25"]
    assert not list((tmp_path / "out").glob("*.html"))
    assert "detailed_results.html is not written" in (said := capsys.readouterr().err) and "jinja2" in said
