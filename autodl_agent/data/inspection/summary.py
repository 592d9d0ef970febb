"""What `autodl inspect` tells: facts of a data set as JSON values; `inspect_view` prints them, `preview` draws."""

import time
from typing import Any

import numpy as np

from autodl_agent.data.domain import make_task
from autodl_agent.data.inspection.examples import duplicate_facts, example_facts
from autodl_agent.data.inspection.table import column_notes, table_facts
from autodl_agent.data.inspection.task_warnings import task_notes
from autodl_agent.data.task import Domain, Task
from data_format.dataset import Dataset


def inspect_opened(dataset: Dataset) -> dict[str, Any]:
    """Facts of an open data set, all of them JSON values.

    Classes with their training examples, balance, sizes of a few examples or all columns of a table, duplicates, leaks,
    the estimated seconds to decode, problems, and notes in words.
    """
    task = make_task(dataset)
    counts = np.asarray(task.class_counts)
    content = _content(dataset, task)
    columns = content.pop("column_facts", [])
    duplicates = duplicate_facts(dataset, task)
    present = counts[counts > 0]
    facts: dict[str, Any] = {
        "name": task.name,
        "path": str(dataset.path),
        "domain": str(task.domain),
        "domain_reason": task.domain_reason,
        "shape": list(task.shape),
        "kind": _kind(task),
        "n_train": task.n_train,
        "n_test": task.n_test,
        "classes": [{"name": n, "train_examples": int(c)} for n, c in zip(task.class_names, counts, strict=True)],
        "labels_per_row": float(dataset.train.labels.astype(bool).sum(1).mean()) if task.n_train else 0.0,
        "imbalance": float(present.max() / present.min()) if len(present) else None,
        "classes_with_one_example": [task.class_names[c] for c in np.flatnonzero(counts == 1)],
        "classes_without_examples": [task.class_names[c] for c in np.flatnonzero(counts == 0)],
        "content": content,
        "columns": columns,
        "duplicates": duplicates,
    }
    facts["problems"] = [{"where": p.where, "reason": p.reason} for p in dataset.problems]
    facts["notes"] = [
        *_reading_notes(content),
        *task_notes(task),
        *column_notes(columns),
        *_duplicate_notes(duplicates),
    ]
    return facts


def _kind(task: Task) -> str:
    if task.multilabel:
        return f"multi-label, {task.n_classes} classes"
    return "binary, 2 classes" if task.n_classes == 2 else f"single-label, {task.n_classes} classes"


def _content(dataset: Dataset, task: Task) -> dict[str, Any]:
    if task.domain is not Domain.TABULAR:
        return example_facts(dataset, task)
    start = time.perf_counter()
    table = dataset.train.source.table()
    seconds = time.perf_counter() - start
    return {**table_facts(table, dataset.train.labels), "seconds_to_decode": seconds}


def _reading_notes(content: dict[str, Any]) -> list[str]:
    bad, seen = content.get("unreadable", 0), content.get("peeked_examples", 0)
    return [f"{bad} of {seen} training examples looked at cannot be read"] if bad else []


def _duplicate_notes(duplicates: dict[str, Any]) -> list[str]:
    notes = []
    if again := duplicates["test_rows_also_in_train"]:
        listed = ", ".join(map(repr, duplicates["examples"]))
        notes.append(f"{again} test rows also stand in training (such as {listed}): scores will flatter")
    if twice := duplicates["train_rows_standing_twice"]:
        notes.append(f"{twice} training rows repeat another one")
    if groups := duplicates["contradicting_groups"]:
        notes.append(f"{groups} groups of equal training rows have different labels")
    return notes
