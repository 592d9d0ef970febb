"""The AutoNLP format: `NAME.data/{meta.json, train.data, test.data, train.solution}` and `NAME.solution` beside it.

One text a line; solutions are rows of 0/1 separated by blanks. Format: protocol of the AutoNLP and AutoDL challenges.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset, Problem, Split
from data_format.errors import DataError
from data_format.examples import Text
from data_format.memory_source import MemorySource
from data_format.raw.text_encoding import decode

_FILES = ("train.data", "train.solution", "meta.json")


def autonlp_folder(path: Path) -> Path | None:
    """The folder with the texts: `path` itself or the `*.data` folder in it; None where there is no such format."""
    inside = [entry for entry in sorted(path.iterdir()) if entry.name.endswith(".data") and entry.is_dir()]
    for folder in (path, *inside):
        if all((folder / name).is_file() for name in _FILES):
            return folder
    return None


def open_autonlp(folder: Path, name: str) -> Dataset:
    """Open the texts. Raises DataError where the number of labels is not that of the texts."""
    problems: list[Problem] = []
    train = read_texts(folder / "train.data")
    labels = read_solution(folder / "train.solution")
    if len(train) != len(labels):
        raise DataError(
            f"{folder / 'train.solution'}: expected {len(train)} rows as in train.data, found {len(labels)}"
        )
    test_path = folder / "test.data"
    if not test_path.is_file():
        raise DataError(f"{test_path}: expected the test texts, found no such file")
    test = read_texts(test_path)
    meta = _meta(folder / "meta.json", problems)
    for key, found in (("train_num", len(train)), ("test_num", len(test)), ("class_num", labels.shape[1])):
        if key in meta and meta[key] != found:
            problems.append(Problem("meta.json", f"{key} {meta[key]}, but the files hold {found}"))
    name = folder.name.removesuffix(".data") if folder.name.endswith(".data") else name
    solution = next(
        (path for path in (folder.parent / f"{name}.solution", folder / "test.solution") if path.is_file()), None
    )
    classes = _class_names(folder, labels.shape[1])
    n_test = len(test)
    return Dataset(
        name=name,
        path=folder,
        class_names=classes,
        shape=(-1, 1, 1, 1),
        train=Split([str(i) for i in range(len(train))], labels, MemorySource([Text(text) for text in train])),
        test=Split(
            [str(i) for i in range(n_test)],
            np.zeros((n_test, len(classes)), np.float32),
            MemorySource([Text(text) for text in test]),
        ),
        domain=("text", f"lines of text in the AutoNLP format, language {meta.get('language', 'not said')}"),
        truth=lambda: _truth(solution, n_test) if solution else None,
        problems=problems,
    )


def read_texts(path: Path) -> list[str]:
    """Lines of a file; only line feeds end a line, and an empty line is a text."""
    text = decode(path.read_bytes())[0]
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def read_solution(path: Path) -> NDArray[np.float32]:
    """(n, classes) float32. Raises DataError where rows differ in width or hold something else than 0 to 1."""
    rows = [line.split() for line in decode(path.read_bytes())[0].splitlines() if line.strip()]
    if not rows or len({len(row) for row in rows}) != 1:
        raise DataError(f"{path}: expected rows of one width, found {len({len(row) for row in rows})} widths")
    try:
        labels = np.array(rows).astype(np.float32)
    except ValueError as error:
        raise DataError(f"{path}: expected 0 and 1 separated by blanks, found {error}") from None
    if bad := np.argwhere(~((labels >= 0) & (labels <= 1))).tolist():
        row, column = bad[0]
        raise DataError(f"{path}, row {row}: expected labels from 0 to 1, found {labels[row, column]}")
    return labels


def _truth(path: Path, n: int) -> NDArray[np.float32]:
    truth = read_solution(path)
    if len(truth) != n:
        raise DataError(f"{path}: expected {n} rows as in test.data, found {len(truth)}")
    return truth


def _meta(path: Path, problems: list[Problem]) -> dict[str, object]:
    try:
        meta = json.loads(decode(path.read_bytes())[0])
    except ValueError as error:
        problems.append(Problem("meta.json", f"not JSON ({error}), not used"))
        return {}
    return meta if isinstance(meta, dict) else {}


def _class_names(folder: Path, count: int) -> tuple[str, ...]:
    """Lines of a `*label.name` beside the texts or the folder, if there are as many as classes; else numbers."""
    for place in (folder, folder.parent):
        for path in sorted(place.glob("*label.name")):
            names = tuple(line for line in decode(path.read_bytes())[0].splitlines() if line.strip())
            if len(names) == count:
                return names
    return tuple(map(str, range(count)))
