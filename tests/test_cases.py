"""Failure cases that users of such tools met, rebuilt small; each runs the whole way and looks at what lies on disk."""

import csv
import json
import struct

import numpy as np
import pytest

from autodl_agent.runs.agent import run
from autodl_agent.runs.config import RunConfig
from autodl_agent.scoring.auc import nauc
from autodl_agent.system.clock import Budget
from data_format.autodl.metadata import MatrixSpec, Metadata, format_metadata
from data_format.autodl.sequence_example import encode_record
from data_format.autodl.tfrecord import write_records
from data_format.errors import DataError
from data_format.examples import Dense
from data_format.predictions import list_predictions, read_prediction


class Ran:
    """What a run left on disk."""

    def __init__(self, data, tmp_path, budget_s=20.0):
        self.out = tmp_path / "out"
        self.result = run(data, self.out, RunConfig(budget_s), Budget.from_now(budget_s))
        self.classes = (self.out / "classes.txt").read_text(encoding="utf-8").splitlines()
        self.rows = (self.out / "test_rows.txt").read_text(encoding="utf-8").splitlines()
        self.last = read_prediction(list_predictions(self.out / "predictions")[-1][1])
        self.facts = json.loads((self.out / "run.json").read_text(encoding="utf-8"))
        assert self.last.shape == (len(self.rows), len(self.classes))
        assert np.isfinite(self.last).all() and self.last.min() >= 0 and self.last.max() <= 1
        with (self.out / "learning_curve.csv").open(newline="") as file:
            self.curve = list(csv.DictReader(file))
        log = (self.out / "log.txt").read_text(encoding="utf-8")
        assert "disabled" not in log and "nan" not in log.lower()


def table(path, rows, head="a,b,y"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows), ""]), encoding="utf-8")
    return path


def good(n=40):
    return [(i, i * 7 % 11, "yes" if i % 2 else "no") for i in range(n)]


def dense(c, i):
    return [[float(c), float(i % 5), 0.0, 1.0]]


def record(i, labels=(0,), scores=None, steps=None):
    array = np.array(steps if steps is not None else dense(labels[0] if labels else 0, i), np.float32)
    example = Dense(array.reshape(len(array), 1, -1, 1))
    return encode_record(example, list(labels), list(scores or [1.0] * len(labels)), i)


def autodl(root, train, test, classes, solution=None, n_test=None, columns=4, sequence=1, shards=None, **more):
    name = root.name
    for part, records, count in (("train", train, len(train)), ("test", test, n_test or len(test))):
        folder = root / f"{name}.data" / part
        folder.mkdir(parents=True)
        spec = MatrixSpec(col_count=columns, row_count=1, num_channels=1)
        meta = Metadata(
            sample_count=count, sequence_size=sequence, output_dim=classes, matrix_specs=(spec,), **more
        )  # fmt: skip
        (folder / "metadata.textproto").write_text(format_metadata(meta), encoding="utf-8")
        parts = shards if shards and part == "test" else [records]
        for k, shard in enumerate(parts):
            write_records(folder / f"sample-{k:02d}.tfrecord", shard)
    if solution is not None:
        np.savetxt(root / f"{name}.solution", solution, fmt="%g")
    return root


def test_01_a_class_that_never_occurs_in_test(tmp_path):
    root = autodl(
        tmp_path / "set",
        [record(i, (i % 3,)) for i in range(12)],
        [record(i, (), steps=dense(i % 2, i)) for i in range(6)],
        3,
        np.eye(3)[[0, 1, 0, 1, 0, 1]],
    )
    ran = Ran(root, tmp_path)
    assert float(ran.curve[-1]["test_nauc"]) == 1


def test_02_a_class_seen_only_in_test(tmp_path):
    table(tmp_path / "set/train.csv", good())
    table(tmp_path / "set/test.csv", [(1, 2, "yes"), (2, 3, "maybe"), (3, 4, "no")])
    ran = Ran(tmp_path / "set", tmp_path)
    assert ran.classes == ["no", "yes"]
    assert any("maybe" in skipped["reason"] + skipped["where"] for skipped in ran.facts["skipped"])


def test_03_all_training_rows_have_one_class(tmp_path):
    table(tmp_path / "set/train.csv", [(i, i % 3, "yes") for i in range(20)])
    ran = Ran(tmp_path / "set", tmp_path)
    assert ran.classes == ["yes"]
    assert "all 16 training rows have class 'yes'" in (ran.out / "log.txt").read_text()


def test_04_one_label_always_off_and_one_always_on(tmp_path):
    table(tmp_path / "set/train.csv", [(i, i % 2, 0, i % 2, 1) for i in range(20)], "a,b,l0,l1,l2")
    ran = Ran(tmp_path / "set", tmp_path)
    assert ran.classes == ["l0", "l1", "l2"]
    assert (ran.last[:, 0] < 0.5).all() and (ran.last[:, 2] > 0.5).all()


