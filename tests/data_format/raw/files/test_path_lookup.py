"""Files are found however a list spells them, and none is guessed at."""

import unicodedata
from pathlib import Path

import pytest

from data_format.raw.files.path_lookup import MISSING, Listing, file_column, home_of

FILES = ["images/1.png", "images/Two.PNG", "images/sub/3.jpg", "masks/3.png", "train/5.png", "test/5.png", "test/6.png"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("images/1.png", "images/1.png"),
        ("images\\1.png", "images/1.png"),
        ("1.png", "images/1.png"),
        ("1", "images/1.png"),
        ("two.png", "images/Two.PNG"),
        ("TWO", "images/Two.PNG"),
        ("sub/3", "images/sub/3.jpg"),
        ("dataset/images/1.png", "images/1.png"),
        ("Masks/3.png", "masks/3.png"),
        ("3", None),
        ("images/9.png", None),
        ("images/5.png", None),
        ("1.jpg", None),
        ("../images/1.png", None),
        ("/images/1.png", None),
        ("C:\\images\\1.png", None),
        ("../../1.png", None),
        ("", None),
        ("\0", None),
    ],
)
def test_the_file_that_a_name_means(name: str, file: str | None) -> None:
    assert Listing(FILES).find(name, "train") == file


def test_sides_that_are_numbered_alike_are_kept_apart() -> None:
    listing = Listing(FILES)
    assert (listing.find("5.png", "train"), listing.find("5.png", "test")) == ("train/5.png", "test/5.png")
    assert (listing.find("6.png", "train"), listing.find("6.png", "test")) == (None, "test/6.png")
    assert Listing(["train/7.png"]).find("7.png", "test") is None


def test_a_list_may_lie_among_its_files() -> None:
    listing = Listing(["train/0.png", "test/0.png", "audio/a.wav"])
    assert listing.find("0.png", "train", "train") == "train/0.png"
    assert listing.find("../audio/a.wav", "train", "meta") == "audio/a.wav"
    assert listing.find("../../audio/a.wav", "train", "meta") is None


def test_why_a_name_means_no_file() -> None:
    listing = Listing(["a/1.png", "b/1.png", "c/2.png"])
    assert listing.look_up("1.png", "train") == (None, "missing file: the name fits 2 files, such as 'a/1.png'")
    assert listing.look_up("9.png", "train") == (None, MISSING)


def test_a_picture_comes_before_its_caption() -> None:
    assert Listing(["a/x.jpg", "b/x.txt", "c/x.xml"]).find("x", "train") == "a/x.jpg"
    assert Listing(["b/x.txt"]).find("x", "train") == "b/x.txt"


def test_unicode_forms_are_one() -> None:
    there = f"images/{unicodedata.normalize('NFD', 'é')}.png"
    assert Listing([there]).find("é.png", "train") == there


@pytest.mark.parametrize(
    ("names", "columns", "found"),
    [
        (("id", "filename", "label"), (["7", "8"], ["1.png", "3.jpg"], ["a", "b"]), "filename"),
        (("lesion", "picture", "label"), (["7", "8"], ["1", "Two"], ["a", "b"]), "picture"),
        (("file", "other"), (["gone", "lost"], ["1.png", "3.jpg"]), "other"),
        (("a", "image"), (["x", "y"], ["gone", "lost"]), "image"),
        (("a", "b"), (["x", "y"], ["gone", "lost"]), "a"),
    ],
)
def test_the_column_that_names_files(names: tuple[str, ...], columns: tuple[list[str], ...], found: str) -> None:
    cells = dict(zip(names, columns, strict=True))
    assert file_column(names, cells.__getitem__, Listing(FILES), "train") == found


def test_half_of_the_cells_all_over_a_column_are_enough() -> None:
    listing = Listing([f"plots/{i}.png" for i in range(20)])
    assert listing.names_most([str(i) for i in range(40)], "train")
    assert not listing.names_most([str(i) for i in range(1000)], "train")
    assert not listing.names_most([], "train")


def test_the_folder_of_a_list() -> None:
    assert (home_of(Path("a"), Path("a/x.csv")), home_of(Path("a"), Path("a/b/x.csv"))) == ("", "b")
