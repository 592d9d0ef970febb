import numpy as np
import pytest

from data_format import open_dataset
from data_format.errors import DataError
from data_format.raw import ReadOptions, open_raw


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": "smell"},
        {"test_share": 1.0},
        {"test_share": 0.0},
        {"multi_label_separator": ""},
        {"text_column": "t", "domain": "image"},
    ],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(DataError, match="expected"):
        ReadOptions(**wrong)


def test_label_names_the_column(csv_file):
    path = csv_file("t.csv", "first,kind,label", [(i, "uv"[i % 2], i) for i in range(20)])
    dataset = open_raw(path, ReadOptions(label="Kind"))
    assert dataset.class_names == ("u", "v")
    assert set(dataset.train.source.table().number_names) == {"first", "label"}
    with pytest.raises(DataError, match="expected a label column 'colour', found the columns 'first', 'kind', 'label'"):
        open_raw(path, ReadOptions(label="colour"))


def test_label_names_several_switches(csv_file):
    path = csv_file("t.csv", "p,a,q", [(i % 2, i, int(i % 3 == 0)) for i in range(20)])
    dataset = open_raw(path, ReadOptions(label="p, q"))
    assert dataset.class_names == ("p", "q")
    assert dataset.shape == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("cells", "options", "names"),
    [
        (["New York|Rome", "Rome", ""], ReadOptions(), ("New York", "Rome")),
        (["a;b", "b", ""], ReadOptions(), ("a", "b")),
        (["a b", "b", ""], ReadOptions(), ("a", "b")),
        (["x-y", "y", "x"], ReadOptions(multi_label_separator="-"), ("x", "y")),
    ],
)
def test_several_labels_in_a_cell(csv_file, cells, options, names):
    path = csv_file("t.csv", "a,labels", [(i, cells[i % 3]) for i in range(30)])
    dataset = open_raw(path, options)
    assert dataset.class_names == names
    assert (np.concatenate([dataset.train.labels, dataset.truth()]).sum(1) == 2).sum() == 10


def test_a_separator_makes_a_plain_label_column_several(csv_file):
    path = csv_file("t.csv", "a,genre", [(i, ["pop/rock", "rock"][i % 2]) for i in range(20)])
    assert open_raw(path).class_names == ("pop/rock", "rock")
    assert open_raw(path, ReadOptions(label="genre", multi_label_separator="/")).class_names == ("pop", "rock")


def test_text_column_and_domain(csv_file):
    path = csv_file("t.csv", "code,a,y", [(f"k{i % 3}", i, i % 2) for i in range(20)])
    assert open_raw(path).domain[0] == "tabular"
    dataset = open_raw(path, ReadOptions(text_column="code"))
    assert dataset.domain == ("text", "column 'code' was asked for as text")
    assert open_raw(path, ReadOptions(domain="text")).train.source.example(0).text.startswith("k")
    with pytest.raises(DataError, match="text column 'zzz'"):
        open_raw(path, ReadOptions(text_column="zzz"))
    with pytest.raises(DataError, match="text or tabular.*'video'"):
        open_raw(path, ReadOptions(domain="video"))
    prose = csv_file("p.csv", "t,y", [(f"some words in a row {i}", i % 2) for i in range(20)])
    assert open_raw(prose, ReadOptions(domain="tabular")).domain == ("tabular", "asked for as a table")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_test_share(csv_file, share):
    path = csv_file("t.csv", "a,y", [(i, i % 2) for i in range(100)])
    dataset = open_raw(path, ReadOptions(test_share=share))
    assert len(dataset.test) == round(100 * share)
    assert dataset.train.labels.any(axis=0).all()


def test_animations_as_videos(tmp_path):
    from PIL import Image

    for i in range(8):
        path = tmp_path / "set" / "ab"[i % 2] / f"{i}.gif"
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = [Image.new("L", (8, 6), 20 * k) for k in range(4)]
        frames[0].save(path, save_all=True, append_images=frames[1:])
    assert open_raw(tmp_path / "set").domain[0] == "image"
    dataset = open_raw(tmp_path / "set", ReadOptions(domain="video", test_share=0.5))
    assert (dataset.domain[0], dataset.shape, len(dataset.test)) == ("video", (-1, -1, -1, 3), 4)
    with pytest.raises(DataError, match="rows of a table.*8 files"):
        open_raw(tmp_path / "set", ReadOptions(domain="tabular"))


def test_records_take_a_domain_only(tmp_path, csv_file):
    from data_format.autodl.writer import write_dataset

    csv_file("set/train.csv", "a,y", [(i, i % 2) for i in range(10)])
    folder = write_dataset(open_raw(tmp_path / "set"), tmp_path / "out")
    assert open_dataset(folder, ReadOptions(domain="tabular")).domain == ("tabular", "asked for")
    with pytest.raises(DataError, match="AutoDL records"):
        open_dataset(folder, ReadOptions(label="y"))


def test_the_split_never_takes_a_whole_class():
    from data_format.raw.split import split_rows

    train, test = split_rows(np.eye(2, dtype=np.float32)[[0, 1, 0, 1]], 0.99)
    assert (len(train), len(test)) == (2, 2)
