"""AutoDL folders as data sets: layouts, order, labels, ids, damage (cases 1, 11, 25, 39, 48-50, 68)."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_format.autodl import batch_decoder
from data_format.autodl.metadata import MatrixSpec, Metadata, format_metadata
from data_format.autodl.reader import is_autodl, read_autodl
from data_format.autodl.sequence_example import encode_record
from data_format.autodl.tfrecord import scan, write_records
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Encoded

OFFICIAL = Path(__file__).resolve().parents[4] / "shared" / "official_samples" / "autodl"
TABLE = Metadata(0, 2, (MatrixSpec(4, 1),))


def row(kind: int, i: int) -> Dense:
    return Dense(np.array([kind, i % 5, 0, 1], np.float32).reshape(1, 1, 4, 1))


def record(i: int, labels: Sequence[int] = (0,), scores: Sequence[float] | None = None, kind: int = 0) -> bytes:
    return encode_record(row(kind, i), labels, scores, i)


def write_subset(folder: Path, shards: Sequence[Sequence[bytes]], metadata: Metadata) -> None:
    folder.mkdir(parents=True)
    (folder / "metadata.textproto").write_text(format_metadata(metadata))
    for number, shard in enumerate(shards):
        write_records(folder / f"sample-{number:02d}.tfrecord", shard)


def make(
    root: Path,
    train: Sequence[bytes],
    test: Sequence[Sequence[bytes]],
    metadata: Metadata = TABLE,
    solution: str | None = None,
) -> Path:
    """A data set `root/NAME.data`; test is given shard by shard."""
    data = root / f"{root.name}.data"
    write_subset(data / "train", [train], replace(metadata, sample_count=len(train)))
    write_subset(data / "test", test, replace(metadata, sample_count=sum(map(len, test))))
    if solution is not None:
        (root / f"{root.name}.solution").write_text(solution)
    return root


def plain(root: Path, n_train: int = 6, n_test: int = 3, **options: object) -> Path:
    train = [record(n_test + i, (i % 2,)) for i in range(n_train)]
    return make(root, train, [[record(i, ()) for i in range(n_test)]], **options)  # type: ignore[arg-type]


def reasons(problems: Sequence[object]) -> str:
    return " | ".join(map(str, problems))


def test_folder_parent_and_name_give_the_same(tmp_path: Path) -> None:
    root = plain(tmp_path / "my.set", solution="1 0 \n0 1 \n1 0 \n")
    for path in (root, root / "my.set.data"):
        assert is_autodl(path)
        dataset = read_autodl(path)
        assert (dataset.name, dataset.path) == ("my.set", root / "my.set.data")
        assert (len(dataset.train), len(dataset.test)) == (6, 3)
        assert dataset.train.labels.tolist() == [[1, 0], [0, 1]] * 3
        assert list(dataset.train.ids) == ["3", "4", "5", "6", "7", "8"]
        assert list(dataset.test.ids) == ["0", "1", "2"]
        assert dataset.class_names == ("0", "1")
        assert dataset.shape == (1, 1, 4, 1)
        assert dataset.domain is None
        assert dataset.problems == []
        truth = dataset.truth()
        assert truth is not None
        assert truth.tolist() == [[1, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize("name", ["set [1]", "my data [v2] é图's", "a*b?", "dots.in.name", " blank "])
def test_any_name_works(tmp_path: Path, name: str) -> None:
    dataset = read_autodl(plain(tmp_path / name))
    assert dataset.name == name
    assert len(dataset.train) == 6
    assert dataset.truth() is None


def test_test_shards_come_in_the_order_of_the_challenge(tmp_path: Path) -> None:
    shards = [[record(i, (), kind=s % 2) for i in range(3 * s, 3 * s + 3)] for s in range(3)]
    dataset = read_autodl(make(tmp_path / "c49", [record(i, (i % 2,)) for i in range(12)], shards))
    assert [int(id_) for id_ in dataset.test.ids] == [0, 3, 6, 1, 4, 7, 2, 5, 8]
    kinds = dataset.test.source.table().numbers[:, 0]
    assert kinds.tolist() == [0, 1, 0] * 3
    assert "not that of their ids" in reasons(dataset.problems)


def test_train_shards_come_one_after_the_other(tmp_path: Path) -> None:
    root = plain(tmp_path / "x")
    folder = root / "x.data" / "train"
    shutil.rmtree(folder)
    write_subset(
        folder, [[record(i) for i in shard] for shard in ((0, 1), (2,), (3, 4))], replace(TABLE, sample_count=5)
    )
    assert list(read_autodl(root).train.ids) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("drop", [9, 12])
def test_short_test_set_gives_both_numbers(tmp_path: Path, drop: int) -> None:
    root = plain(tmp_path / "x", n_test=5)
    file = root / "x.data" / "test" / "sample-00.tfrecord"
    file.write_bytes(file.read_bytes()[:-drop])
    with pytest.raises(
        DataError, match=r"expected 5 test records .* found 4 \(.*sample-00\.tfrecord, record 4: file cut"
    ):
        read_autodl(root)


def test_more_test_records_than_described_are_told(tmp_path: Path) -> None:
    root = plain(tmp_path / "x", n_test=5)
    (root / "x.data" / "test" / "metadata.textproto").write_text(format_metadata(replace(TABLE, sample_count=4)))
    dataset = read_autodl(root)
    assert len(dataset.test) == 5
    assert "expected 4 records as in metadata.textproto, found 5" in reasons(dataset.problems)


def damage_payload(data: bytes) -> bytes:
    size = int.from_bytes(data[:8], "little") + 16  # records of this file are equally long
    changed = bytearray(data)
    changed[2 * size + 20] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("change", "left", "reason"),
    [
        (damage_payload, 4, "record 2"),
        (lambda data: data[:-7], 4, "record 4"),
        (lambda data: b"", 0, "empty file"),
        (lambda data: b"version https://git-lfs.github.com/spec/v1\nsize 1\n", 0, "git-lfs pointer"),
    ],
)
def test_damaged_train_shard_loses_what_is_damaged(tmp_path: Path, change: object, left: int, reason: str) -> None:
    root = plain(tmp_path / "x", n_train=15)
    write_records(tmp_path / "ok", [record(100 + i) for i in range(5)])
    shard = root / "x.data" / "train" / "sample-zz.tfrecord"
    shard.write_bytes(change((tmp_path / "ok").read_bytes()))  # type: ignore[operator]
    dataset = read_autodl(root)
    assert len(dataset.train) == 15 + left
    assert reason in reasons(dataset.problems)
    assert "sample-zz.tfrecord" in reasons(dataset.problems)


def test_large_subsets_are_checked_when_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = plain(tmp_path / "x")
    file = root / "x.data" / "train" / "sample-00.tfrecord"
    records = scan(file)
    data = bytearray(file.read_bytes())
    data[int(records.offsets[2]) + int(records.lengths[2]) - 1] ^= 1
    file.write_bytes(data)
    assert len(read_autodl(root).train) == 5
    monkeypatch.setattr("data_format.autodl.records._VERIFY_BYTES", 100)
    monkeypatch.setattr("data_format.autodl.records._LONG_RECORD_BYTES", 10)
    dataset = read_autodl(root)
    assert len(dataset.train) == 6
    with pytest.raises(Unreadable, match="payload checksum"):
        dataset.train.source.example(2)
    table = dataset.train.source.table()
    assert np.isnan(table.numbers[2]).all()
    assert np.isfinite(table.numbers[[0, 1, 3, 4, 5]]).all()
    assert "record 2" in reasons(dataset.problems)


def test_record_that_is_no_example(tmp_path: Path) -> None:
    train = [record(0), b"\xff\xff\xff", record(2, (1,))]
    dataset = read_autodl(make(tmp_path / "x", train, [[record(0, ()), b"\xff\xff"]]))
    assert dataset.train.labels.tolist() == [[1, 0], [0, 1]]
    assert dataset.train.source.example(1) is not None
    assert "record 1" in reasons(dataset.problems)
    # A test row keeps its place, so that the rows after it are not moved.
    assert len(dataset.test) == 2
    with pytest.raises(Unreadable, match="not a SequenceExample"):
        dataset.test.source.example(1)


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    root = plain(tmp_path / "x")
    (root / "x.data" / "train" / "sample-00.tfrecord").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"expected 6 records, found 0 \(.*cut inside a record header"):
        read_autodl(root)


def test_labels_repeated_soft_and_out_of_order(tmp_path: Path) -> None:
    metadata = replace(TABLE, output_dim=4)
    labels: list[tuple[tuple[int, ...], tuple[float, ...] | None]] = [
        ((3, 1), None), ((1, 1), (0.5, 1.0)), ((0, 2), (1.0, 0.5)), ((), None), ((0,), (3.0,))
    ]  # fmt: skip
    train = [record(i, indices, scores) for i, (indices, scores) in enumerate(labels)]
    dataset = read_autodl(make(tmp_path / "c50", train, [[record(0, (2,))]], metadata))
    assert dataset.train.labels.tolist() == [[0, 1, 0, 1], [0, 1, 0, 0], [1, 0, 0.5, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert dataset.test.labels.tolist() == [[0, 0, 0, 0]]
    assert "1 records with label scores outside 0 to 1" in reasons(dataset.problems)


def test_label_out_of_range_names_the_record(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sample-00\.tfrecord, record 1: label_index: expected 0 to 1, found 2"):
        read_autodl(make(tmp_path / "x", [record(0), record(1, (2,))], [[record(0)]]))


def test_label_lists_of_different_length_name_the_record(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"record 0: expected one label_score per label_index, found 1 for 2"):
        read_autodl(make(tmp_path / "x", [record(0, (0, 1), (1.0,))], [[record(0)]]))


@pytest.mark.parametrize(
    ("ids", "expected", "told"),
    [
        ([5, 3, 9], ["5", "3", "9"], True),
        ([1, 1, 2], ["0", "1", "2"], True),
        ([4, None, 5], ["0", "1", "2"], True),
        ([None] * 3, ["0", "1", "2"], False),
    ],
)
def test_ids_are_checked(tmp_path: Path, ids: list[int | None], expected: list[str], told: bool) -> None:
    test = [encode_record(row(0, 0), (), (), id_) for id_ in ids]
    dataset = read_autodl(make(tmp_path / "x", [record(0)], [test]))
    assert list(dataset.test.ids) == expected
    assert bool(dataset.problems) == told


def test_sequences_of_any_length_and_a_small_vocabulary(tmp_path: Path) -> None:
    vocabulary = {token: i for i, token in enumerate("abcde")}
    metadata = replace(TABLE, matrix_specs=(MatrixSpec(1, 1),), sequence_size=-1, channel_to_index_map=vocabulary)
    texts = [Dense(np.full((i % 4, 1, 1, 1), i % 5, np.float32)) for i in range(8)]
    train = [encode_record(text, (i % 2,), None, i) for i, text in enumerate(texts)]
    dataset = read_autodl(make(tmp_path / "c39", train, [[encode_record(texts[1])]], metadata))
    assert dataset.vocabulary == dict(enumerate("abcde"))
    assert dataset.shape == (-1, 1, 1, 1)
    for i, text in enumerate(texts):
        example = dataset.train.source.example(i)
        assert isinstance(example, Dense)
        assert np.array_equal(example.array, text.array)
    with pytest.raises(DataError, match="expected records of one row of numbers, found DENSE records of shape"):
        dataset.train.source.table()


def test_labels_of_long_records_come_from_their_first_bytes(tmp_path: Path) -> None:
    metadata = replace(TABLE, matrix_specs=(MatrixSpec(-1, -1, format="COMPRESSED"),))
    train = [encode_record(Encoded((bytes([i]) * 50_000,)), (i % 2,), None, i) for i in range(4)]
    dataset = read_autodl(make(tmp_path / "x", train, [[train[3]]], metadata))
    assert dataset.train.labels.tolist() == [[1, 0], [0, 1]] * 2
    assert dataset.train.source.example(2) == Encoded((b"\x02" * 50_000,))


def test_class_names_from_the_map_the_file_or_the_numbers(tmp_path: Path) -> None:
    names = {'café "x"': 1, "001": 0}
    assert read_autodl(plain(tmp_path / "a", metadata=replace(TABLE, label_to_index_map=names))).class_names == (
        "001",
        'café "x"',
    )
    partly = replace(TABLE, label_to_index_map={"dog": 1})
    assert read_autodl(plain(tmp_path / "b", metadata=partly)).class_names == ("0", "dog")
    root = plain(tmp_path / "c")
    (root / "label.name").write_bytes(b"True\r\n 1.0 \r\n")
    assert read_autodl(root).class_names == ("True", " 1.0 ")
    (root / "c_label.name").write_text("only one\n")
    dataset = read_autodl(root)
    assert dataset.class_names == ("True", " 1.0 ")
    assert "expected 2 class names, found 1" in reasons(dataset.problems)


@pytest.mark.parametrize(
    ("solution", "message"),
    [
        ("1 0\n", r"expected 3 test rows x 2 classes, found 1 x 2"),
        ("1\n0\n1\n", r"expected 3 test rows x 2 classes, found 3 x 1"),
        ("1 0\n0 1\nx y\n", "expected a matrix of numbers"),
    ],
)
def test_solution_that_does_not_fit_is_an_error_when_read(tmp_path: Path, solution: str, message: str) -> None:
    dataset = read_autodl(plain(tmp_path / "x", solution=solution))
    with pytest.raises(DataError, match=message):
        dataset.truth()


def test_one_row_and_one_column(tmp_path: Path) -> None:
    truth = read_autodl(plain(tmp_path / "a", n_test=1, solution="0 1\n")).truth()
    assert truth is not None
    assert truth.tolist() == [[0, 1]]
    one = replace(TABLE, output_dim=1)
    root = make(tmp_path / "b", [record(0, ())], [[record(i, ()) for i in range(3)]], one, "1\n0\n1\n")
    truth = read_autodl(root).truth()
    assert truth is not None
    assert truth.tolist() == [[1], [0], [1]]


def test_layouts_that_are_refused_say_why(tmp_path: Path) -> None:
    root = plain(tmp_path / "x")
    data = root / "x.data"
    (root / "more.data" / "train").mkdir(parents=True)
    shutil.copy(data / "train" / "metadata.textproto", root / "more.data" / "train")
    with pytest.raises(DataError, match=r"exactly one \*\.data folder, found 2 \(more\.data, x\.data\)"):
        read_autodl(root)
    with pytest.raises(DataError, match="found no test/"):
        read_autodl(root / "more.data")
    with pytest.raises(DataError, match="expected a folder name.data"):
        read_autodl(tmp_path)
    (data / "test" / "metadata.textproto").write_text(format_metadata(replace(TABLE, output_dim=3, sample_count=3)))
    with pytest.raises(DataError, match="output_dim: expected 2 as in train, found 3"):
        read_autodl(data)
    (data / "test" / "metadata.textproto").unlink()
    with pytest.raises(DataError, match=r"metadata\.textproto: cannot be read"):
        read_autodl(data)
    for file in (data / "train").glob("sample*"):
        file.unlink()
    shutil.copy(data / "train" / "metadata.textproto", data / "test")
    with pytest.raises(DataError, match="names start with 'sample', found none"):
        read_autodl(data)


def test_flat_layout_is_refused_with_the_reason(tmp_path: Path) -> None:
    write_subset(tmp_path / "flat", [[record(0)]], TABLE)
    assert is_autodl(tmp_path / "flat")
    with pytest.raises(DataError, match="expected train/ and test/ folders, found metadata.textproto and record files"):
        read_autodl(tmp_path / "flat")


def test_other_folders_are_not_autodl(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    (tmp_path / "x.data").mkdir()
    (tmp_path / "x.data" / "train.data").touch()
    assert not is_autodl(tmp_path)


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="needs the official samples")
@pytest.mark.parametrize(
    ("name", "sizes", "shape", "classes"),
    [
        ("mini1", (50, 10), (1, 28, 28, 1), "0"),
        ("miniciao", (82, 18), (1, 32, 32, 3), "airplane"),
        ("Monkeys", (26, 4), (1, -1, -1, 3), "0"),
    ],
)
def test_official_samples(name: str, sizes: tuple[int, int], shape: tuple[int, ...], classes: str) -> None:
    dataset = read_autodl(OFFICIAL / name)
    assert (len(dataset.train), len(dataset.test)) == sizes
    assert dataset.shape == shape
    assert dataset.class_names[0] == classes
    assert not dataset.test.labels.any()
    truth = dataset.truth()
    assert truth is not None
    assert (truth.sum(axis=1) == 1).all()
    for split in (dataset.train, dataset.test):
        assert all(split.source.example(i) is not None for i in range(len(split)))


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="needs the official samples")
def test_official_flat_sample() -> None:
    with pytest.raises(DataError, match="expected train/ and test/ folders"):
        read_autodl(OFFICIAL / "mini-mnist-flat")


ODD = {
    "a repeated label": (record(50, (1, 1), (0.5, 1.0)), ""),
    "a label outside the classes": (record(50, (7,)), "record 3"),
    "a score that is no number": (record(50, (1,), (float("nan"),)), "record 3"),
    "no label": (record(50, ()), ""),
    "a score beyond one": (record(50, (1,), (3.0,)), ""),
    "no example": (b"\x01" * len(record(50)), ""),
    "an id seen before": (record(3), ""),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("times", [1, 40])
def test_records_decoded_at_once_are_read_as_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, times: int
) -> None:
    odd, where = ODD[kind]
    usual = [record(i, (i % 2,)) for i in range(100)]
    make(tmp_path / "set", [*usual[:3], *[odd] * times, *usual[3:]], [[record(i, ()) for i in range(40)]])
    found = []
    for fewest in (32, 10**9):
        monkeypatch.setattr(batch_decoder, "FEWEST", fewest)
        if where:
            with pytest.raises(DataError, match=where) as raised:
                read_autodl(tmp_path / "set")
            found.append(str(raised.value))
        else:
            data = read_autodl(tmp_path / "set")
            parts = [(s.ids, s.labels.tolist(), s.source.table().numbers.tolist()) for s in (data.train, data.test)]
            found.append(f"{parts} {reasons(data.problems)}")
    assert found[0] == found[1]
