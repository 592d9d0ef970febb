"""Labels of raw data: which columns hold them, the class list, and label matrices.

Class order: label columns (`label:<name>`, `l0`, `l1` …) keep their order in the training file; names found
in cells or folders are sorted, by value when every one is a whole number, else by code point. Names keep their spelling
byte for byte (`001`, `1.0`, `True`, `NA`); only an empty label cell means "no label". A file `label.name` beside the
data, one class a line, sets the order and adds classes that no training row has.

Several names in one cell are separated by what the training cells show: a bar, a semicolon or a comma in any of them,
else blanks. `LabelConfidencePairs` of the challenge's toolkit alternate names and scores: `2 0.488 9 0.1`.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.cell_text import LIST_SEPARATOR
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.text_encoding import decode

LABEL_PREFIX = "label:"
_SINGLE_NAMES = ("label", "y", "target", "class")
_MULTIPLE_NAME = "labels"
_PAIRS_NAME = "labelconfidencepairs"
_SEPARATORS = (LIST_SEPARATOR, "|", ";", ",")
_ON = {"1": 1.0, "1.0": 1.0, "true": 1.0, "yes": 1.0}
_OFF = {"0": 0.0, "0.0": 0.0, "false": 0.0, "no": 0.0, "": 0.0}
_INDICATOR = _ON | _OFF
_NUMBERED = re.compile(r"(.*?)(\d+)")
# Eighteen digits fit a 64-bit integer; with longer numbers among them names are sorted as texts.
_WHOLE = re.compile(r"-?\d{1,18}")
_MAX_LABEL_CELLS = 400_000_000  # 1.6 GB as float32


@dataclass(frozen=True, slots=True)
class LabelRule:
    """Where the labels of a file are.

    single: one column, one class name a cell. multiple: one column, class names separated by spaces, an empty cell
    means none of them. pairs: one column of alternating names and scores. indicators: one column a class, each cell 0
    or 1 (or a score between). note: for the user, where the choice was not obvious. separator: between several names
    in a cell, "" = blanks.
    """

    kind: Literal["single", "multiple", "pairs", "indicators"]
    columns: tuple[str, ...]
    note: str = ""
    separator: str = ""

    def names(self, cell: str) -> list[str]:
        """The class names in one cell that may hold several."""
        if not self.separator:
            return cell.split()
        return [name for part in cell.split(self.separator) if (name := part.strip())]


class CellTable(Protocol):
    """A table as the rules on its columns see it: names, the number of rows, and columns one at a time."""

    @property
    def path(self) -> Path:
        """The file, for messages."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        ...

    @property
    def header(self) -> bool:
        """Whether the names stood in the file."""
        ...

    @property
    def rows(self) -> Sequence[Any]:
        """The rows, in some form; only their number counts."""
        ...

    def column(self, name: str) -> list[str]:
        """All cells of a column."""
        ...


def find_labels(
    grid: CellTable, absent: Iterable[str] = (), taken: Sequence[str] = (), options: ReadOptions = AS_FOUND
) -> LabelRule:
    """The label columns of a training file.

    In this order: what the options say; `label:<name>` columns; `label`, `labels`, `LabelConfidencePairs`, `y`,
    `target` or `class` (any letter case); two or more 0/1 columns at the end whose names share a beginning and end in
    numbers (`l0`, `l1`); the one column in
    `absent` (what the test file lacks) if it has few values; the last column. `taken` columns cannot be labels.
    Raises DataError when no column is left.
    """
    free = [name for name in grid.names if name not in taken and name != options.text_column]
    if options.label is not None:
        return _asked_for(grid, free, options.label, options.multi_label_separator)
    rule = _found_rule(grid, free, absent)
    if options.multi_label_separator is not None and rule.kind in ("single", "multiple"):
        return replace(rule, kind="multiple", separator=options.multi_label_separator)
    return rule


def _asked_for(grid: CellTable, free: Sequence[str], label: str, separator: str | None) -> LabelRule:
    """The rule for label columns that the user named."""
    lower = {name.lower(): name for name in reversed(free)}
    named = [label] if label in free or label.lower() in lower else [part.strip() for part in label.split(",")]
    if unknown := [name for name in named if name not in free and name.lower() not in lower]:
        raise DataError(f"{grid.path}: expected a label column {unknown[0]!r}, found the columns {names_text(free)}")
    columns = tuple(name if name in free else lower[name.lower()] for name in named)
    if len(columns) > 1:
        return LabelRule("indicators", columns)
    return _one_column(grid, columns[0], separator)


