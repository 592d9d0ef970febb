"""The same data in three raw forms is the same task: classes, rows, labels and tensors, for every sample set."""

import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from autodl_agent.data.domain import make_task
from data_format import open_dataset
from data_format.dataset import Dataset, Split
from data_format.examples import Encoded, MediaFile, Table, Text
from data_format.media.images import decode_frame, image_at
from data_format.media.sounds import sound
from data_format.media.videos import clip_at

SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"
PART = {"train": 48, "test": 12}


@dataclass(frozen=True)
class Row:
    """One row to be written: its split and number, class names, and the content as bytes of a file or as text."""

    split: str
    number: int
    labels: tuple[str, ...]
    content: bytes | str
    suffix: str

    @property
    def name(self) -> str:
        return f"{self.number:03d}{self.suffix}"


def first_rows(dataset: Dataset, content: Callable[[Dataset, Split, int], bytes | str], suffix: str) -> list[Row]:
    """The first training and test rows of a sample set, with the known truth of the test rows."""
    truth, out = dataset.truth(), []
    assert truth is not None
    for split, part, labels in (("train", dataset.train, dataset.train.labels), ("test", dataset.test, truth)):
        for i in range(PART[split]):
            names = tuple(dataset.class_names[c] for c in np.flatnonzero(labels[i] > 0))
            out.append(Row(split, i, names, content(dataset, part, i), suffix))
    return out


def jpeg(dataset: Dataset, part: Split, i: int) -> bytes:
    return part.source.example(i).frames[0]


def wav(dataset: Dataset, part: Split, i: int) -> bytes:
    samples = part.source.example(i).array.ravel().astype(np.int16)
    file = io.BytesIO()
    sf.write(file, samples, 16_000, format="WAV", subtype="PCM_16")
    return file.getvalue()


def clip(dataset: Dataset, part: Split, i: int) -> bytes:
    """A lossless grey film of the frames."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=Fraction(10))
        stream.width = stream.height = 32
        stream.pix_fmt = "gray"
        for blob in part.source.example(i).frames:
            frame = av.VideoFrame.from_ndarray(decode_frame(blob, 1)[:, :, 0], format="gray")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return file.getvalue()


def words(dataset: Dataset, part: Split, i: int) -> str:
    tokens = part.source.example(i).array.ravel().astype(int).tolist()
    return " ".join(dataset.vocabulary[token] for token in tokens)


def class_folders(rows: list[Row], root: Path) -> Path:
    for row in rows:
        path = root / row.split / row.labels[0] / row.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(row.content if isinstance(row.content, bytes) else row.content.encode())
    return root


def listed_files(rows: list[Row], root: Path) -> Path:
    for split in PART:
        (root / split).mkdir(parents=True)
        own = [row for row in rows if row.split == split]
        with (root / f"labels_{split}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["file", "label"], *([f"{split}/{r.name}", r.labels[0]] for r in own)])
        for row in own:
            (root / split / row.name).write_bytes(row.content)
    return root


def archive_of(folder: Path, kind: str) -> Path:
    path = folder.with_name(f"{folder.name}.{kind}")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, file.relative_to(folder.parent))
        return path
    with tarfile.open(path, "w:gz") as archive:
        for file in files:
            archive.add(file, file.relative_to(folder.parent))
    return path


def csv_texts(rows: list[Row], root: Path) -> Path:
    root.mkdir()
    for split in PART:
        with (root / f"{split}.csv").open("w", newline="") as file:
            own = ([row.content, row.labels[0]] for row in rows if row.split == split)
            csv.writer(file).writerows([["text", "label"], *own])
    return root


def json_texts(rows: list[Row], root: Path) -> Path:
    root.mkdir()
    for split in PART:
        lines = [json.dumps({"text": r.content, "label": r.labels[0]}) for r in rows if r.split == split]
        (root / f"{split}.jsonl").write_text("\n".join(lines))
    return root


def tensors(dataset: Dataset, part: Split) -> Iterator[np.ndarray | str]:
    """What a learner would get of every row."""
    for i in range(len(part)):
        example = part.source.example(i)
        if isinstance(example, Text):
            yield example.text
        elif isinstance(example, MediaFile) and example.path.suffix == ".txt":
            yield example.path.read_text()
        elif dataset.domain and dataset.domain[0] == "speech":
            yield sound(example, None, (-1, 1))[0]
        elif dataset.domain and dataset.domain[0] == "video":
            yield clip_at(example, 6, 32, 32, 1, (0, 1))
        else:
            assert isinstance(example, Encoded | MediaFile)
            yield image_at(example, 32, 32, 3, (0, 1), "squash")


def key_of(id_: str, tensor: np.ndarray | str) -> str:
    """What tells a row in every form: its file's name, or the text itself."""
    return tensor if isinstance(tensor, str) else Path(id_).name


def seen(path: Path) -> tuple[dict, dict]:
    """Facts of the task, and {key: (labels, tensor)} of all rows."""
    dataset = open_dataset(path)
    task = make_task(dataset)
    facts = {
        "classes": task.class_names, "domain": task.domain, "multilabel": task.multilabel,
        "counts": task.class_counts, "rows": (task.n_train, task.n_test), "shape": task.shape,
    }  # fmt: skip
    rows = {}
    for part, labels in ((dataset.train, dataset.train.labels), (dataset.test, dataset.truth())):
        for id_, row, tensor in zip(part.ids, labels, tensors(dataset, part), strict=True):
            rows[part is dataset.train, key_of(id_, tensor)] = (row.tolist(), tensor)
    assert dataset.problems == []
    return facts, rows


