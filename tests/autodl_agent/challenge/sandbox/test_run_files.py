"""The output folder of a run, and a submission that tampers with it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from autodl_agent.challenge.sandbox import run_files
from autodl_agent.challenge.sandbox.run_files import RunFiles
from data_format.predictions import list_predictions, read_prediction, read_start

MATRIX = np.array([[0.25, 0.75], [1.0, 0.0]])


def two_predictions(folder: Path, between: Callable[[Path], object] = lambda folder: None) -> list[str]:
    """Write two predictions, let `between` do its work, finish; what was mended."""
    files = RunFiles(folder, "set")
    files.begin(30.0, 1000.5, 42)
    files.add(0, 1001.0, MATRIX)
    files.add(1, 1002.0, 1 - MATRIX)
    files._queue.put(None)
    files._thread.join()
    between(folder)
    return files.finish(5.0, True, 1005.5)


def check_whole(folder: Path) -> None:
    assert [path.name for _, path in list_predictions(folder)] == ["set.predict_0", "set.predict_1"]
    assert np.array_equal(read_prediction(folder / "set.predict_0"), MATRIX)
    assert np.array_equal(read_prediction(folder / "set.predict_1"), 1 - MATRIX)
    start = read_start(folder)
    assert (start.task_name, start.time_budget, start.start_time) == ("set", 30.0, 1000.5)
    assert start.timestamps == {0: 1001.0, 1: 1002.0}
    assert "ingestion_success: 1" in (folder / "end.txt").read_text()


def test_a_run_without_interference(tmp_path: Path) -> None:
    assert two_predictions(tmp_path / "new" / "out") == []
    check_whole(tmp_path / "new" / "out")


def in_place_of(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


@pytest.mark.parametrize(
    ("tamper", "mended"),
    [
        (lambda out: (out / "set.predict_0").write_text("0 0\n"), ["set.predict_0"]),
        (lambda out: (out / "set.predict_1").unlink(), ["set.predict_1"]),
        (lambda out: in_place_of(out / "set.predict_1"), ["set.predict_1"]),
        (lambda out: (out / "set.predict_2").write_text("1 1\n"), ["set.predict_2"]),
        (lambda out: (out / "other.predict_0").write_text("1 1\n"), ["other.predict_0"]),
        (lambda out: (out / "start.txt").write_text(""), ["start.txt"]),
        (lambda out: (out / "end.txt").mkdir(), ["end.txt"]),
        (lambda out: (out / "end.txt").symlink_to("nowhere"), ["end.txt"]),
        (lambda out: shutil.rmtree(out), ["set.predict_0", "set.predict_1", "start.txt"]),
        (lambda out: (out / "notes.txt").write_text("own file"), []),
    ],
)
def test_what_a_submission_changed_is_put_right(
    tmp_path: Path, tamper: Callable[[Path], object], mended: list[str]
) -> None:
    assert two_predictions(tmp_path / "out", tamper) == mended
    check_whole(tmp_path / "out")


def test_a_link_to_the_same_content_is_replaced_by_a_file(tmp_path: Path) -> None:
    def link(out: Path) -> None:
        (out / "set.predict_0").rename(tmp_path / "elsewhere")
        (out / "set.predict_0").symlink_to(tmp_path / "elsewhere")

    assert two_predictions(tmp_path / "out", link) == ["set.predict_0"]
    assert not (tmp_path / "out" / "set.predict_0").is_symlink()


def test_a_folder_replaced_by_a_link_is_a_folder_again(tmp_path: Path) -> None:
    (tmp_path / "trap").mkdir()

    def link(out: Path) -> None:
        shutil.rmtree(out)
        out.symlink_to(tmp_path / "trap")

    two_predictions(tmp_path / "out", link)
    check_whole(tmp_path / "out")
    assert not list((tmp_path / "trap").iterdir())


def test_an_earlier_run_is_removed_and_other_files_stay(tmp_path: Path) -> None:
    for name in ("start.txt", "end.txt", "old.predict_7", "temp_prediction_file_1", "keep.txt", "x.predict_y"):
        (tmp_path / name).touch()
    files = RunFiles(tmp_path, "set")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keep.txt", "x.predict_y"]
    files.begin(1.0, 1.0, 1)
    files.finish(1.0, True, 2.0)


def test_a_queue_is_full_beyond_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_files, "_WAITING_BYTES", MATRIX.nbytes)
    files = RunFiles(tmp_path, "set")
    files.add(0, 1.0, MATRIX)
    assert not files.full
    files.add(1, 1.0, MATRIX)
    assert files.full
    files.begin(1.0, 1.0, 1)
    files.finish(1.0, True, 2.0)
    assert not files.full


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        RunFiles(tmp_path / "file" / "out", "set")
