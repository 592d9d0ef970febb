import pytest

from data_format.errors import DataError
from data_format.raw import open_raw


def _folder(image, root, classes=("dark", "light"), n=4, form="PNG", suffix="png"):
    for place, name in enumerate(classes):
        for i in range(n):
            image(f"{root}/{name}/{i:02d}.{suffix}", level=20 + 200 * place // max(1, len(classes) - 1), form=form)


def _facts(dataset):
    return dataset.class_names, [*dataset.train.ids, *dataset.test.ids], dataset.train.labels.tolist()


def test_train_and_test_folders(image, tmp_path):
    _folder(image, "set/train")
    _folder(image, "set/test", n=2)
    image("set/test/unknown/0.png")
    dataset = open_raw(tmp_path / "set")
    assert (dataset.name, dataset.class_names, dataset.domain[0]) == ("set", ("dark", "light"), "image")
    assert list(dataset.train.ids)[:2] == ["train/dark/00.png", "train/dark/01.png"]
    assert dataset.train.labels.sum(axis=0).tolist() == [4, 4]
    assert list(dataset.test.ids)[::2] == ["test/dark/00.png", "test/light/00.png", "test/unknown/0.png"]
    assert dataset.truth().tolist() == [[1, 0], [1, 0], [0, 1], [0, 1], [0, 0]]
    assert dataset.problems[0].reason == "1 test row has label 'unknown', which no training row has"


def test_unlabelled_test_files(image, tmp_path):
    _folder(image, "train")
    image("test/1.png")
    image("test/sub/0.png")
    dataset = open_raw(tmp_path)
    assert list(dataset.test.ids) == ["test/1.png", "test/sub/0.png"]
    assert dataset.truth() is None


@pytest.mark.parametrize("root", ["tree", "my data [v2] é图's", "set/train"])
def test_one_tree_is_split_by_us(root, image, tmp_path):
    _folder(image, root)
    dataset = open_raw(tmp_path / root.removesuffix("/train"))
    assert (dataset.class_names, len(dataset.train), len(dataset.test)) == (("dark", "light"), 6, 2)
    assert dataset.truth().sum(axis=0).tolist() == [1, 1]
    assert dataset.problems == []


def test_classes_are_in_natural_order(image, tmp_path):
    _folder(image, "set", classes=[str(i) for i in range(12)], n=2)
    dataset = open_raw(tmp_path / "set")
    assert dataset.class_names == tuple(map(str, range(12)))
    for name, row in zip(dataset.train.ids, dataset.train.labels, strict=True):
        assert dataset.class_names[row.argmax()] == name.split("/")[0]


@pytest.mark.parametrize(("classes", "n"), [(("only",), 4), ([f"k{i}" for i in range(5)], 1)])
def test_one_class_and_one_file_a_class(classes, n, image, tmp_path):
    _folder(image, "set", classes=classes, n=n)
    dataset = open_raw(tmp_path / "set")
    assert dataset.class_names == tuple(classes)
    assert dataset.train.labels.any(axis=0).all()
    assert len(dataset.test) > 0
    assert (dataset.truth() is None) is (n == 1)


def test_litter_changes_nothing(image, write, tmp_path):
    _folder(image, "set", form="JPEG", suffix="jpg")
    clean = open_raw(tmp_path / "set")
    for name in (
        ".DS_Store",
        "dark/.DS_Store",
        "dark/Thumbs.db",
        "light/desktop.ini",
        "light/._00.jpg",
        "__MACOSX/dark/._00.jpg",
    ):
        write(f"set/{name}", b"\0\5\26\7")
    image("set/.ipynb_checkpoints/00-checkpoint.png")
    (tmp_path / "set/empty").mkdir()
    littered = open_raw(tmp_path / "set")
    assert _facts(littered) == _facts(clean)
    assert [(p.where, p.reason) for p in littered.problems] == [("empty", "folder without data files, not a class")]


def test_any_suffix_and_none(image, tmp_path):
    for i, suffix in enumerate(("JPG", "JPEG", "PNG", "Jpg", "webp", "bmp")):
        for name in ("dark", "light"):
            form = {"WEBP": "WEBP", "BMP": "BMP", "PNG": "PNG"}.get(suffix.upper(), "JPEG")
            image(f"set/{name}/{i}.{suffix}", form=form)
    image("set/dark/x.jfif", form="JPEG")
    image("set/light/noext", form="JPEG")
    dataset = open_raw(tmp_path / "set")
    assert len(dataset.train) + len(dataset.test) == 14
    assert dataset.problems == []


def test_a_page_called_jpg_stays_a_row_and_a_text_does_not(image, write, tmp_path):
    _folder(image, "set")
    write("set/dark/page.png", "<html>404 Not Found</html>")
    write("set/dark/notes.txt", "notes")
    write("set/loose.png", "x")
    dataset = open_raw(tmp_path / "set")
    assert "dark/page.png" in [*dataset.train.ids, *dataset.test.ids]
    assert [(p.where, p.reason) for p in dataset.problems] == [
        ("set", "1 file outside the class folders, not used"),
        ("dark/notes.txt", "text among images, not used"),
    ]


def test_linked_folders(image, tmp_path):
    _folder(image, "real")
    (tmp_path / "set").mkdir()
    for name in ("dark", "light"):
        (tmp_path / "set" / name).symlink_to(tmp_path / "real" / name)
    (tmp_path / "real/dark/gone.png").symlink_to("/nowhere.png")
    (tmp_path / "real/light/loop").symlink_to("..")
    dataset = open_raw(tmp_path / "set")
    assert (dataset.class_names, len(dataset.train) + len(dataset.test)) == (("dark", "light"), 8)
    assert [problem.where for problem in dataset.problems] == ["dark/gone.png", "light/loop"]


def test_folders_of_texts(write, tmp_path):
    for name in ("neg", "pos"):
        for i in range(5):
            write(f"set/{name}/{i}.txt", f"a {name} review {i}")
    dataset = open_raw(tmp_path / "set")
    assert (dataset.domain[0], dataset.class_names) == ("text", ("neg", "pos"))
    first = dataset.train.ids[0]
    assert dataset.train.source.example(0).text == f"a neg review {first[4]}"


def test_a_folder_around_the_tree_is_passed(image, tmp_path):
    _folder(image, "unpacked/set")
    assert open_raw(tmp_path / "unpacked").class_names == ("dark", "light")


def test_more_folders_than_train_and_test_are_named(image, tmp_path):
    _folder(image, "train")
    _folder(image, "valid")
    _folder(image, "test")
    dataset = open_raw(tmp_path)
    assert len(dataset.test) == 8
    assert dataset.problems[0].reason == "folders beside train and test, not used: 'valid'"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train/0.png"], "expected class folders with files, .* found 1 files and no folder with a file"),
        (["a/"], "found 0 files and no folder with a file"),
        (["train/a/0.png", "test/"], "expected test files, found 0 files and no image"),
    ],
)
def test_what_has_no_classes_or_no_test_is_refused(files, message, image, tmp_path):
    for name in files:
        if name.endswith("/"):
            (tmp_path / name).mkdir()
        else:
            image(name)
    with pytest.raises(DataError, match=message):
        open_raw(tmp_path)


