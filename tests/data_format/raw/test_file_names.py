"""What names tell about columns, folders and files."""

import pytest

from data_format.raw.file_names import (
    by_likelihood,
    inside,
    is_about,
    is_file_column,
    like_files,
    named_part,
    side_of,
    words_of,
)


@pytest.mark.parametrize(
    "name", ["file", "FileName", "image_id", "ImageID", "img_path", "slice_file_name", " Path ", "wav"]
)
def test_columns_that_are_called_like_files(name: str) -> None:
    assert is_file_column(name)


@pytest.mark.parametrize("name", ["id", "profile", "pathology", "imagery", "label", "text", ""])
def test_columns_that_are_not(name: str) -> None:
    assert not is_file_column(name)


def test_the_usual_names_come_first_then_those_like_them() -> None:
    assert by_likelihood(["label", "img_id", "Image", "FILE", "x"]) == ["FILE", "Image", "img_id", "label", "x"]


@pytest.mark.parametrize(
    ("cells", "alike"),
    [
        (["a.jpg", "b.PNG"], True),
        (["a.jpg", "b"], True),
        (["a.jpg", "b", "c"], False),
        (["https://x.org/a.jpg"], False),
        (["1.5", "a.b"], False),
        (["x" * 5000 + ".jpg"], False),
        ([], False),
    ],
)
def test_cells_that_look_like_files(cells: list[str], alike: bool) -> None:
    assert like_files(cells) is alike


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("test_images", "test"),
        ("testImages", "test"),
        ("stage_1_test", "test"),
        ("test1", "test"),
        ("Train", "train"),
        ("train_images", "train"),
        ("val", "valid"),
        ("latest", ""),
        ("contest", ""),
        ("images", ""),
    ],
)
def test_which_part_a_name_says(name: str, side: str) -> None:
    assert named_part(name) == side


def test_the_outermost_folder_says_the_side() -> None:
    assert side_of("train/test_patient/1.png") == "train"
    assert side_of("data/test_images/train_7.png") == "test"
    assert side_of("test.png") == "" and side_of("images/test.png") == ""


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (" a\\b.png", "a/b.png"),
        ("./a//b.png", "a/b.png"),
        ("a/../b.png", "b.png"),
        ("../b.png", ""),
        ("a/../../b.png", ""),
        ("/etc/passwd", ""),
        ("C:\\b.png", ""),
        ("", ""),
        (".", ""),
    ],
)
def test_a_listed_name_stays_inside(name: str, path: str) -> None:
    assert inside(name) == path


@pytest.mark.parametrize("name", ["README", "readme.txt", "LICENSE.txt", "notes.md", "paper.pdf"])
def test_files_about_the_data(name: str) -> None:
    assert is_about(name)


@pytest.mark.parametrize("name", ["a.txt", "readme_not.png", "labels.csv"])
def test_files_that_may_be_data(name: str) -> None:
    assert not is_about(name)


def test_words_of_a_name() -> None:
    assert words_of("HAM10000_imagesPart-2") == {"ham", "images", "part"}
