"""Any data set as the challenge's programs want it: links to data and truth, each in a folder of its own."""

from pathlib import Path

import numpy as np
import pytest

from autodl_agent.challenge.prepare import prepare
from autodl_agent.learners.testing.contract import memory_dataset
from data_format.autodl.writer import write_dataset
from data_format.errors import DataError
from data_format.predictions import read_prediction
from data_format.raw.options import ReadOptions


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(memory_dataset("tabular", 6, 3)[0], tmp_path_factory.mktemp("w") / "set")


def check(found, folder: Path, solution: Path) -> None:
    (data,), (truth,) = found.input_dir.iterdir(), found.solution_dir.iterdir()
    assert data.is_symlink() and data.resolve() == folder.resolve() and data.name == f"{found.name}.data"
    assert truth.is_symlink() and truth.resolve() == solution.resolve() and truth.name == f"{found.name}.solution"


@pytest.mark.parametrize("inside", [False, True])
def test_records_are_linked_not_copied(written: Path, tmp_path: Path, inside: bool) -> None:
    (folder,), (solution,) = written.glob("*.data"), written.glob("*.solution")
    found = prepare(folder if inside else written, tmp_path / "scratch", tmp_path / "converted")
    check(found, folder, solution)
    assert not (tmp_path / "converted").exists()


def test_a_raw_folder_of_a_sibling_challenge_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "my.data"
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text("{}")
    (tmp_path / "set" / "my.solution").write_text("1 0\n")
    found = prepare(tmp_path / "set", tmp_path / "scratch", tmp_path / "converted")
    assert found.name == "my"
    check(found, folder, tmp_path / "set" / "my.solution")


def table(folder: Path, test_labels: bool) -> Path:
    folder.mkdir()
    (folder / "train.csv").write_text("a,y\n" + "".join(f"{i},{'uv'[i % 2]}\n" for i in range(8)))
    (folder / "test.csv").write_text("a,y\n1,v\n2,u\n" if test_labels else "a\n1\n2\n")
    return folder


def test_other_formats_are_converted(tmp_path: Path) -> None:
    found = prepare(table(tmp_path / "raw", True), tmp_path / "scratch", tmp_path / "converted")
    assert (tmp_path / "converted").is_dir()
    assert np.array_equal(read_prediction(next(found.solution_dir.iterdir())), [[0, 1], [1, 0]])


def test_without_truth_there_is_nothing_to_score_with(tmp_path: Path, written: Path) -> None:
    with pytest.raises(DataError, match="expected the truth of the test rows, found none"):
        prepare(table(tmp_path / "raw", False), tmp_path / "scratch", tmp_path / "converted")
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "x.data").symlink_to(next(written.glob("*.data")))
    with pytest.raises(DataError, match="nothing to score with"):
        prepare(tmp_path / "alone", tmp_path / "scratch2", tmp_path / "converted2")


def test_records_leave_no_choice_to_options(tmp_path: Path, written: Path) -> None:
    with pytest.raises(DataError, match="expected raw data for reading options"):
        prepare(written, tmp_path / "scratch", tmp_path / "converted", ReadOptions(label="y"))
