"""Make large data sets to run on: long, wide, many-class and sparse tables, short texts, sounds.

    python benchmarks/make_large.py long FOLDER [--rows 1000000]

Kinds: long (Parquet, 30 columns), wide (Parquet, 20,000 columns), classes (Parquet, 1,000 classes), sparse (AutoDL
records), texts (CSV, 100,000 short texts), sounds (10,000 clips of 10 s). Everything is drawn from a fixed seed; labels
follow from the inputs with some noise, so that NAUC means something.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def write_table(folder: Path, columns: dict[str, NDArray[np.generic]], test_rows: int) -> None:
    """train.parquet and test.parquet, both with the column `label`; the last rows are the test rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(columns)
    cut = table.num_rows - test_rows
    pq.write_table(table.slice(0, cut), folder / "train.parquet")
    pq.write_table(table.slice(cut), folder / "test.parquet")


def table_of(folder: Path, rows: int, width: int, classes: int, words: int) -> None:
    """Numbers, of which a dozen matter, and `words` columns of categories."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, width - words)).astype(np.float32)
    useful = min(12, width - words)
    hidden = np.tanh(x[:, :useful] @ rng.normal(size=(useful, 24))) @ rng.normal(size=(24, classes))
    columns: dict[str, NDArray[np.generic]] = {f"x{i}": x[:, i] for i in range(width - words)}
    for number in range(words):
        level = rng.integers(0, 40, rows)
        hidden += rng.normal(size=(40, classes))[level]
        columns[f"word{number}"] = np.array([f"level {k}" for k in range(40)], object)[level]
    # An empty column in a tenth of the rows, as real tables have.
    columns["x0"] = np.where(rng.random(rows) < 0.1, np.nan, x[:, 0])
    label = (hidden + rng.gumbel(size=hidden.shape)).argmax(1)
    columns["label"] = np.array([f"class {k}" for k in range(classes)], object)[label]
    write_table(folder, columns, max(rows // 10, 200))


def make_long(folder: Path, rows: int) -> None:
    table_of(folder, rows or 1_000_000, 30, 4, 6)


def make_wide(folder: Path, rows: int) -> None:
    table_of(folder, rows or 4_000, 20_000, 3, 0)


def make_classes(folder: Path, rows: int) -> None:
    table_of(folder, rows or 40_000, 20, 1_000, 2)


def make_sparse(folder: Path, rows: int) -> None:
    """AutoDL records of sparse rows of 20,000 columns, some 40 of them filled."""
    from data_format.autodl.writer import write_dataset
    from data_format.dataset import Dataset, Split
    from data_format.examples import Csr, Table
    from data_format.memory_source import MemorySource

    rng = np.random.default_rng(0)
    rows, width = rows or 20_000, 20_000
    kinds = rng.integers(0, 5, rows)
    labels = np.eye(5, dtype=np.float32)[kinds]

    def split(name: str, span: range) -> Split:
        places = [
            np.unique(np.r_[rng.integers(0, width, 32), kinds[i] * 500 + rng.integers(0, 500, 8)]).astype(np.int64)
            for i in span
        ]
        filled = np.concatenate([[0], np.cumsum([len(each) for each in places])])
        values = rng.integers(1, 6, int(filled[-1])).astype(np.float32)
        csr = Csr(filled.astype(np.int64), np.concatenate(places), values, width)
        nothing = np.zeros((len(span), 0), np.float32), (), np.zeros((len(span), 0), object), ()
        ids = [f"{name}{i}" for i in span]
        return Split(ids, labels[span.start : span.stop], MemorySource(table=Table(*nothing, csr)))

    cut = rows - rows // 10
    train, test = split("train", range(cut)), split("test", range(cut, rows))
    truth, names = labels[cut:], tuple(f"kind {k}" for k in range(5))
    made = Dataset("sparse", folder, names, (1, 1, width, 1), train, test, ("tabular", "made"), truth=lambda: truth)
    write_dataset(made, folder)


def make_texts(folder: Path, rows: int) -> None:
    """Short texts: a dozen words of a Zipf-like vocabulary, a few of them typical of the class."""
    rng = np.random.default_rng(0)
    rows = rows or 100_000
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, rng.integers(3, 10))) for _ in range(30_000)], object)
    share = 1 / np.arange(1, len(words) + 1)
    common = rng.choice(len(words), (rows, 12), p=share / share.sum())
    label = rng.integers(0, 8, rows)
    typical = rng.random((rows, 12)) < 0.12
    common[typical] = (label[:, None] * 400 + rng.integers(0, 400, (rows, 12)) + 500)[typical]
    lines = [f"{' '.join(words[row])},topic {k}\n" for row, k in zip(common, label.tolist(), strict=True)]
    cut = rows - max(rows // 10, 100)
    for name, part in (("train.csv", lines[:cut]), ("test.csv", lines[cut:])):
        (folder / name).write_text("text,label\n" + "".join(part), encoding="utf-8")


def make_sounds(folder: Path, rows: int) -> None:
    """Clips of 10 s at 16 kHz: tones and noise in a rhythm that the class decides."""
    import soundfile

    rng = np.random.default_rng(0)
    rows = rows or 10_000
    time = np.arange(160_000, dtype=np.float32) / 16_000
    noise = rng.normal(0, 0.05, 320_000).astype(np.float32)
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for number in range(rows):
        split = "test" if number % 10 == 9 else "train"
        kind = int(rng.integers(0, 6))
        pitch = float(rng.uniform(150, 400) * (1 + 0.5 * (kind % 3)))
        gate = np.sin(2 * np.pi * (1 + kind // 3 * 2) * time + rng.uniform(0, 6)) > 0
        start = int(rng.integers(0, 160_000))
        wave = 0.2 * np.sin(2 * np.pi * pitch * time) * gate + noise[start : start + 160_000]
        path = folder / split / f"{number:05d}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, wave, 16_000, "PCM_16")
        lines[split].append(f"{split}/{path.name},kind {kind}\n")
    for split, part in lines.items():
        (folder / f"labels_{split}.csv").write_text("file,label\n" + "".join(part))


MAKERS: dict[str, Callable[[Path, int], None]] = {
    "long": make_long,
    "wide": make_wide,
    "classes": make_classes,
    "sparse": make_sparse,
    "texts": make_texts,
    "sounds": make_sounds,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=MAKERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=0, help="default: as large as the kind's name promises")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    MAKERS[options.kind](options.folder, options.rows)


if __name__ == "__main__":
    main()