@pytest.mark.parametrize(
    ("inner", "strays"),
    [
        ("pets", ["up/pets/README.md"]),
        ("pets", ["up/pets/LICENSE.txt", "up/pets/notes.txt"]),
        ("pets", ["up/.DS_Store"]),
        ("pets", ["up/pets/Thumbs.db"]),
        ("pets", ["up/README", "up/pets/classes.csv"]),
        ("pets", ["up/notes.txt", "up/data.bin"]),
        ("a/pets", ["up/README", "up/a/about.html"]),
    ],
)
def test_strays_beside_packed_folders_do_not_matter(inner, strays, image, write, tmp_path):
    _folder(image, f"up/{inner}")
    clean = _facts(open_raw(tmp_path / "up" / inner))
    for stray in strays:
        write(stray, b"\0\1" if stray.endswith((".bin", ".db")) else "words about it")
    assert _facts(open_raw(tmp_path / "up")) == clean == _facts(open_raw(tmp_path / "up" / inner))


def test_parts_in_a_packed_folder_stay_apart(image, write, tmp_path):
    _folder(image, "up/pets/train")
    _folder(image, "up/pets/test", n=2)
    for stray in ("up/README", "up/pets/README"):
        write(stray, "about")
    dataset = open_raw(tmp_path / "up")
    assert (dataset.class_names, len(dataset.train), len(dataset.test)) == (("dark", "light"), 8, 4)


def test_parts_packed_once_more(image, tmp_path):
    _folder(image, "alone/train/train")
    alone = open_raw(tmp_path / "alone")
    assert (alone.class_names, len(alone.train), len(alone.test)) == (("dark", "light"), 6, 2)
    _folder(image, "both/train/train")
    _folder(image, "both/test/test", n=2)
    both = open_raw(tmp_path / "both")
    assert (both.class_names, len(both.train), len(both.test)) == (("dark", "light"), 8, 4)
    assert both.truth().sum(axis=0).tolist() == [2, 2]


def test_a_test_folder_with_one_class_is_no_packaging(image, tmp_path):
    _folder(image, "train")
    image("test/dark/sub/0.png")
    dataset = open_raw(tmp_path)
    assert (list(dataset.test.ids), dataset.truth().tolist()) == (["test/dark/sub/0.png"], [[1, 0]])


def test_a_few_pictures_beside_many_in_folders_are_strays(image, tmp_path):
    _folder(image, "up/pets", n=10)
    image("up/pets/stray.png")
    assert open_raw(tmp_path / "up").class_names == ("dark", "light")


def test_one_class_with_folders_in_it_stays_one(image, tmp_path):
    for i in range(5):
        image(f"set/only/{i}.png")
        image(f"set/only/more/{i}.png")
        image(f"set/only/less/{i}.png")
    dataset = open_raw(tmp_path / "set")
    assert (dataset.class_names, len(dataset.train) + len(dataset.test)) == (("only",), 15)


def test_texts_beside_folders_of_texts_count(write, tmp_path):
    for i in range(6):
        write(f"set/only/{i}.txt", "some words")
        write(f"set/only/more/{i}.txt", "some words")
    assert open_raw(tmp_path / "set").class_names == ("only",)


def test_a_packed_folder_may_hold_another_layout(image, csv_file, write, tmp_path):
    for i in range(10):
        image(f"up/set/images/{i}.png")
    csv_file("up/set/labels.csv", "file,label", [(f"{i}.png", "ab"[i % 2]) for i in range(10)])
    write("up/notes.txt", "about")
    assert open_raw(tmp_path / "up").class_names == ("a", "b")


def test_a_link_to_itself_is_no_packaging(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "again").symlink_to(tmp_path / "set")
    with pytest.raises(DataError, match="found 0 files"):
        open_raw(tmp_path / "set")
