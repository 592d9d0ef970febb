"""Which layout a folder has: packaging around it, lists of labels, links that lead back."""

from pathlib import Path

import pytest

from data_format.errors import DataError
from data_format.raw.layouts import _label_list, _names_files, _table_file, open_layout, past_packaging


def made(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.mark.parametrize(
    ("files", "inside"),
    [
        (["train.csv"], ""),
        (["a/train.csv"], "a"),
        (["a/b/train.csv"], "a/b"),
        (["a/train.csv", "__MACOSX/x", ".DS_Store"], "a"),
        (["a/train.csv", "b/x.png"], ""),
        (["cats/1.png"], ""),
        (["train/labels.csv"], ""),
        (["set.data/train/metadata.textproto"], ""),
        (["a/set.data/train/x", "a/set.solution"], "a"),
        (["a/b/notes.txt"], ""),
    ],
)
def test_packaging_ends_where_a_data_set_has_files(tmp_path: Path, files: list[str], inside: str) -> None:
    root = made(tmp_path / "root", *files)
    assert past_packaging(root) == (root / inside if inside else root)


def test_deep_packaging_ends_somewhere(tmp_path: Path) -> None:
    root = made(tmp_path / "root", "/".join("x" * 12) + "/train.csv")
    assert past_packaging(root) == root / "/".join("x" * 8)


def test_a_link_back_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "again").symlink_to(tmp_path / "root")
    assert past_packaging(tmp_path / "root") == tmp_path / "root"
    made(tmp_path / "elsewhere", "train.csv")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "there").symlink_to(tmp_path / "elsewhere")
    assert past_packaging(tmp_path / "linked") == tmp_path / "linked"


def files(*names: str) -> dict[str, Path]:
    return {name.lower(): Path(name) for name in names}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["labels.csv", "train_labels.csv", "labels_train.tsv"], "labels_train.tsv"),
        (["labels.csv", "train_labels.csv"], "train_labels.csv"),
        (["Labels.CSV"], "Labels.CSV"),
        (["my_labels_2020.csv", "labels_test_2020.csv"], "my_labels_2020.csv"),
        (["my_labels.csv", "other_labels.csv"], None),
        (["labels.png", "train.csv"], None),
        ([], None),
    ],
)
def test_the_list_of_labels(names: list[str], found: str | None) -> None:
    assert _label_list(files(*names)) == (Path(found) if found else None)


def test_formats_have_an_order() -> None:
    assert _table_file(files("train.parquet", "train.jsonl", "Train.tsv"), "train") == Path("Train.tsv")


@pytest.mark.parametrize(
    ("rows", "folders", "lists"),
    [
        ([("a.png", 0), ("b.png", 1)], True, True),
        ([("a.png", 0), ("gone.png", 1)], True, True),
        ([("a.png", 0), ("gone.png", 1), ("lost.png", 1)], True, False),
        ([("a.png", 0)], False, False),
        ([("", 0), ("", 1)], True, False),
        ([("x" * 5000, 0), ("\\0", 1)], True, False),
    ],
)
def test_a_table_that_names_files(csv_file, tmp_path: Path, rows: list, folders: bool, lists: bool) -> None:
    made(tmp_path, "a.png", *(["train/b.png"] if folders else []))
    assert _names_files(tmp_path, csv_file("train.csv", "file,y", rows)) is lists


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([], "found an empty folder"),
        (["a.png", "b.png"], r"expected labels_train.csv, train.csv, class folders or one table file, found 'a.png'"),
        (["a.csv", "b.csv"], "or one table file, found"),
        (["notes.txt"], "or one table file, found 'notes.txt'"),
    ],
)
def test_what_is_no_data_set_says_what_was_expected(tmp_path: Path, files: list[str], says: str) -> None:
    (tmp_path / "root").mkdir()
    made(tmp_path / "root", *files)
    with pytest.raises(DataError, match=says):
        open_layout(tmp_path / "root")


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: expected a data set folder, a table file or an archive"):
        open_layout(tmp_path / "none")


@pytest.mark.parametrize("stray", ["README.md", "LICENSE", "readme.txt", "Thumbs.db", ".DS_Store"])
def test_notes_beside_the_packaging_do_not_matter(tmp_path: Path, stray: str) -> None:
    root = made(tmp_path / "root", "a/train.csv", stray)
    assert past_packaging(root) == root / "a"


def test_other_files_beside_a_folder_keep_it(tmp_path: Path) -> None:
    root = made(tmp_path / "root", "a/train.csv", "data.csv")
    assert past_packaging(root) == root


def test_two_pictures_beside_a_table_can_be_named(csv_file, tmp_path: Path) -> None:
    table = csv_file("train.csv", "file,y", [("a.png", 0), ("b.png", 1)])
    assert not _names_files(tmp_path, table)
    made(tmp_path, "a.png", "b.png")
    assert _names_files(tmp_path, table)