def _one_column(grid: CellTable, name: str, separator: str | None = None) -> LabelRule:
    """One label column: its name, and a separator if there is one, say whether cells hold several names."""
    if name.lower() == _PAIRS_NAME:
        return LabelRule("pairs", (name,))
    if separator is not None:
        return LabelRule("multiple", (name,), separator=separator)
    cells = set(grid.column(name))
    if name.lower() == _MULTIPLE_NAME or any(LIST_SEPARATOR in cell for cell in cells):
        shown = next((mark for mark in _SEPARATORS if any(mark in cell for cell in cells)), "")
        return LabelRule("multiple", (name,), separator=shown)
    return LabelRule("single", (name,))


def _found_rule(grid: CellTable, free: Sequence[str], absent: Iterable[str]) -> LabelRule:
    """The rule by names and content."""
    if indicators := tuple(name for name in free if name.startswith(LABEL_PREFIX)):
        return LabelRule("indicators", indicators)
    lower = {name.lower(): name for name in reversed(free)}
    # `label` before `labels` before the weaker names, whatever their order in the file.
    for known in (*_SINGLE_NAMES[:1], _MULTIPLE_NAME, _PAIRS_NAME, *_SINGLE_NAMES[1:]):
        if known in lower:
            return _one_column(grid, lower[known])
    if block := _indicator_block(grid, free):
        return LabelRule("indicators", block)
    # Competition files leave the label out of the test file, wherever it stands; a column of measurements is none.
    missing = [name for name in absent if name in free]
    if len(missing) == 1 and len(set(grid.column(missing[0]))) <= max(2, len(grid.rows) ** 0.5):
        return LabelRule("single", (missing[0],), f"label column {missing[0]!r}: the only one the test file lacks")
    if not free or len(grid.names) < 2:
        raise DataError(
            f"{grid.path}: expected a label column (label, labels, y, target, class or label:<name>) beside the data, "
            f"found the columns {names_text(grid.names)}"
        )
    return _one_column(grid, free[-1])


def is_label_name(name: str) -> bool:
    """Whether a column is a label by its name alone."""
    known = (*_SINGLE_NAMES, _MULTIPLE_NAME, _PAIRS_NAME)
    return name.startswith(LABEL_PREFIX) or name.lower() in known


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Different names in class order: whole numbers by value, anything else by code point."""
    different = set(names)
    if all(_WHOLE.fullmatch(name) for name in different):
        return tuple(sorted(different, key=lambda name: (int(name), name)))
    return tuple(sorted(different))


def labelled_rows(rule: LabelRule, cells: Sequence[Sequence[str]]) -> list[int]:
    """Numbers of the rows that carry a label; `cells` holds one list a label column."""
    if rule.kind == "multiple":
        return list(range(len(cells[0])))
    return [i for i, row in enumerate(zip(*cells, strict=True)) if any(map(str.strip, row))]


def class_list(rule: LabelRule, cells: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The classes that the training cells name, in class order. Raises DataError when they name none."""
    if rule.kind == "indicators":
        return tuple(name.removeprefix(LABEL_PREFIX) or name for name in rule.columns)
    if rule.kind == "single":
        names = order_classes(cell for cell in set(cells[0]) if cell.strip())
    else:
        step = 2 if rule.kind == "pairs" else 1
        names = order_classes(name for cell in set(cells[0]) for name in rule.names(cell)[::step])
    if not names:
        raise DataError(
            f"column {rule.columns[0]!r}: expected class names, found only empty cells in {len(cells[0])} training rows"
        )
    return names


def declared_names(folder: Path) -> tuple[str, ...]:
    """Class names that a file `label.name` in the folder declares, one a line; () where there is none."""
    path = folder / "label.name"
    if not path.is_file():
        return ()
    return tuple(line for line in decode(path.read_bytes())[0].splitlines() if line.strip())


