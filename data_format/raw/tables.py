"""Tables and texts in delimited files: `train.csv` with or without `test.csv`, or one file that we split.

Opening parses the files, encodes the labels and decides between text and table; the training file alone decides.
Test columns are matched by name; their labels serve the truth and nothing else.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset, DomainName, Problem, Source, Split
from data_format.errors import DataError
from data_format.raw.columns import column_kind
from data_format.raw.csvfile import Grid, counted, looks_like_header, read_grid, rows_text
from data_format.raw.labels import (
    LabelRule,
    Truth,
    class_list,
    declared_names,
    encode,
    find_labels,
    labelled_rows,
    names_text,
    with_declared,
)
from data_format.raw.prose import text_columns
from data_format.raw.rows import Side, Tables, TableSource, TextSource
from data_format.raw.split import split_rows

_KIND_SAMPLE = 1000


def open_tables(train_path: Path, test_path: Path | None, path: Path, name: str) -> Dataset:
    """Open one or two delimited files as a text or table data set.

    test_path: None makes us split the training file. Raises DataError where labels or rows are missing.
    """
    train_grid = read_grid(train_path)
    test_grid = read_grid(test_path, like=train_grid) if test_path else None
    problems = [*train_grid.problems, *(test_grid.problems if test_grid else ())]
    # Which columns the test file lacks may point at the label, where nothing else does.
    absent = [n for n in train_grid.names if n not in test_grid.names] if test_grid and test_grid.header else []
    rule = find_labels(train_grid, absent)
    if rule.note:
        problems.append(Problem(train_path.name, rule.note))
    kept = _labelled(train_grid, rule, problems)
    train = _side(train_grid, kept)
    features = _features(train_grid, rule, problems)
    cells: Sequence[Sequence[str]] = train.columns(rule.columns)
    has_truth = True
    if test_grid is None:
        train, test, has_truth = _split(train, rule, cells, problems)
        cells = train.columns(rule.columns)
    else:
        test = _test_side(test_grid, train_grid, rule, features, problems)
    # A single file may lie among other data sets, so only a folder speaks for what is in it.
    declared = declared_names(path) if path.is_dir() else ()
    classes, class_names = with_declared(class_list(rule, cells), declared)
    labels = _train_labels(rule, classes, cells, train_path.name, problems)
    domain, shape, sources = _sources(train, test, features, train_grid, problems)
    ids = [str(number) for number in test.row_numbers]
    truth = _truth(test, rule, classes, problems) if has_truth else None
    return Dataset(
        name=name,
        path=path,
        class_names=class_names,
        shape=shape,
        train=Split([str(number) for number in train.row_numbers], labels, sources[0]),
        test=Split(ids, np.zeros((len(ids), len(classes)), np.float32), sources[1]),
        domain=domain,
        truth=truth or (lambda: None),
        problems=problems,
    )


def _labelled(grid: Grid, rule: LabelRule, problems: list[Problem]) -> Sequence[int]:
    """Numbers of the training rows that carry a label."""
    if not grid.rows:
        raise DataError(f"{grid.path}: expected training rows, found only the header {names_text(grid.names)}")
    kept = labelled_rows(rule, [grid.column(column) for column in rule.columns])
    if not kept:
        raise DataError(f"{grid.path}: expected labels in column {rule.columns[0]!r}, found only empty cells")
    if len(kept) < len(grid.rows):
        without = sorted(set(range(len(grid.rows))).difference(kept))
        problems.append(
            Problem(
                rows_text(grid.path.name, without), f"{counted(len(without), 'training row')} without a label, not used"
            )
        )
    return kept


def _side(grid: Grid, kept: Sequence[int]) -> Side:
    rows = grid.rows if len(kept) == len(grid.rows) else [grid.rows[i] for i in kept]
    return Side(grid.path.name, {name: i for i, name in enumerate(grid.names)}, rows, kept)


def _features(grid: Grid, rule: LabelRule, problems: list[Problem]) -> tuple[str, ...]:
    """Feature columns: all but the labels and a leading row count (pandas and R write one), which tells nothing."""
    features = [name for name in grid.names if name not in rule.columns]
    first = grid.names[0]
    if first in ("column 1", "Unnamed: 0", "row name") and grid.header and first in features and len(features) > 1:
        cells = grid.column(first)
        # In a file sorted by class a row count would give the label away, and it means nothing for new rows.
        if cells[0] in ("0", "1") and cells == [str(i + int(cells[0])) for i in range(len(cells))]:
            features.remove(first)
            problems.append(Problem(grid.path.name, "first column only counts the rows, not used"))
    if not features:
        raise DataError(f"{grid.path}: expected data beside the labels, found only {names_text(grid.names)}")
    return tuple(features)


def _split(
    train: Side, rule: LabelRule, cells: Sequence[Sequence[str]], problems: list[Problem]
) -> tuple[Side, Side, bool]:
    """Our own split; where nothing can be spared, all rows train and are predicted, and no truth is claimed."""
    train_rows, test_rows = split_rows(encode(rule, class_list(rule, cells), cells)[0])
    if not len(test_rows):
        problems.append(Problem(train.file, "no class has two rows: the test rows are the training rows, not scored"))
        return train, train, False

    def part(chosen: NDArray[np.int64]) -> Side:
        numbers_of = [train.row_numbers[i] for i in chosen]
        return Side(train.file, train.positions, [train.rows[i] for i in chosen], numbers_of)

    return part(train_rows), part(test_rows), True


def _test_side(test: Grid, train: Grid, rule: LabelRule, features: tuple[str, ...], problems: list[Problem]) -> Side:
    if not test.rows:
        raise DataError(f"{test.path}: expected test rows, found only the header {names_text(test.names)}")
    side = _side(test, range(len(test.rows)))
    if train.header and not test.header:
        side.positions = _by_place(test, train, rule, problems)
    if not set(features) & set(side.positions):
        raise DataError(
            f"{test.path}: expected the columns {names_text(features)} of {train.path.name}, "
            f"found {names_text(test.names)}"
        )
    known = set(train.names)
    if extra := [name for name in side.positions if name not in known]:
        problems.append(Problem(test.path.name, f"columns that {train.path.name} lacks, not used: {names_text(extra)}"))
    if missing := [name for name in features if name not in side.positions]:
        problems.append(Problem(test.path.name, f"columns missing, taken as empty: {names_text(missing)}"))
    return side


def _by_place(test: Grid, train: Grid, rule: LabelRule, problems: list[Problem]) -> dict[str, int]:
    """Columns of a test file without a header, by their place; the label columns may be left out."""
    unlabelled = [name for name in train.names if name not in rule.columns]
    for names in (train.names, unlabelled):
        if len(names) == len(test.names) and not looks_like_header(test.rows[:200]):
            problems.append(Problem(test.path.name, "no header, columns taken by their place"))
            return {name: i for i, name in enumerate(names)}
    raise DataError(
        f"{test.path}: expected the columns {names_text(train.names)} of {train.path.name}, "
        f"found a first row of {names_text(test.rows[0])}"
    )


def _train_labels(
    rule: LabelRule, classes: tuple[str, ...], cells: Sequence[Sequence[str]], file: str, problems: list[Problem]
) -> NDArray[np.float32]:
    labels, odd = encode(rule, classes, cells)
    if odd:
        listed = names_text([cell for cell, _ in odd.most_common(5)])
        problems.append(Problem(file, f"{counted(odd.total(), 'label cell')} neither 0 nor 1, taken as 0: {listed}"))
    return labels


def _truth(test: Side, rule: LabelRule, classes: tuple[str, ...], problems: list[Problem]) -> Truth | None:
    if not set(rule.columns) & set(test.positions):
        return None
    cells = test.columns(rule.columns)
    if rule.kind != "several" and not any(cell.strip() for column in cells for cell in column):
        return None
    # The label cells are kept apart, since the other cells are dropped once the tables stand.
    read: partial[tuple[NDArray[np.float32], Counter[str]]] = partial(encode, rule, classes, cells)
    return Truth(read, test.file, problems)


def _sources(
    train: Side, test: Side, features: tuple[str, ...], grid: Grid, problems: list[Problem]
) -> tuple[tuple[DomainName, str], tuple[int, int, int, int], tuple[Source, Source]]:
    """Decide text or table from the training rows, and wrap both sides accordingly."""
    # A sample decides here; the table itself is typed from all training rows, later.
    step = max(1, len(train.rows) // _KIND_SAMPLE)
    sample = Side(train.file, train.positions, train.rows[::step], ()).columns(features)
    comma = grid.separator != ","
    texts, reason = text_columns(features, [column_kind(cells, comma) for cells in sample], sample)
    if not texts:
        tables = Tables(train, test, features, comma, problems)
        pair = TableSource(tables, 0, len(train.rows)), TableSource(tables, 1, len(test.rows))
        return ("tabular", reason), (1, 1, len(features), 1), pair
    if unused := [name for name in features if name not in texts]:
        problems.append(Problem(grid.path.name, f"columns beside the text, not used: {names_text(unused)}"))

    def joined(side: Side) -> TextSource:
        columns = side.columns(texts)
        whole = columns[0] if len(columns) == 1 else ["\n".join(row) for row in zip(*columns, strict=True)]
        return TextSource(whole, side.file, texts)

    return ("text", reason), (-1, 1, 1, 1), (joined(train), joined(test))
