"""Our record reader against tf.data, one thread each, in one process: framing + checksum + parse + decode to float.

    python benchmarks/read_tfrecords.py [--repeat 5]

Three synthetic sets (24-number rows, 200-token texts with one step a token, 32x32 JPEG pictures) are written to a
temporary folder and read by each in turn, tf.data element by element and in its quickest single-threaded form.
"""

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import cv2
import numpy as np
from PIL import Image

from data_format.autodl.metadata import MatrixSpec, Metadata
from data_format.autodl.records import open_records
from data_format.autodl.sequence_example import decode_example, encode_record
from data_format.autodl.tensors import tensor
from data_format.autodl.tfrecord import scan, write_records
from data_format.examples import Dense, Encoded

TABULAR = Metadata(0, 3, (MatrixSpec(24, 1),), 1)
TEXT = Metadata(0, 3, (MatrixSpec(1, 1),), -1)
IMAGE = Metadata(0, 3, (MatrixSpec(32, 32, format="COMPRESSED", num_channels=3),), 1)
SETS = (("tabular, 24 floats", TABULAR, 20_000), ("text, 200 tokens", TEXT, 5_000), ("image, 32x32 JPEG", IMAGE, 5_000))


def records(metadata: Metadata, count: int) -> Iterator[bytes]:
    random = np.random.default_rng(0)
    for i in range(count):
        if metadata is IMAGE:
            small = random.integers(0, 256, (8, 8, 3)).astype(np.uint8)  # smooth, as photographs are
            file = io.BytesIO()
            Image.fromarray(small).resize((32, 32), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
            yield encode_record(Encoded((file.getvalue(),)), [i % 3], None, i)
        elif metadata is TEXT:
            yield encode_record(Dense(random.integers(0, 20_000, (200, 1, 1, 1)).astype(np.float32)), [i % 3], None, i)
        else:
            yield encode_record(Dense(random.random((1, 1, 24, 1), np.float32)), [i % 3], None, i)


def ours(path: Path, metadata: Metadata) -> float:
    file = scan(path)
    file.keep_open()
    total = 0.0
    for i in range(len(file)):
        total += float(tensor(decode_example(file.read(i), metadata), metadata)[0, 0, 0, 0])
    return total


def at_once(path: Path, metadata: Metadata) -> float:
    """As a table is read: records that are alike are decoded many at a time."""
    table = open_records(path.parent, metadata, interleaved=False, problems=[]).table()
    return float(table.numbers[:, 0].sum(dtype=np.float64))


def theirs(tf: Any, path: Path, metadata: Metadata, parallel_map: bool, batch: int) -> float:
    _, rows, columns, channels = metadata.shape
    encoded = metadata.format == "COMPRESSED"
    key = "0_compressed" if encoded else "0_dense_input"
    context = {"id": tf.io.VarLenFeature(tf.int64), "label_index": tf.io.VarLenFeature(tf.int64),
               "label_score": tf.io.VarLenFeature(tf.float32)}  # fmt: skip
    form = tf.io.FixedLenSequenceFeature([], tf.string) if encoded else (
        tf.io.FixedLenSequenceFeature([rows * columns * channels], tf.float32)
    )  # fmt: skip

    def parse(record: Any) -> Any:
        _, lists = tf.io.parse_single_sequence_example(record, context, {key: form})
        if encoded:
            return tf.cast(tf.io.decode_jpeg(lists[key][0], channels), tf.float32)[None] / 255.0
        return tf.reshape(lists[key], [-1, rows, columns, channels])

    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.threading.max_intra_op_parallelism = 1
    # `map` with num_parallel_calls=1 hands every element to another thread; without it the work stays in one.
    calls = {"num_parallel_calls": 1} if parallel_map else {}
    data = tf.data.TFRecordDataset(str(path)).map(parse, **calls).batch(batch).with_options(options)
    return sum(float(elements[:, 0, 0, 0, 0].sum(dtype=np.float64)) for elements in data.as_numpy_iterator())


def measured(work: Callable[[], float]) -> tuple[float, float, float]:
    """Seconds on the wall, seconds of CPU in all threads, and the result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    cv2.setNumThreads(1)
    print("Medians in microseconds a record; wall = elapsed, cpu = all threads together; ratio = tf.data / ours.")
    print(f"{'set':20} {'reader':26} {'wall':>8} {'cpu':>8} {'wall ratio':>11} {'cpu ratio':>10}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample"
        for name, metadata, count in SETS:
            write_records(path, records(metadata, count))
            readers: dict[str, Callable[[], float]] = {
                "ours": partial(ours, path, metadata),
                "tf.data map(parallel=1)": partial(theirs, tf, path, metadata, True, 1),
                "tf.data map(), batch 256": partial(theirs, tf, path, metadata, False, 256),
            }
            if metadata is TABULAR:
                readers["ours, as a table"] = partial(at_once, path, metadata)
            compare(name, count, readers, repeat, loose=metadata is IMAGE)


def compare(name: str, count: int, readers: dict[str, Callable[[], float]], repeat: int, loose: bool) -> None:
    """Time the readers in turn and print a line for each; stop when their results differ."""
    times: dict[str, list[tuple[float, float]]] = {reader: [] for reader in readers}
    for _ in range(repeat + 1):
        sums = []
        for reader, work in readers.items():
            wall, cpu, result = measured(work)
            times[reader].append((wall, cpu))
            sums.append(result)
        # Two JPEG decoders may differ by a level or two; everything else must agree.
        if max(sums) - min(sums) > (0.02 * count if loose else 1e-6 * abs(sums[0])):
            raise SystemExit(f"{name}: the readers disagree: {sums}")
    base = (1.0, 1.0)
    for reader, pairs in times.items():
        # The first round warms caches and builds the graph.
        wall, cpu = (1e6 * statistics.median(part) / count for part in zip(*pairs[1:], strict=True))
        base = (wall, cpu) if reader == "ours" else base
        print(f"{name:20} {reader:26} {wall:8.1f} {cpu:8.1f} {wall / base[0]:11.2f} {cpu / base[1]:10.2f}")


if __name__ == "__main__":
    main()