FORMS = {
    "digits": (jpeg, ".jpg", [class_folders, listed_files], "zip"),
    "moving_digits": (clip, ".mkv", [class_folders, listed_files], "tar.gz"),
    "spoken_words": (wav, ".wav", [listed_files, class_folders], "zip"),
    "library_docs": (words, ".txt", [csv_texts, json_texts, class_folders], "tar.gz"),
}


@pytest.mark.parametrize("name", FORMS)
def test_three_forms_of_a_sample_set_are_one_task(name, tmp_path):
    content, suffix, makers, kind = FORMS[name]
    rows = first_rows(open_dataset(SAMPLES / name), content, suffix)
    made = [maker(rows, tmp_path / maker.__name__) for maker in makers]
    made.append(archive_of(made[0], kind))
    facts, expected = seen(made[0])
    assert facts["classes"] == tuple(sorted({label for row in rows for label in row.labels}))
    assert facts["rows"] == (PART["train"], PART["test"]) and len(expected) == sum(PART.values())
    for path in made[1:]:
        other, found = seen(path)
        assert other == facts, path.name
        assert found.keys() == expected.keys(), path.name
        for key, (labels, tensor) in expected.items():
            assert found[key][0] == labels, (path.name, key)
            assert np.array_equal(found[key][1], tensor), (path.name, key)
    for row in rows:
        key = row.content if suffix == ".txt" else row.name
        labels, _ = expected[row.split == "train", key]
        assert {facts["classes"][c] for c in np.flatnonzero(labels)} == set(row.labels)


CLASSES = ("cultivar_1", "cultivar_2", "cultivar_3", "deep_colour", "strong")


def wine() -> dict[str, tuple[list[list[str]], list[list[int]]]]:
    """Cells ("" where missing) and 0/1 labels in the order of CLASSES of each split."""
    dataset = open_dataset(SAMPLES / "wine")
    order, out = [dataset.class_names.index(name) for name in CLASSES], {}
    for split, part, labels in (
        ("train", dataset.train, dataset.train.labels),
        ("test", dataset.test, dataset.truth()),
    ):
        cells = [["" if v != v else repr(float(v)) for v in row] for row in part.source.table().numbers]
        out[split] = cells, labels[:, order].astype(int).tolist()
    return out


NAMES = [f"f{i}" for i in range(11)]
LABELS = [f"label:{name}" for name in CLASSES]


def as_delimited(root: Path, sign: str, suffix: str) -> Path:
    root.mkdir()
    for split, (cells, labels) in wine().items():
        with (root / f"{split}{suffix}").open("w", newline="") as file:
            writer = csv.writer(file, delimiter=sign)
            writer.writerows([[*NAMES, *LABELS], *([*c, *own] for c, own in zip(cells, labels, strict=True))])
    return root


def as_json(root: Path) -> Path:
    root.mkdir()
    for split, (cells, labels) in wine().items():
        lines = []
        for row, own in zip(cells, labels, strict=True):
            values = {n: float(v) if v else None for n, v in zip(NAMES, row, strict=True)}
            lines.append(json.dumps({**values, "labels": [c for c, there in zip(CLASSES, own, strict=True) if there]}))
        (root / f"{split}.jsonl").write_text("\n".join(lines))
    return root


def as_arff(root: Path) -> Path:
    root.mkdir()
    for split, (cells, labels) in wine().items():
        head = ["@relation wine", *(f"@attribute '{n}' numeric" for n in [*NAMES, *LABELS]), "@data"]
        body = [",".join([*(v or "?" for v in c), *map(str, own)]) for c, own in zip(cells, labels, strict=True)]
        (root / f"{split}.arff").write_text("\n".join([*head, *body]))
    return root


def as_parquet(root: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    root.mkdir()
    for split, (cells, labels) in wine().items():
        columns = [pa.array([float(v) if v else None for v in column]) for column in zip(*cells, strict=True)]
        columns += [pa.array(column) for column in zip(*labels, strict=True)]
        pq.write_table(pa.table(columns, names=[*NAMES, *LABELS]), root / f"{split}.parquet")
    return root


def table_seen(path: Path) -> tuple[dict, list[Table], list]:
    dataset = open_dataset(path)
    task = make_task(dataset)
    facts = {
        "classes": task.class_names, "domain": task.domain, "multilabel": task.multilabel,
        "counts": task.class_counts, "rows": (task.n_train, task.n_test), "shape": task.shape,
        "ids": (list(dataset.train.ids), list(dataset.test.ids)),
    }  # fmt: skip
    labels = [dataset.train.labels.tolist(), dataset.truth().tolist()]
    return facts, [dataset.train.source.table(), dataset.test.source.table()], labels


def test_the_sample_table_in_many_forms_is_one_task(tmp_path):
    made = [as_delimited(tmp_path / "comma", ",", ".csv"), as_delimited(tmp_path / "tab", "\t", ".tsv")]
    made += [as_json(tmp_path / "json"), as_arff(tmp_path / "arff"), archive_of(made[0], "zip")]
    if find_spec("pyarrow"):
        made.append(as_parquet(tmp_path / "parquet"))
    facts, tables, labels = table_seen(made[0])
    assert facts["classes"] == CLASSES and facts["multilabel"] and facts["domain"] == "tabular"
    assert labels == [own for _, own in wine().values()]
    for path in made[1:]:
        other, found, known = table_seen(path)
        assert other == facts, path.name
        assert known == labels, path.name
        for a, b in zip(found, tables, strict=True):
            assert a.number_names == b.number_names and a.string_names == b.string_names == (), path.name
            assert np.array_equal(a.numbers, b.numbers, equal_nan=True), path.name