def test_05_one_row_a_class(tmp_path):
    table(tmp_path / "set/train.csv", [(i, 10 * i, f"k{i}") for i in range(12)])
    table(tmp_path / "set/test.csv", [(3, 30), (7, 70)], "a,b")
    ran = Ran(tmp_path / "set", tmp_path)
    assert len(ran.classes) == 12
    assert "cannot be validated" in (ran.out / "log.txt").read_text()
    assert ran.last[0, ran.classes.index("k3")] > ran.last[1, ran.classes.index("k3")]


def test_06_rare_classes_keep_their_column(tmp_path):
    rows = [(i % 7, i % 5, f"big{i % 2}") for i in range(400)]
    table(tmp_path / "set/train.csv", [*rows, (90, 90, "rare1"), (91, 91, "rare2"), (91, 92, "rare2")])
    table(tmp_path / "set/test.csv", [(1, 1), (91, 91)], "a,b")
    ran = Ran(tmp_path / "set", tmp_path, 8)
    assert ran.classes == ["big0", "big1", "rare1", "rare2"]
    assert ran.last[1, 3] > ran.last[0, 3]


def test_07_extreme_imbalance(tmp_path):
    rows = [(i % 50, i % 7, 0) for i in range(550)] + [(100 + i, 3, 1) for i in range(5)]
    table(tmp_path / "set/train.csv", rows)
    truth = [0] * 100 + [1] * 5
    table(tmp_path / "set/test.csv", [(i % 50, 3) for i in range(100)] + [(101, 3)] * 5, "a,b")
    ran = Ran(tmp_path / "set", tmp_path, 8)
    assert nauc(np.eye(2, dtype=np.float32)[truth], ran.last) > 0.8


@pytest.mark.parametrize("names", [("001", "010"), ("True", "False"), ("1e3", "1.0"), ("NA", "None")])
def test_08_class_names_keep_their_spelling(tmp_path, names):
    table(tmp_path / "set/train.csv", [(i, i % 2, names[i % 2]) for i in range(20)])
    assert sorted(Ran(tmp_path / "set", tmp_path).classes) == sorted(names)


def test_10_rows_without_a_label_are_skipped_and_counted(tmp_path):
    table(tmp_path / "set/train.csv", [(i, i % 2, "" if i % 5 == 0 else i % 2) for i in range(40)])
    ran = Ran(tmp_path / "set", tmp_path)
    assert ran.classes == ["0", "1"]
    assert ran.facts["n_train"] + ran.facts["n_test"] == 32
    assert ran.facts["skipped"]


def test_11_a_row_with_no_label_is_legal(tmp_path):
    train = [record(i, [(), (0,), (0, 1)][i % 3], steps=dense(i % 3, i)) for i in range(12)]
    ran = Ran(autodl(tmp_path / "set", train, [record(i, (), steps=dense(i % 3, i)) for i in range(4)], 2), tmp_path)
    assert ran.facts["multilabel"]
    assert ran.facts["n_train"] == 12


def test_12_two_labels_are_multi_label_where_a_row_has_none_or_both(tmp_path):
    table(tmp_path / "set/train.csv", [(i % 3, i, int(i % 3 > 0), int(i % 3 > 1)) for i in range(60)], "a,b,l0,l1")
    table(tmp_path / "set/test.csv", [(0, 1), (1, 1), (2, 1)], "a,b")
    ran = Ran(tmp_path / "set", tmp_path)
    assert ran.facts["multilabel"]
    assert ran.last[2].min() > 0.5 > ran.last[0].max()


def test_14_numeric_class_folders_come_in_number_order(tmp_path):
    from PIL import Image

    for c in range(12):
        for k in range(3):
            path = tmp_path / f"set/{c}/{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 12), (20 * c + k,) * 3).save(path)
    assert Ran(tmp_path / "set", tmp_path).classes == [str(c) for c in range(12)]


def test_25_odd_paths_give_the_same_result(tmp_path):
    found = []
    for name in ("plain", "my data [v2] é图's"):
        folder = tmp_path / name
        folder.mkdir()
        train, test = [record(i, (i % 2,)) for i in range(30)], [record(i, (), steps=dense(i % 2, i)) for i in range(4)]
        found.append(Ran(autodl(folder / "set [1]", train, test, 2), folder, 10).last)
    assert np.allclose(*found, atol=1e-6)


def test_36_a_very_wide_table(tmp_path):
    rng = np.random.default_rng(0)
    rows = [[*rng.integers(0, 9, 20_000), i % 2] for i in range(30)]
    table(tmp_path / "set/train.csv", rows, ",".join(f"f{j}" for j in range(20_000)) + ",y")
    assert Ran(tmp_path / "set", tmp_path).result.n_predictions >= 2


