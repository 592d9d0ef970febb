import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from autodl_agent.commands.group import cli
from autodl_agent.data.convert import convert, convert_unlabelled
from autodl_agent.data.domain import make_task
from autodl_agent.system.errors import UsageError
from data_format import open_dataset
from data_format.errors import DataError
from data_format.raw import ReadOptions

AS_FOUND = ReadOptions()


@pytest.fixture
def pictures(tmp_path):
    for i in range(12):
        path = tmp_path / "set" / "ab"[i % 2] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (20 * i, 0, 255)).save(path)
    (tmp_path / "set/a/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path / "set"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("n,w,label\n" + "".join(f"{i},{'uv'[i % 2]},{'xy'[i % 2]}\n" for i in range(20)))
    return path


def test_the_result_is_the_same_task(pictures, tmp_path):
    ticks = []
    done = convert(pictures, tmp_path / "out", AS_FOUND, tick=lambda: ticks.append(1))
    raw, records = open_dataset(pictures), open_dataset(tmp_path / "out")
    assert (done.n_train, done.n_test, len(ticks)) == (len(records.train), len(raw.test), 13)
    assert make_task(records).class_names == make_task(raw).class_names
    assert np.array_equal(records.truth(), raw.truth())
    broken = "a/broken.png" in raw.train.ids
    assert len(records.train) == len(raw.train) - broken
    assert any(p.where == "a/broken.png" for p in done.problems)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "set"]


def test_nothing_readable_is_an_error_and_leaves_nothing(pictures, tmp_path):
    for file in pictures.rglob("*.png"):
        file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(DataError, match="expected training examples that can be read, found none.*PNG image"):
        convert(pictures, tmp_path / "out", AS_FOUND)
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


def test_options_and_name(table, tmp_path):
    convert(table, tmp_path / "out", ReadOptions(test_share=0.5), "mine")
    assert (tmp_path / "out/mine.solution").exists() and (tmp_path / "out/mine_categories.json").exists()
    assert len(open_dataset(tmp_path / "out").test) == 10


def test_an_interrupted_conversion_leaves_nothing_and_can_be_repeated(pictures, tmp_path):
    seen = []

    def stop():
        seen.append(1)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(pictures, tmp_path / "out", AS_FOUND, tick=stop)
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]
    (tmp_path / ".out.converting/half").mkdir(parents=True)  # as a killed process leaves it
    (tmp_path / "out").mkdir()
    convert(pictures, tmp_path / "out", AS_FOUND)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "set"]
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*")}
    with pytest.raises(UsageError, match="new or empty, found one with content"):
        convert(pictures, tmp_path / "out", AS_FOUND)
    assert before == {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*")}


def test_unlabelled_files_keep_the_order_of_their_list(pictures, tmp_path):
    for name in ("a", "b"):
        for file in (pictures / name).iterdir():
            file.rename(pictures / file.name)
        (pictures / name).rmdir()
    (pictures / "data.csv").write_text("03.png\n00.png\nbroken.png\n01.png\n")
    done = convert_unlabelled(pictures, tmp_path / "out", AS_FOUND, output_dim=4)
    folder = tmp_path / "out" / "unlabelled"
    assert sorted(file.name for file in folder.iterdir()) == ["metadata.textproto", "sample-unlabelled.tfrecord"]
    assert (done.n_train, done.n_test) == (0, 4)
    records = records_of(folder / "sample-unlabelled.tfrecord")
    assert len(records) == 4
    for name, record in zip(("03.png", "00.png", None, "01.png"), records, strict=True):
        assert name is None or (pictures / name).read_bytes() in record
    assert "output_dim: 4" in (folder / "metadata.textproto").read_text()
    assert "sample_count: 4" in (folder / "metadata.textproto").read_text()


def records_of(path: Path) -> list[bytes]:
    from data_format.autodl.tfrecord import scan

    file = scan(path)
    return [file.read(i) for i in range(len(file))]


def test_unlabelled_texts_continue_the_vocabulary_of_training(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "train.data").write_text("old words here\n")
    (folder / "train.solution").write_text("0 1\n")
    (folder / "meta.json").write_text("{}")
    (folder / "unlabelled.data").write_text("new words\nold one\n")
    convert_unlabelled(folder, tmp_path / "out", AS_FOUND)
    text = (tmp_path / "out/unlabelled/metadata.textproto").read_text()
    tokens = [line.split('"')[1] if '"' in line else line.split("'")[1] for line in text.splitlines() if "key:" in line]
    assert {"old", "words", "here", "new", "one"} <= set(tokens)


def test_the_command(table, tmp_path):
    runner = CliRunner()
    done = runner.invoke(cli, ["convert", str(table), str(tmp_path / "out"), "--label", "w", "--name", "n"])
    assert done.exit_code == 0, done.output
    assert f"16 training and 4 test rows are in {tmp_path / 'out'}" in done.output
    assert open_dataset(tmp_path / "out").class_names == ("u", "v")
    quiet = runner.invoke(cli, ["convert", str(table), str(tmp_path / "un"), "--unlabelled", "--output-dim", "2", "-q"])
    assert (quiet.exit_code, quiet.output) == (0, "")
    wrong = runner.invoke(cli, ["convert", str(table), str(tmp_path / "no"), "--output-dim", "2"])
    assert wrong.exit_code == 2 and "goes with --unlabelled only" in wrong.output
    with pytest.raises(DataError, match="'colour'"):
        runner.invoke(cli, ["convert", str(table), str(tmp_path / "no"), "--label", "colour"], catch_exceptions=False)
    assert not (tmp_path / "no").exists()


def test_unpacked_archives_are_gone_after_a_command(table, tmp_path):
    import gzip

    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    (tmp_path / "temporary").mkdir()
    command = [sys.executable, "-m", "autodl_agent.commands", "convert", str(packed), str(tmp_path / "out")]
    environment = os.environ | {"TMPDIR": str(tmp_path / "temporary")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


PARSE = """
import sys
import tensorflow as tf
kinds = (("id", tf.int64), ("label_index", tf.int64), ("label_score", tf.float32))
context = {name: tf.io.VarLenFeature(kind) for name, kind in kinds}
lists = {"0_compressed": tf.io.VarLenFeature(tf.string)}
rows = []
for record in tf.data.TFRecordDataset(sys.argv[1]):
    head, body = tf.io.parse_single_sequence_example(record, context_features=context, sequence_features=lists)
    pixels = tf.io.decode_image(body["0_compressed"].values[0], 3)
    rows.append((int(head["id"].values[0]), head["label_index"].values.numpy().tolist(), tuple(pixels.shape)))
print(rows)
"""


def test_tensorflow_reads_the_result(pictures, tmp_path):
    from importlib.util import find_spec

    if find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    (pictures / "a/broken.png").unlink()
    convert(pictures, tmp_path / "out", AS_FOUND)
    file = next((tmp_path / "out").glob("*.data/train/sample*"))
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(file)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-500:]
    dataset = open_dataset(tmp_path / "out")
    expected = [(2 + i, [int(row.argmax())], (6, 8, 3)) for i, row in enumerate(dataset.train.labels)]
    assert done.stdout.strip() == str(expected)
