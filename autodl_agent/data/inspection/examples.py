"""What a few examples tell: sizes, durations, lengths, the cost of decoding; and which examples stand twice."""

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from autodl_agent.data.inspection.table import row_keys
from autodl_agent.data.task import Domain, Task
from autodl_agent.data.tensor_store import TensorStore
from autodl_agent.system.clock import Budget
from data_format.dataset import Dataset, Problem, Split
from data_format.errors import DataError, Unreadable
from data_format.examples import Dense, Encoded, Example, MediaFile, Sparse, Text

PEEK = 64  # examples decoded for sizes; all of them would take as long as training
COMPARED = 50_000  # examples of a side compared for duplicates
COMPARED_S = 20.0
PEEK_S = 10.0
_EDGE_BYTES = 1 << 20


def example_facts(dataset: Dataset, task: Task) -> dict[str, Any]:
    """Lowest, median and highest measure of the examples looked at, and the estimated seconds to decode all."""
    rows = np.unique(np.linspace(0, max(0, task.n_train - 1), min(PEEK, task.n_train)).astype(int)).tolist()
    store = TensorStore(dataset, task, Budget.from_now(3600).deadline(3600))
    measures: list[dict[str, float]] = []
    bad: Counter[str] = Counter()
    start = time.perf_counter()
    for row in rows:
        try:
            measures.append(_measure(dataset, task, store, row))
        except Unreadable as error:
            bad[str(error)] += 1
            dataset.problems.append(Problem(dataset.train.ids[row], str(error)))
        if time.perf_counter() - start > PEEK_S:
            break
    seen = len(measures) + bad.total()
    each = (time.perf_counter() - start) / max(1, seen)
    store.close()
    facts: dict[str, Any] = {"peeked_examples": seen, "unreadable": bad.total()}
    if measures:
        for key in measures[0]:
            values = [measure[key] for measure in measures]
            facts[key] = {"lowest": min(values), "median": float(np.median(values)), "highest": max(values)}
    facts["seconds_to_decode"] = each * (task.n_train + task.n_test)
    return facts


def duplicate_facts(dataset: Dataset, task: Task) -> dict[str, Any]:
    """Test rows that also stand in training, training rows that stand twice, and those of them with other labels."""
    deadline = time.perf_counter() + COMPARED_S
    train, test = (_keys(dataset, task, split, deadline) for split in (dataset.train, dataset.test))
    places: dict[Hashable, list[int]] = defaultdict(list)
    for row, key in enumerate(train):
        if key is not None:
            places[key].append(row)
    twice = [rows for rows in places.values() if len(rows) > 1]
    labels = dataset.train.labels
    contradicting = sum(bool((labels[rows] != labels[rows[0]]).any()) for rows in twice)
    again = [] if _same_rows(dataset) else [i for i, key in enumerate(test) if key in places]
    return {
        "compared_train": len(train),
        "compared_test": len(test),
        "test_rows_also_in_train": len(again),
        "examples": [dataset.test.ids[i] for i in again[:5]],
        "train_rows_standing_twice": sum(len(rows) - 1 for rows in twice),
        "contradicting_groups": contradicting,
    }


def _same_rows(dataset: Dataset) -> bool:
    """Whether the test rows are the training rows, as our own split says where nothing could be spared."""
    return any(
        "test rows are the training" in p.reason or "test files are the training" in p.reason for p in dataset.problems
    )


def _keys(dataset: Dataset, task: Task, split: Split, deadline: float) -> Sequence[Hashable | None]:
    """A key a row, equal for equal examples; None for one that cannot be read."""
    if task.domain is Domain.TABULAR:
        return row_keys(split.source.table())
    keys: list[Hashable | None] = []
    for row in range(min(len(split), COMPARED)):
        if time.perf_counter() > deadline:
            break
        try:
            keys.append(_key(split.source.example(row)))
        except (DataError, OSError):
            keys.append(None)
    return keys


def _key(example: Example) -> Hashable:
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(example, MediaFile):
        size = example.path.stat().st_size
        with example.path.open("rb") as file:
            digest.update(file.read(_EDGE_BYTES))
            if size > 2 * _EDGE_BYTES:  # two clips of one length with the same beginning and end are the same clip
                file.seek(-_EDGE_BYTES, 2)
                digest.update(file.read())
        return size, digest.digest()
    if isinstance(example, Text):
        return example.text
    if isinstance(example, Encoded):
        for frame in example.frames:
            digest.update(frame)
    elif isinstance(example, Dense):
        digest.update(np.ascontiguousarray(example.array).tobytes())
    elif isinstance(example, Sparse):
        digest.update(example.columns.tobytes() + example.values.tobytes())
    return digest.digest()


def _measure(dataset: Dataset, task: Task, store: TensorStore, row: int) -> dict[str, float]:
    """Measures of one example, decoded once as a learner would."""
    example = dataset.train.source.example(row)
    if task.domain is Domain.TEXT:
        text = example.text if isinstance(example, Text) else store.text("train", row)
        return {"characters": float(len(text)), "words": float(len(text.split()))}
    if task.domain is Domain.SPEECH:
        from data_format.media.sounds import sound

        samples, rate = sound(example, value_range=task.value_range)
        return {"seconds": len(samples) / rate, "samples_per_second": float(rate)}
    if task.domain is Domain.IMAGE:
        from data_format.media.images import image_at, image_size

        rows, columns, channels = image_size(example)
        image_at(example, 64, 64, 3, task.pixel_range)
        return {"rows": float(rows), "columns": float(columns), "channels": float(channels)}
    return _clip(example, task)


def _clip(example: Example, task: Task) -> dict[str, float]:
    from data_format.media.videos import clip_at

    clip_at(example, 8, 64, 64, 3, task.pixel_range)
    if isinstance(example, MediaFile):
        from data_format.media.videos import clip_info

        info = clip_info(example.path)
        return {"frames": float(info.frames), "rows": float(info.rows), "columns": float(info.columns)}
    if isinstance(example, Dense):
        frames, rows, columns, _ = example.array.shape
        return {"frames": float(frames), "rows": float(rows), "columns": float(columns)}
    from data_format.media.images import image_size

    rows, columns, _ = image_size(example)
    count = len(example.frames) if isinstance(example, Encoded) else 1
    return {"frames": float(count), "rows": float(rows), "columns": float(columns)}
