"""CSV files that people open: predictions with the names of rows and classes, and small tables."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.task import Task
from data_format.atomic import atomic_file, write_atomic

ANOTHER_LABEL_AT = 0.5  # multi-label rows list every class at or above it where no thresholds were tuned
CELL_S, ROW_S = 2.5e-7, 4e-6
ROWS_AT_ONCE = 256  # between two looks at the clock
Thresholds = Sequence[float] | NDArray[np.floating]


class _GivenUpError(Exception):
    """No time is left for a file; nothing of it stays."""


def seconds_to_write(task: Task) -> float:
    """About what `write_predictions` takes."""
    return task.n_test * (ROW_S + CELL_S * task.n_classes)


def write_predictions(
    path: Path,
    task: Task,
    ids: Iterable[str],
    prediction: NDArray[np.floating],
    thresholds: Thresholds | None,
    left: Callable[[], float],
) -> bool:
    """A line a row: its id, (n_test, classes) numbers, the likeliest classes; False where no time was left for it.

    thresholds: one a class, of multi-label tasks. left: seconds that remain.
    """
    least = np.full(task.n_classes, ANOTHER_LABEL_AT) if thresholds is None else np.asarray(thresholds)
    names = iter(ids)
    with suppress(_GivenUpError), atomic_file(path) as file:
        file.write(_line(["id", *task.class_names, "most_likely"]).encode())
        for start in range(0, len(prediction), ROWS_AT_ONCE):
            if left() <= 0:
                raise _GivenUpError
            lines = _lines(task, names, prediction[start : start + ROWS_AT_ONCE], least)
            file.write("".join(lines).encode(errors="surrogateescape"))
        return True
    return False


def write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A small CSV file, whole or not at all."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    write_atomic(path, text.getvalue().encode(errors="surrogateescape"))


def _lines(task: Task, ids: Iterator[str], block: NDArray[np.floating], least: NDArray[np.floating]) -> Iterator[str]:
    """All numbers of a row are formatted in one call: there may be millions."""
    names, form = task.class_names, "%.6g," * block.shape[1]
    for row, best in zip(block, block.argmax(1), strict=True):
        likely = [int(best)]
        if task.multilabel:
            likely = [int(c) for c in np.flatnonzero(row >= least)] or [int(np.argmax(row - least))]
        first, last = next(ids), " ".join(names[c] for c in likely)
        yield f"{_cell(first)},{form % tuple(row.tolist())}{_line([last])}"


def _line(cells: Sequence[str]) -> str:
    text = StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(cell: str) -> str:
    """One cell as `csv` writes it; quick for the many that need no quotes."""
    return cell if cell.isalnum() else _line([cell]).removesuffix("\r\n")
