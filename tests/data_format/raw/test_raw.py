import csv
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.errors import DataError
from data_format.raw import open_raw

SUITE = Path(__file__).parents[4] / "shared" / "suite"


def test_names_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match="expected a data set folder, a table file or an archive, found no such path"):
        open_raw(tmp_path / "none")


def test_an_empty_folder(tmp_path):
    with pytest.raises(
        DataError, match=r"expected labels_train.csv, train.csv, class folders .* found an empty folder"
    ):
        open_raw(tmp_path)


def test_a_folder_of_several_tables_is_not_guessed_at(csv_file, tmp_path):
    for name in ("a.csv", "b.csv"):
        csv_file(name, "a,y", [(1, 2)])
    with pytest.raises(DataError, match="found 'a.csv', 'b.csv'"):
        open_raw(tmp_path)


def test_a_single_table_in_a_folder(csv_file, write, tmp_path):
    csv_file("set/Data.CSV", "a,y", [(i, i % 2) for i in range(10)])
    write("set/README.md", "about")
    dataset = open_raw(tmp_path / "set")
    assert (dataset.name, len(dataset.train)) == ("set", 8)


def test_train_csv_and_its_folder_are_the_same_data_set(csv_file, tmp_path):
    csv_file("set/train.csv", "a,y", [(i, i % 2) for i in range(10)])
    csv_file("set/test.csv", "a", [(1,), (2,)])
    folder, file = open_raw(tmp_path / "set"), open_raw(tmp_path / "set/train.csv")
    assert (folder.name, len(folder.test)) == (file.name, len(file.test)) == ("set", 2)


def test_lists_of_labels_come_before_tables_and_folders(image, csv_file, tmp_path):
    image("train/a/0.png")
    image("test/0.png")
    csv_file("labels_train.csv", "file,label", [("train/a/0.png", "from the list")])
    csv_file("train.csv", "a,y", [(1, 2)])
    assert open_raw(tmp_path).class_names == ("from the list",)


def test_nothing_heavy_is_imported(csv_file, tmp_path):
    csv_file("train.csv", "a,y", [(i, i % 2) for i in range(10)])
    code = (
        "import sys; from pathlib import Path; from data_format.raw import open_raw;"
        "open_raw(Path(sys.argv[1])).train.source.table();"
        "heavy = ('tensorflow', 'pandas', 'sklearn', 'scipy', 'PIL', 'cv2', 'av', 'autodl_agent');"
        "print([name for name in heavy if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == "[]"


@given(
    st.one_of(
        st.binary(max_size=120),
        st.text("ab01,;\t\n\r\"' |.?é", max_size=120).map(lambda text: text.encode()),
        st.text('ab01,\n"', max_size=80).map(lambda text: ("text,label\n" + text).encode()),
        st.text("01,.\n", max_size=80).map(lambda text: ("a,l0,l1\n" + text).encode()),
    )
)
@settings(max_examples=60, deadline=None)
def test_any_bytes_open_or_are_refused_in_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "train.csv"
    path.write_bytes(content)
    try:
        dataset = open_raw(path)
    except DataError as error:
        assert str(path) in str(error) or "column" in str(error)
        return
    assert len(dataset.train) == len(dataset.train.labels) == len(dataset.train.source) > 0
    assert len(dataset.test) == len(dataset.test.source) > 0
    truth = dataset.truth()
    assert truth is None or truth.shape == (len(dataset.test), len(dataset.class_names))
    if dataset.domain[0] == "tabular":
        assert len(dataset.test.source.table()) == len(dataset.test)
    else:
        assert isinstance(dataset.test.source.example(0).text, str)


@pytest.mark.skipif(not SUITE.is_dir(), reason="the measuring suite is not here")
@pytest.mark.parametrize("name", ["trec6", "thucnews10_zh", "adult", "letter", "yeast_ml", "voice_gender"])
def test_real_sets(name, tmp_path):
    with tarfile.open(next(SUITE.glob(f"{name}.tar*"))) as archive:
        archive.extractall(tmp_path, filter="data")
    with (SUITE / "MANIFEST.csv").open(newline="", encoding="utf-8") as manifest:
        facts = next(row for row in csv.DictReader(manifest) if row["name"] == name)
    dataset = open_raw(tmp_path / name)
    assert dataset.domain[0] == {"audio": "speech"}.get(facts["domain"], facts["domain"])
    assert len(dataset.class_names) == int(facts["classes"])
    assert (len(dataset.train), len(dataset.test)) == (int(facts["n_train"]), int(facts["n_test"]))
    assert min(dataset.train.labels.sum(axis=0)) == int(facts["smallest_class_train"])
    assert min(dataset.truth().sum(axis=0)) == int(facts["smallest_class_test"])
    assert bool((dataset.train.labels.sum(axis=1) != 1).any()) == (facts["multilabel"] == "1")
    assert dataset.problems == []
