"""What `autodl inspect` tells: facts of a data set as JSON values, and their terminal tables."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from autodl_agent.domain import make_task
from autodl_agent.notes import task_notes
from autodl_agent.store import TensorStore
from autodl_agent.task import Domain, Task
from data_format import open_dataset
from data_format.dataset import Dataset, Split
from data_format.errors import Unreadable
from data_format.examples import Dense, Example, MediaFile

SHOWN_CLASSES = 30
SHOWN_PROBLEMS = 20
PEEK = 64  # examples decoded for sizes; all of them would take as long as training


def inspect_dataset(path: Path) -> dict[str, Any]:
    """Open and describe a data set. Raises DataError when it cannot be used."""
    dataset = open_dataset(path)
    task = make_task(dataset)
    counts = np.asarray(task.class_counts)
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
        "content": _content(dataset, task),
    }
    facts["problems"] = [{"where": p.where, "reason": p.reason} for p in dataset.problems]
    facts["notes"] = task_notes(task)
    return facts


def show_json(facts: dict[str, Any]) -> None:
    """Print the facts as JSON."""
    print(json.dumps(facts, indent=2, ensure_ascii=False))


def show_tables(facts: dict[str, Any]) -> None:
    """Print the facts as terminal tables."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    about = Table(show_header=False, box=None)
    about.add_row("name", escape(facts["name"]))
    about.add_row("domain", f"{facts['domain']} ({escape(facts['domain_reason'])})")
    about.add_row("task", facts["kind"])
    about.add_row(
        "shape", " × ".join("?" if s < 0 else str(s) for s in facts["shape"]) + "  (time, rows, columns, channels)"
    )
    about.add_row("rows", f"{facts['n_train']} training, {facts['n_test']} test")
    about.add_row("labels per row", f"{facts['labels_per_row']:.2f}")
    for key, value in facts["content"].items():
        about.add_row(key.replace("_", " "), escape(str(value)))
    console.print(about)
    table = Table("class", "training examples", "share")
    for row in facts["classes"][:SHOWN_CLASSES]:
        share = row["train_examples"] / max(1, facts["n_train"])
        table.add_row(escape(row["name"]), str(row["train_examples"]), f"{share:.1%}")
    console.print(table)
    if len(facts["classes"]) > SHOWN_CLASSES:
        console.print(f"… and {len(facts['classes']) - SHOWN_CLASSES} classes more (--json lists all)")
    for note in facts["notes"]:
        console.print(f"note: {escape(note)}")
    for problem in facts["problems"][:SHOWN_PROBLEMS]:
        console.print(f"problem: {escape(problem['where'])}: {escape(problem['reason'])}")
    if len(facts["problems"]) > SHOWN_PROBLEMS:
        console.print(f"… and {len(facts['problems']) - SHOWN_PROBLEMS} problems more (--json lists all)")


def _kind(task: Task) -> str:
    if task.multilabel:
        return f"multi-label, {task.n_classes} classes"
    return "binary, 2 classes" if task.n_classes == 2 else f"single-label, {task.n_classes} classes"


def _content(dataset: Dataset, task: Task) -> dict[str, Any]:
    """Sizes of a few examples, by domain."""
    if task.domain is Domain.TABULAR:
        table = dataset.train.source.table()
        missing = float(np.isnan(table.numbers).mean()) if table.numbers.size else 0.0
        facts: dict[str, Any] = {"number_columns": len(table.number_names), "text_columns": len(table.string_names)}
        if table.sparse is not None:
            facts["sparse_columns"] = table.sparse.n_columns
        return facts | {"missing_numbers": f"{missing:.1%}"}
    rows = np.unique(np.linspace(0, max(0, task.n_train - 1), min(PEEK, task.n_train)).astype(int))
    sizes = [size for row in rows if (size := _size(dataset, task, dataset.train, int(row))) is not None]
    if not sizes:
        return {"peeked_examples": 0}
    low, middle, high = np.min(sizes, 0), np.median(sizes, 0), np.max(sizes, 0)
    unit = {Domain.IMAGE: "rows × columns", Domain.VIDEO: "rows × columns", Domain.SPEECH: "seconds"}.get(
        task.domain, "characters"
    )
    return {f"size ({unit}), lowest": _show(low), "median": _show(middle), "highest": _show(high)}


def _size(dataset: Dataset, task: Task, split: Split, row: int) -> tuple[float, ...] | None:
    try:
        example = split.source.example(row)
        if task.domain is Domain.TEXT:
            return (float(len(_as_text(dataset, task, row))),)
        if task.domain is Domain.SPEECH:
            from data_format.sounds import sound

            samples, rate = sound(example, value_range=task.value_range)
            return (len(samples) / rate,)
        if task.domain is Domain.IMAGE:
            from data_format.images import image_size

            return tuple(float(side) for side in image_size(example)[:2])
        return _frame_size(example)
    except Unreadable as error:
        from data_format.dataset import Problem

        dataset.problems.append(Problem(split.ids[row], str(error)))
        return None


def _frame_size(example: Example) -> tuple[float, ...]:
    if isinstance(example, MediaFile):
        from data_format.videos import clip_info

        info = clip_info(example.path)
        return (float(info.rows), float(info.columns))
    if isinstance(example, Dense):
        return tuple(float(side) for side in example.array.shape[1:3])
    from data_format.images import image_size

    return tuple(float(side) for side in image_size(example)[:2])


def _as_text(dataset: Dataset, task: Task, row: int) -> str:
    from autodl_agent.clock import Budget

    store = TensorStore(dataset, task, Budget.from_now(3600).deadline(3600))
    return store.text("train", row)


def _show(sizes: Any) -> str:
    return " × ".join(f"{size:.4g}" for size in np.atleast_1d(sizes))
