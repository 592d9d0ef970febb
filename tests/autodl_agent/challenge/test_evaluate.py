"""Whole evaluations: zips and folders, tables, exit codes, what stays on disk."""

import csv
import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from autodl_agent.challenge.evaluate import Curve, EvaluateConfig, Row, Watcher, distinct, evaluate, read_curve
from autodl_agent.challenge.prepare import prepare
from autodl_agent.challenge.sandbox.unpack import open_submission, unpack
from autodl_agent.commands.evaluate import evaluate as command
from autodl_agent.commands.evaluate_view import LiveWatcher, PlainWatcher, sparkline
from autodl_agent.scoring.alc import alc
from autodl_agent.system.errors import UsageError
from data_format.errors import DataError
from data_format.predictions import read_prediction
from data_format.raw.options import ReadOptions

Write = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[3]
BASELINE = ROOT / "autodl_agent" / "challenge" / "examples" / "baseline"
KNOWS = "return np.array([[1.0, 0.0], [0.0, 1.0]] * 3)[:6]"


def zipped(folder: Path, to: Path) -> Path:
    with zipfile.ZipFile(to, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    return to


class Heard(Watcher):
    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.curves: list[Curve] = []
        self.rows: list[Row] = []

    def begin(self, submission: str, dataset: str) -> None:
        self.begun.append((submission, dataset))

    def update(self, submission: str, dataset: str, curve: Curve) -> None:
        self.curves.append(curve)

    def end(self, row: Row) -> None:
        self.rows.append(row)


def test_the_baseline_on_a_sample_set(tmp_path: Path) -> None:
    heard = Heard()
    rows = evaluate([BASELINE], [ROOT / "sample_data" / "wine"], tmp_path, EvaluateConfig(60.0), heard)
    assert rows == heard.rows
    (row,) = rows
    assert (row.submission, row.dataset, row.predictions, row.status) == ("baseline", "wine", 1, "ok")
    assert row.nauc is not None and row.nauc > 0.3
    assert row.first_s is not None and 0 < row.first_s < 60
    folder = tmp_path / "baseline" / "wine"
    assert read_prediction(folder / "predictions" / "wine.predict_0").shape == (58, 5)
    assert {"scores.txt", "detailed_results.html", "learning-curve-wine.png"} <= {
        path.name for path in (folder / "scores").iterdir()
    }
    assert not (BASELINE / "__pycache__").exists()


def test_command_ranks_submissions(nlp: Path, submission: Write, tmp_path: Path) -> None:
    good = zipped(submission(test=KNOWS), tmp_path / "knows.zip")
    flat, broken = submission(name="flat"), submission(name="broken", train="raise ValueError('no')")
    out, parent = tmp_path / "out", tmp_path / "parent"
    arguments = [str(good), str(nlp / "tiny.docs.data"), "--against", str(flat), "--against", str(broken)]
    arguments += ["--budget", "30", "--t0", "300", "--output", str(out), "--parent-layout", str(parent)]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 1, result.output
    assert "broken on tiny.docs: raised: train raised ValueError: no (model.py, line 12)" in result.output
    with (out / "results.csv").open() as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert [rows[name]["status"] for name in ("knows", "flat", "broken")] == ["ok", "ok", "raised"]
    assert 0.9 < float(rows["knows"]["alc"]) < 1
    assert float(rows["knows"]["nauc"]) == 1
    assert float(rows["flat"]["alc"]) == 0
    with (out / "leaderboard.csv").open() as file:
        board = list(csv.DictReader(file))
    assert [(row["submission"], float(row["ave_score"])) for row in board] == [
        ("knows", 1),
        ("flat", 2.5),
        ("broken", 2.5),
    ]
    assert (out / "broken" / "tiny.docs" / "scores" / "scores.txt").is_file()
    assert "set1_score" in (parent / "knows" / "output" / "scores.txt").read_text()
    curve = read_curve(out / "knows" / "tiny.docs" / "scores")
    assert (len(curve.seconds), curve.nauc) == (3, (1, 1, 1))
    expected = 1 - np.log1p(curve.seconds[0] / 300) / np.log1p(30 / 300)
    assert curve.alc == pytest.approx(expected, abs=1e-6)


def test_bad_submissions_get_a_line_an_exit_code_and_scores(nlp: Path, submission: Write, tmp_path: Path) -> None:
    """Through the command; `test_ingestion` tells apart more of them."""
    (tmp_path / "empty").mkdir()
    expected = {
        tmp_path / "empty": "no_model: expected model.py",
        submission("import not_there", name="imports"): "import_error: model.py cannot be imported",
        submission(name="slow", __init__="import time; time.sleep(60)"): "init_overrun: the constructor took longer",
        submission(name="exits", test="import os; os._exit(3)"): "exited: the process ended itself in test",
        submission(name="shape", test="return np.zeros((6, 3))"): "wrong_shape: prediction 0: expected 6 x 2",
        submission(name="nan", test="return np.full((6, 2), np.nan)"): "not_finite: prediction 0: 12 numbers",
        submission(name="none", test="return None"): "no_prediction: test returned None at the first call",
    }
    for code, line in expected.items():
        out = tmp_path / f"out-{code.name}"
        arguments = [str(code), str(nlp), "--budget", "9", "--init-budget", "0.5", "--output", str(out), "--quiet"]
        result = CliRunner().invoke(command, arguments)
        assert result.exit_code == 1
        lines = [text for text in result.output.splitlines() if text.startswith(f"{code.name} on tiny.docs: ")]
        assert len(lines) == 1
        assert lines[0].startswith(f"{code.name} on tiny.docs: {line}")
        scores = (out / code.name / "tiny.docs" / "scores" / "scores.txt").read_text()
        assert scores.startswith("score: 0.0\n")


def test_two_evaluations_give_the_same_scores(nlp: Path, submission: Write, tmp_path: Path) -> None:
    code = submission(
        test="import time; time.sleep(0.05 * self.k)\nreturn np.random.default_rng(self.k).random((6, 2)).round(1)"
    )
    evaluate([code, code], [nlp], tmp_path / "out", EvaluateConfig(20.0))
    first, second = (read_curve(tmp_path / "out" / name / "tiny.docs" / "scores") for name in ("code", "code-2"))
    assert first.nauc == second.nauc
    assert len(set(first.nauc)) > 1
    for curve in (first, second):
        assert curve.alc == pytest.approx(alc(curve.seconds, curve.nauc, 20.0), abs=1e-9)


def test_tampering_does_not_change_the_score(nlp: Path, submission: Write, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predictions = out / "code" / "tiny.docs" / "predictions"
    code = submission(
        train=f"""
import pathlib, time
self.k += 1
self.done_training = self.k == 2
out = pathlib.Path({str(predictions)!r})
if self.k == 2:
    while not (out / "tiny.docs.predict_0").exists(): time.sleep(0.01)
    (out / "tiny.docs.predict_0").write_text("1 0\\n0 1\\n" * 3)
    (out / "tiny.docs.predict_7").write_text("1 0\\n0 1\\n" * 3)
    (out / "end.txt").write_text("ingestion_success: 1\\nend_time: 9999999999\\n")
"""
    )
    (row,) = evaluate([code], [nlp], out, EvaluateConfig(20.0))
    assert (row.alc, row.predictions, row.status) == (0.0, 2, "ok")
    assert "tampered" in row.message


def test_a_raw_table_is_converted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    rows = "".join(f"{i % 2},{i},{'yes' if i % 2 else 'no'}\n" for i in range(20))
    for name in ("train", "test"):
        (tmp_path / "data" / f"{name}.csv").write_text("x,y,label\n" + rows)
    prepared = prepare(tmp_path / "data", tmp_path / "scratch", tmp_path / "converted")
    names = [path.name for path in prepared.input_dir.iterdir()]
    assert names == [f"{prepared.name}.data"]
    assert [path.name for path in prepared.solution_dir.iterdir()] == [f"{prepared.name}.solution"]
    truth = read_prediction(prepared.solution_dir / f"{prepared.name}.solution")
    assert truth.shape == (20, 2)
    asked = prepare(tmp_path / "data", tmp_path / "other", tmp_path / "again", ReadOptions(label="x"))
    assert read_prediction(asked.solution_dir / f"{asked.name}.solution").tolist() == [[1, 0], [0, 1]] * 10
    with pytest.raises(DataError, match="expected raw data for reading options"):
        prepare(tmp_path / "converted" / prepared.name, tmp_path / "third", tmp_path / "no", ReadOptions(label="x"))


def test_nothing_to_score_with(nlp: Path, submission: Write, tmp_path: Path) -> None:
    (nlp / "tiny.docs.solution").unlink()
    with pytest.raises(DataError, match="nothing to score with"):
        evaluate([submission()], [nlp], tmp_path / "out", EvaluateConfig(5.0))
    with pytest.raises(UsageError, match="found nothing there"):
        evaluate([tmp_path / "none"], [nlp], tmp_path / "out", EvaluateConfig(5.0))


def test_names_that_clash() -> None:
    assert distinct(["a", "b", "a", "a", "datasets"]) == ["a", "b", "a-2", "a-3", "datasets-2"]


def archive_of(path: Path, *members: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize(
    ("name", "mode", "line"),
    [
        ("../model.py", 0o644, "expected paths inside the archive, found '../model.py'"),
        ("a/../../model.py", 0o644, "inside the archive"),
        ("/etc/model.py", 0o644, "inside the archive"),
        ("a\\..\\model.py", 0o644, "inside the archive"),
        ("model.py", stat.S_IFLNK | 0o777, "a link or device"),
    ],
)
def test_zips_that_lead_outside_are_refused(tmp_path: Path, name: str, mode: int, line: str) -> None:
    archive = archive_of(tmp_path / "evil.zip", (name, b"x", mode))
    with pytest.raises(UsageError, match=line):
        unpack(archive, tmp_path / "into")
    assert not (tmp_path / "model.py").exists()


def test_zips_that_grow_are_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "big.zip", ("a", b"0" * 600, 0), ("b", b"0" * 600, 0))
    with pytest.raises(UsageError, match=r"larger than the limit \('b' passes it\)"):
        unpack(archive, tmp_path / "into", max_bytes=1000)
    unpack(archive, tmp_path / "fits", max_bytes=1200)


def test_zips_that_are_damaged(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "bad.zip", ("model.py", bytes(range(256)) * 40, 0))
    data = bytearray(archive.read_bytes())
    data[60:90] = b"\x00" * 30
    archive.write_bytes(data)
    with pytest.raises(UsageError, match="cannot be unpacked"):
        open_submission(archive, tmp_path / "scratch")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(UsageError, match="another kind of file"):
        open_submission(tmp_path / "text.zip", tmp_path / "scratch2")


def test_zip_modes(tmp_path: Path) -> None:
    archive = archive_of(
        tmp_path / "s.zip", ("run.sh", b"", 0o4755), ("model.py", b"", 0o666), ("empty/", b"", 0o40755)
    )
    folder = open_submission(archive, tmp_path / "scratch").folder
    assert [stat.S_IMODE((folder / name).stat().st_mode) for name in ("run.sh", "model.py")] == [0o755, 0o644]
    assert (folder / "empty").is_dir()


def test_plain_progress() -> None:
    stream = io.StringIO()
    watcher = PlainWatcher(stream)
    watcher.begin("a", "b")
    watcher.update("a", "b", Curve((1.0,), (0.25,), 0.2))
    watcher.update("a", "b", Curve((1.0, 2.0), (0.25, 0.5), 0.3))
    watcher.end(Row("a", "b", 0.3, 0.5, 1.0, 2.0, 2, "ok", "fine"))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[1].endswith("1.00 s  NAUC 0.2500")
    assert lines[2].endswith("2.00 s  NAUC 0.5000")
    assert lines[3] == "a on b: ALC 0.3000  ok: fine"
    assert sparkline((-1, 0, 0.5, 1)) == "▁▁▅█"


def test_live_progress_shows_the_curve(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = LiveWatcher()
    watcher.begin("a", "b[c]")
    watcher.update("a", "b[c]", Curve((1.0, 2.0), (0.25, 0.5), 0.3))
    table = watcher.table()
    cells = [list(column.cells) for column in table.columns]
    assert [column[0] for column in cells] == ["a", "b\\[c]", "0.3000", "0.5000", "1.00 s", "2.00 s", "2", "▃▅"]
    watcher.end(Row("a", "b[c]", 0.3, 0.5, 1.0, 2.0, 2, "ok", "fine"))
    watcher.close()
    assert watcher.table().row_count == 1


def test_curve_of_nothing(tmp_path: Path) -> None:
    assert read_curve(tmp_path) == Curve()
    (tmp_path / "scores.txt").write_text("score: 0.5\ntimestamps: [1.0\n")
    assert read_curve(tmp_path) == Curve()