def test_39_a_text_set_with_five_tokens(tmp_path):
    def words(i, labels):
        return record(i, labels, steps=[[float(i % 5)]] * (1 + i % 4))

    vocabulary = {w: k for k, w in enumerate("abcde")}
    train, test = [words(i, (i % 2,)) for i in range(20)], [words(i, ()) for i in range(4)]
    root = autodl(
        tmp_path / "set", train, test, 2, columns=1, sequence=-1, channel_to_index_map=vocabulary
    )  # fmt: skip
    ran = Ran(root, tmp_path)
    assert ran.facts["domain"] == "text"
    assert ran.facts["budget_s"] == 20


def framed(records, tmp_path):
    write_records(tmp_path / "whole", records)
    content = (tmp_path / "whole").read_bytes()
    starts = [0]
    while starts[-1] < len(content):
        starts.append(starts[-1] + 16 + struct.unpack("<Q", content[starts[-1] : starts[-1] + 8])[0])
    return bytearray(content), starts


@pytest.mark.parametrize(
    ("damage", "read"),
    [("payload", 4), ("tail", 4), ("header", 4), ("empty", 0), ("lfs", 0)],
)
def test_48_damaged_training_records_cost_only_themselves(tmp_path, damage, read):
    records = [record(i, (i % 2,)) for i in range(5)]
    content, starts = framed(records, tmp_path)
    if damage == "payload":
        content[starts[2] + 20] ^= 1
    content = {
        "tail": content[:-7],
        "header": content[: starts[4] + 5],
        "empty": b"",
        "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 144000000\n",
    }.get(damage, content)
    test = [record(i, (), steps=dense(i % 2, i)) for i in range(5)]
    root = autodl(tmp_path / "set", [record(i, (i % 2,)) for i in range(15)], test, 2)
    (root / "set.data/train/sample-zz.tfrecord").write_bytes(content)
    ran = Ran(root, tmp_path)
    assert ran.facts["n_train"] == 15 + read
    assert any("sample-zz" in skipped["where"] for skipped in ran.facts["skipped"])


def test_48_a_short_test_set_is_an_error_with_both_numbers(tmp_path):
    root = autodl(tmp_path / "set", [record(i, (i % 2,)) for i in range(15)], [record(0, ())] * 4, 2, n_test=5)
    with pytest.raises(DataError, match=r"expected 5 .*found 4"):
        run(root, tmp_path / "out", RunConfig(5))


def test_49_rows_of_several_test_shards_follow_the_challenge(tmp_path):
    def kind(i):
        return i // 3 % 2

    shards = [[record(i, (), steps=dense(kind(i), i)) for i in range(3 * s, 3 * s + 3)] for s in range(3)]
    order = [0, 3, 6, 1, 4, 7, 2, 5, 8]
    train, test = [record(i, (i % 2,)) for i in range(24)], [r for shard in shards for r in shard]
    root = autodl(tmp_path / "set", train, test, 2, np.eye(2)[[kind(i) for i in order]], shards=shards)
    ran = Ran(root, tmp_path)
    assert ran.rows == [str(i) for i in order]
    assert float(ran.curve[-1]["test_nauc"]) == 1


def test_50_odd_labels_and_ragged_sequences(tmp_path):
    labels = [((3, 1), None), ((1, 1), (0.5, 1.0)), ((0, 2), (1.0, 0.5))]
    train = [
        record(i, labels[i % 3][0], labels[i % 3][1], steps=np.repeat(dense(i % 3, i), max(1, i % 4), 0))
        for i in range(24)
    ]
    test = [record(i, (), steps=np.repeat(dense(i % 3, i), 1 + i % 3, 0)) for i in range(6)]
    ran = Ran(autodl(tmp_path / "set", train, test, 4, sequence=-1), tmp_path)
    assert ran.facts["multilabel"]


def test_50_an_index_out_of_range_names_the_record(tmp_path):
    root = autodl(tmp_path / "set", [record(i, (4,)) for i in range(4)], [record(0, ())], 4)
    with pytest.raises(DataError, match="record 0.*label_index"):
        run(root, tmp_path / "out", RunConfig(5))


@pytest.mark.parametrize("budget_s", [0.1, 1.0])
def test_53_a_budget_too_small_for_anything_still_leaves_a_prediction(tmp_path, budget_s):
    table(tmp_path / "set/train.csv", [(i, 10 * i, f"k{i}") for i in range(12)])
    table(tmp_path / "set/test.csv", [(3, 30), (7, 70)], "a,b")
    ran = Ran(tmp_path / "set", tmp_path, budget_s)
    assert ran.result.n_predictions >= 1
    assert ran.result.seconds < budget_s + 2
