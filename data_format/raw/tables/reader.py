"""Tables and texts in delimited files: `train.csv` with or without `test.csv`, or one file that we split.

Opening parses the files, encodes the labels and decides between text and table; the training file alone decides.
Test columns are matched by name; their labels serve only as the truth.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset, DomainName, Problem, Source, Split
from data_format.errors import DataError
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
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.split import split_rows
from data_format.raw.tables.column_store import BIG_BYTES, ColumnStore, read_store
from data_format.raw.tables.column_types import Kind, column_kind, texts_of
from data_format.raw.tables.content_check import refuse_lost_files
from data_format.raw.tables.csv_file import Grid, counted, rows_text
from data_format.raw.tables.formats import is_binary, read_table
from data_format.raw.tables.header import looks_like_header
from data_format.raw.tables.index_columns import row_number_notes, row_numbers
from data_format.raw.tables.parquet import is_big, is_parquet, read_columns
from data_format.raw.tables.rows import Joined, RowSide, Side, StoreSide, Tables, TableSource, TextSource
from data_format.raw.tables.text_detection import text_columns

_KIND_SAMPLE = 1000


def open_tables(
    train_path: Path, test_path: Path | None, path: Path, name: str, options: ReadOptions = AS_FOUND
) -> Dataset:
    """Open one or two delimited files as a text or table data set.

    test_path: None makes us split the training file. Raises DataError where labels or rows are missing.
    """
    train_grid = _read(train_path)
    test_grid = _read(test_path, train_grid) if test_path else None
    problems = [*train_grid.problems, *(test_grid.problems if test_grid else ())]
    # Which columns the test file lacks may point at the label, where nothing else does.
    there = set(test_grid.names) if test_grid and test_grid.header else set(train_grid.names)
    absent = [name for name in train_grid.names if name not in there]
    counts = row_numbers(train_grid)
    # A label that the user names may be such a column.
    rule = find_labels(train_grid, absent, taken=() if options.label else counts, options=options)
    if rule.note:
        problems.append(Problem(train_path.name, rule.note))
    kept = _labelled(train_grid, rule, problems)
    train = _side(train_grid, kept)
    features = _features(train_grid, rule, counts, problems)
    refuse_lost_files(train_path, features, partial(_first_cells, train_grid), options)
    cells: Sequence[Sequence[str]] = train.texts(rule.columns)
    has_truth = True
    if test_grid is None:
        train, test, has_truth = _split(train, rule, cells, problems, options.test_share)
        cells = train.texts(rule.columns)
    else:
        test = _test_side(test_grid, train_grid, rule, features, problems)
    # A single file may lie among other data sets, so only a folder's `label.name` counts.
    declared = declared_names(path) if path.is_dir() else ()
    classes, class_names = with_declared(class_list(rule, cells), declared)
    labels = _train_labels(rule, classes, cells, train_path.name, problems)
    domain, shape, sources = _sources(train, test, features, train_grid, problems, options)
    truth = _truth(test, rule, classes, problems) if has_truth else None
    return Dataset(
        name=name,
        path=path,
        class_names=class_names,
        shape=shape,
        train=Split(train.ids(), labels, sources[0]),
        test=Split(test.ids(), np.zeros((len(test), len(classes)), np.float32), sources[1]),
        domain=domain,
        truth=truth or (lambda: None),
        problems=problems,
    )


def _read(path: Path, like: Grid | ColumnStore | None = None) -> Grid | ColumnStore:
    """A table file; a big one of delimited text or Parquet is kept by columns, and so is its test file."""
    by_columns = isinstance(like, ColumnStore)
    if path.is_file() and is_parquet(path) and (by_columns or is_big(path)):
        return read_columns(path)
    big = path.is_file() and path.stat().st_size >= BIG_BYTES and not is_binary(path)
    by_columns = by_columns and not is_binary(path)
    if by_columns or (big and like is None):
        return read_store(path, like)
    return read_table(path, like)


def _labelled(grid: Grid | ColumnStore, rule: LabelRule, problems: list[Problem]) -> Sequence[int]:
    """Numbers of the training rows with a label."""
    if not grid.rows:
        raise DataError(f"{grid.path}: expected training rows, found only the header {names_text(grid.names)}")
    kept: Sequence[int] = labelled_rows(rule, [grid.column(column) for column in rule.columns])
    if len(kept) == len(grid.rows):
        return range(len(kept))
    if not kept:
        raise DataError(f"{grid.path}: expected labels in column {rule.columns[0]!r}, found only empty cells")
    without = sorted(set(range(len(grid.rows))).difference(kept))
    reason = f"{counted(len(without), 'training row')} without a label, not used"
    problems.append(Problem(rows_text(grid.path.name, without), reason))
    return kept


def _side(grid: Grid | ColumnStore, kept: Sequence[int]) -> Side:
    if isinstance(grid, ColumnStore):
        return StoreSide(grid, None if len(kept) == len(grid.rows) else np.array(kept, np.int64))
    rows = grid.rows if len(kept) == len(grid.rows) else [grid.rows[i] for i in kept]
    return RowSide(grid.path.name, {name: i for i, name in enumerate(grid.names)}, rows, kept)


def _features(
    grid: Grid | ColumnStore, rule: LabelRule, counts: Sequence[str], problems: list[Problem]
) -> tuple[str, ...]:
    """Feature columns: all but the labels and those that only count the rows."""
    every = [name for name in grid.names if name not in rule.columns]
    features = [name for name in every if name not in counts]
    # Without any other column, row numbers are the features.
    if every and not features:
        return tuple(every)
    if not features:
        raise DataError(f"{grid.path}: expected data beside the labels, found only {names_text(grid.names)}")
    problems += row_number_notes(grid.path.name, grid.names, [name for name in counts if name in every])
    return tuple(features)


def _split(
    train: Side, rule: LabelRule, cells: Sequence[Sequence[str]], problems: list[Problem], share: float | None
) -> tuple[Side, Side, bool]:
    """Our own split; where nothing can be spared, all rows train and are predicted, and no truth is claimed."""
    train_rows, test_rows = split_rows(encode(rule, class_list(rule, cells), cells)[0], share)
    if not len(test_rows):
        problems.append(Problem(train.file, "no class has two rows: the test rows are the training rows, not scored"))
        return train, train, False
    return train.pick(train_rows), train.pick(test_rows), True


def _test_side(
    test: Grid | ColumnStore,
    train: Grid | ColumnStore,
    rule: LabelRule,
    features: tuple[str, ...],
    problems: list[Problem],
) -> Side:
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


def _by_place(
    test: Grid | ColumnStore, train: Grid | ColumnStore, rule: LabelRule, problems: list[Problem]
) -> dict[str, int]:
    """Columns of a test file without a header, by their place; the label columns may be left out."""
    unlabelled = [name for name in train.names if name not in rule.columns]
    for names in (train.names, unlabelled):
        if len(names) == len(test.names) and not looks_like_header(_first_rows(test)):
            problems.append(Problem(test.path.name, "no header, columns taken by their place"))
            return {name: i for i, name in enumerate(names)}
    raise DataError(
        f"{test.path}: expected the columns {names_text(train.names)} of {train.path.name}, "
        f"found a first row of {names_text(_first_rows(test)[0])}"
    )


def _first_rows(grid: Grid | ColumnStore, most: int = 200) -> list[list[str]]:
    if isinstance(grid, Grid):
        return grid.rows[:most]
    return [list(row) for row in zip(*(_first_cells(grid, name, most) for name in grid.names), strict=True)]


def _first_cells(grid: Grid | ColumnStore, name: str, most: int = 200) -> Sequence[str]:
    if isinstance(grid, ColumnStore):
        return texts_of(grid.cells(name)[:most])
    position = grid.names.index(name)
    return [row[position] for row in grid.rows[:most]]


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
    cells = test.texts(rule.columns)
    if rule.kind != "multiple" and not any(cell.strip() for column in cells for cell in column):
        return None
    # The label cells are kept apart, since the other cells are dropped once the tables are built.
    read: partial[tuple[NDArray[np.float32], Counter[str]]] = partial(encode, rule, classes, cells)
    return Truth(read, test.file, problems)


def _sources(
    train: Side,
    test: Side,
    features: tuple[str, ...],
    grid: Grid | ColumnStore,
    problems: list[Problem],
    options: ReadOptions,
) -> tuple[tuple[DomainName, str], tuple[int, int, int, int], tuple[Source, Source]]:
    """Decide text or table from the training rows, and wrap both sides accordingly."""
    # A sample decides here; the columns are typed later, from all training rows.
    step = max(1, len(train) // _KIND_SAMPLE)
    sample = train.pick(np.arange(0, len(train), step)).columns(features)
    comma = grid.separator != ","
    kinds = [column_kind(cells, comma) for cells in sample]
    texts, reason = text_columns(
        features,
        kinds,
        # Only words are looked at; writing out twenty thousand columns of numbers would take a minute.
        [texts_of(cells) if kind == "word" else () for cells, kind in zip(sample, kinds, strict=True)],
    )
    texts, reason = _as_asked(features, kinds, (texts, reason), grid.path, options)
    if not texts:
        tables = Tables(train, test, features, comma, problems)
        pair = TableSource(tables, 0, len(train)), TableSource(tables, 1, len(test))
        return ("tabular", reason), (1, 1, len(features), 1), pair
    if unused := [name for name in features if name not in texts]:
        problems.append(Problem(grid.path.name, f"columns beside the text, not used: {names_text(unused)}"))

    def joined(side: Side) -> TextSource:
        columns = side.texts(texts)
        return TextSource(columns[0] if len(columns) == 1 else Joined(columns), side.file, texts)

    return ("text", reason), (-1, 1, 1, 1), (joined(train), joined(test))


def _as_asked(
    features: tuple[str, ...],
    kinds: Sequence[Kind],
    found: tuple[tuple[str, ...], str],
    path: Path,
    options: ReadOptions,
) -> tuple[tuple[str, ...], str]:
    """Text columns and the reason, by what the options say or else as found. Raises DataError where they do not fit."""
    if options.text_column is not None:
        lower = {name.lower(): name for name in reversed(features)}
        name = options.text_column if options.text_column in features else lower.get(options.text_column.lower())
        if name is None:
            raise DataError(
                f"{path}: expected a text column {options.text_column!r}, found the columns {names_text(features)}"
            )
        return (name,), f"column {name!r} was asked for as text"
    if options.domain is None or (options.domain == "text" and found[0]):
        return found
    if options.domain == "tabular":
        return (), "asked for as a table"
    if options.domain == "text":
        spoken = tuple(name for name, kind in zip(features, kinds, strict=True) if kind == "word")
        return spoken or features, "asked for as text"
    raise DataError(f"{path}: expected text or tabular as the domain of a table, found {options.domain!r}")
