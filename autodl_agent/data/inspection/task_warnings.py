"""What a person should know about a task before trusting a result: one sentence each."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from autodl_agent.data.task import Task
from data_format.dataset import Problem

IMBALANCE = 10  # largest class over smallest from which it is worth a word


def task_notes(task: Task) -> list[str]:
    """Classes that cannot be learned or judged, constant labels, imbalance."""
    counts = np.asarray(task.class_counts)
    notes = []
    if len(absent := np.flatnonzero(counts == 0)):
        notes.append(f"{_classes(task, absent)} without a training example")
    if len(lonely := np.flatnonzero(counts == 1)):
        notes.append(f"{_classes(task, lonely)} with one training example, which cannot be validated")
    for c in np.flatnonzero(counts == task.n_train) if task.n_train else ():
        notes.append(f"all {task.n_train} training rows have class {task.class_names[c]!r}: its prediction is constant")
    present = counts[counts > 0]
    if len(present) > 1 and present.max() >= IMBALANCE * present.min():
        notes.append(
            f"imbalanced: the largest class has {present.max()} training examples, the smallest {present.min()}"
        )
    return notes


def problem_summary(problems: Sequence[Problem]) -> str:
    """One line: how many inputs were skipped or repaired, by reason, most frequent first; empty without any."""
    if not problems:
        return ""
    common = Counter(problem.reason for problem in problems).most_common(3)
    parts = [f"{count} × {reason}" for reason, count in common]
    more = len({problem.reason for problem in problems}) - len(common)
    return f"{len(problems)} inputs with problems: " + "; ".join(parts) + (f"; {more} reasons more" if more > 0 else "")


def _classes(task: Task, columns: np.ndarray) -> str:
    names = ", ".join(repr(task.class_names[c]) for c in columns[:5])
    return f"{len(columns)} class{'es' if len(columns) > 1 else ''} ({names}{', …' if len(columns) > 5 else ''})"