def with_declared(seen: tuple[str, ...], declared: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How label cells spell the classes, and the classes' names, both in class order.

    seen: the classes that training rows show. Declared classes come first, in their order, met or not; cells that are
    numbers below the count of declared classes mean their places.
    """
    if not declared:
        return seen, seen
    places = tuple(str(i) for i in range(len(declared)))
    if set(seen) <= set(places) and not set(seen) <= set(declared):
        return places, declared
    everything = (*dict.fromkeys(declared), *(name for name in seen if name not in declared))
    return everything, everything


def encode(
    rule: LabelRule, classes: Sequence[str], cells: Sequence[Sequence[str]]
) -> tuple[NDArray[np.float32], Counter[str]]:
    """Label cells -> (n, classes) float32 in [0, 1], and the labels that are no class, with their counts.

    Raises DataError for so many classes and rows that the column must hold measurements.
    """
    n = len(cells[0])
    # Checked before the matrix is made: a regression target would take gigabytes.
    if n * len(classes) > _MAX_LABEL_CELLS:
        raise DataError(
            f"column {rule.columns[0]!r}: expected class labels, found {len(classes)} different values in {n} rows"
        )
    matrix = np.zeros((n, len(classes)), dtype=np.float32)
    unknown: Counter[str] = Counter()
    if rule.kind == "indicators":
        for column, cell_list in enumerate(cells):
            matrix[:, column] = _indicators(cell_list, unknown)
        return matrix, unknown
    index = {name: i for i, name in enumerate(classes)}
    if rule.kind == "single":
        places = np.fromiter((index.get(cell, -1) for cell in cells[0]), dtype=np.int64, count=n)
        known = np.flatnonzero(places >= 0)
        matrix[known, places[known]] = 1
        unknown.update(cells[0][i] for i in np.flatnonzero(places < 0).tolist())
        return matrix, unknown
    for row, cell in enumerate(cells[0]):
        names = rule.names(cell)
        scores = [1.0] * len(names) if rule.kind == "multiple" else [_indicator(score) for score in names[1::2]]
        for name, score in zip_longest(names if rule.kind == "multiple" else names[::2], scores):
            if name in index and score is not None:
                matrix[row, index[name]] = score
            else:
                unknown[name] += 1
    return matrix, unknown


class Truth:
    """The truth of the test rows, computed at the first call; labels that are no class are reported then, once."""

    def __init__(
        self, read: Callable[[], tuple[NDArray[np.float32], Counter[str]]], where: str, problems: list[Problem]
    ) -> None:
        self._read = read
        self._where = where
        self._problems = problems
        self._lock = threading.Lock()
        self._matrix: NDArray[np.float32] | None = None

    def __call__(self) -> NDArray[np.float32]:
        """(n_test, classes) float32; a row without a known label is all zero."""
        with self._lock:
            if self._matrix is None:
                self._matrix, unknown = self._read()
                self._problems += [
                    Problem(self._where, _unknown_text(label, often)) for label, often in unknown.most_common(20)
                ]
            return self._matrix


def names_text(names: Sequence[str], most: int = 12) -> str:
    """Names for a message: the first few in quotes, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def _unknown_text(label: str, often: int) -> str:
    rows = "1 test row has" if often == 1 else f"{often} test rows have"
    return f"{rows} label {label!r}, which no training row has" if label.strip() else f"{rows} no label"


def _indicators(cells: Sequence[str], unknown: Counter[str]) -> NDArray[np.float32]:
    values = {cell: _indicator(cell) for cell in set(cells)}
    bad = {cell for cell, value in values.items() if value is None}
    if bad:
        unknown.update(cell for cell in cells if cell in bad)
    return np.fromiter((values[cell] or 0.0 for cell in cells), dtype=np.float32, count=len(cells))


def _indicator(cell: str) -> float | None:
    known = _INDICATOR.get(cell.strip().lower())
    if known is not None:
        return known
    try:
        score = float(cell)
    except ValueError:
        return None
    return score if 0 <= score <= 1 else None


def _indicator_block(grid: CellTable, free: Sequence[str]) -> tuple[str, ...]:
    """The trailing 0/1 columns `l0`, `l1` …: two or more, with no column before them named alike."""
    match = _NUMBERED.fullmatch(free[-1]) if free and grid.header else None
    if not match:
        return ()
    alike = [name for name in free if (m := _NUMBERED.fullmatch(name)) and m[1] == match[1]]
    # x1 … x5 with 0/1 at its end is a table of features, so all that is named alike must be in the block.
    if len(alike) < 2 or len(alike) == len(free) or list(free[-len(alike) :]) != alike:
        return ()
    return tuple(alike) if all(_all_indicators(grid.column(name)) for name in alike) else ()


def _all_indicators(cells: Sequence[str]) -> bool:
    return all(cell.strip().lower() in _INDICATOR for cell in set(cells))
