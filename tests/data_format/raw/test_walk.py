import os

import pytest

from data_format.raw.walk import is_litter, list_files, printable, subfolders


@pytest.mark.parametrize(
    ("name", "litter"),
    [
        (".DS_Store", True),
        ("._00.jpg", True),
        ("__MACOSX", True),
        ("THUMBS.DB", True),
        ("desktop.ini", True),
        (".ipynb_checkpoints", True),
        ("00.jpg", False),
        ("_private", False),
        ("Thumbs", False),
    ],
)
def test_litter(name, litter):
    assert is_litter(name) is litter


def test_files_are_listed_sorted_with_litter_left_out(write, tmp_path):
    for name in (
        "b/1.jpg",
        "a/10.jpg",
        "a/2.jpg",
        "a/deep/x.jpg",
        "a/.hidden/x.jpg",
        "__MACOSX/b/1.jpg",
        "a/Thumbs.db",
    ):
        write(name, "x")
    (tmp_path / "empty").mkdir()
    problems = []
    assert list_files(tmp_path, problems) == ["a/10.jpg", "a/2.jpg", "a/deep/x.jpg", "b/1.jpg"]
    assert problems == []
    assert subfolders(tmp_path) == ["a", "b", "empty"]


def test_links_are_followed_once_and_loops_end(write, tmp_path):
    write("real/dark/0.png", "x")
    write("real/light/0.png", "x")
    set_ = tmp_path / "set"
    set_.mkdir()
    for name in ("dark", "light"):
        (set_ / name).symlink_to(tmp_path / "real" / name)
    (set_ / "linked.png").symlink_to(tmp_path / "real" / "dark" / "0.png")
    (tmp_path / "real/dark/gone.png").symlink_to("/nowhere.png")
    (tmp_path / "real/light/loop").symlink_to("..")
    (tmp_path / "real/light/self").symlink_to(".")
    problems = []
    assert list_files(set_, problems) == ["dark/0.png", "light/0.png", "linked.png"]
    assert sorted(problem.where for problem in problems) == ["dark/gone.png", "light/loop", "light/self"]
    assert {problem.reason for problem in problems} == {
        "dangling link",
        "linked folder already read, or containing the link",
    }
    assert subfolders(set_) == ["dark", "light"]


def test_a_linked_folder_beside_its_target_is_read_once(write, tmp_path):
    write("class/b/0.png", "x")
    (tmp_path / "class/a").symlink_to(tmp_path / "class/b")
    problems = []
    assert list_files(tmp_path / "class", problems) == ["b/0.png"]
    assert [problem.where for problem in problems] == ["a"]


def test_pipes_are_not_files(write, tmp_path):
    write("a/0.png", "x")
    os.mkfifo(tmp_path / "a/pipe")
    problems = []
    assert list_files(tmp_path, problems) == ["a/0.png"]
    assert [(problem.where, problem.reason) for problem in problems] == [("a/pipe", "not a file")]


def test_odd_names_become_one_line_of_utf_8():
    assert printable("é图's [v2]/a b.png") == "é图's [v2]/a b.png"
    assert printable("two\nlines.png") == "two\\nlines.png"
    assert printable(os.fsdecode(b"caf\xe9.png")) == "caf\\xe9.png"


@pytest.mark.parametrize("most", [0, 1, 3, 4, 100])
def test_the_number_of_files_can_be_bounded(most, write, tmp_path):
    for name in ("a/1", "a/2", "b/3", "4"):
        write(name, "x")
    assert len(list_files(tmp_path, [], most)) <= min(most, 4)
    assert len(list_files(tmp_path, [], 100)) == 4
