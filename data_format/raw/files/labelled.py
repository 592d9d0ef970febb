"""Files with their labels in a CSV file: `labels_train.csv` (or one `labels.csv`, which we split), `labels_test.csv`.

Training rows are in the order of the CSV file. Test rows are the sorted files of `test/` that the training CSV does not
name, else of folders called like it (`test_images/`); where there are none, such files outside `train/` (and folders
called like it). `labels_test.csv` neither drops nor moves a row; what it names beyond them (as a rule files that are
missing) follows as rows after all others.
A column `subset` of the only list marks the test files, which are sorted.
"""

from collections.abc import Container, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset, Problem, Split
from data_format.errors import DataError
from data_format.raw.file_names import inside, is_about, side_of, suffix
from data_format.raw.files.media import Collection, split_files
from data_format.raw.files.path_lookup import Listing, file_column, home_of
from data_format.raw.labels import (
    LabelRule,
    Truth,
    class_list,
    declared_names,
    encode,
    find_labels,
    labelled_rows,
    with_declared,
)
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.tables.csv_file import Grid, counted, rows_text
from data_format.raw.tables.formats import read_table
from data_format.raw.walk import list_files, printable

_LOOSE = frozenset((".csv", ".tsv", ".json", ".yaml", ".yml", ".info", ".name"))


def open_labelled_files(
    root: Path, train_csv: Path, test_csv: Path | None, name: str, options: ReadOptions = AS_FOUND
) -> Dataset:
    """Open a folder of files whose labels are in CSV files. Raises DataError where nothing can be learned."""
    problems: list[Problem] = []
    listing = Listing(list_files(root, problems))
    grid = read_table(train_csv)
    problems += grid.problems
    home = home_of(root, train_csv)
    column = file_column(grid.names, grid.column, listing, "train", home)
    subset = _subset_column(grid)
    rule = find_labels(grid, taken=(column, *([subset] if subset else [])), options=options)
    if subset and test_csv is None:
        grid, listed_test = _by_subset(grid, subset, problems)
    else:
        listed_test = None
    train_files, cells = _train_rows(grid, column, rule, (listing, home), problems)
    collection = Collection(root, train_files, options)
    lists = [table.relative_to(root).as_posix() for table in (train_csv, test_csv) if table]
    test_files = [] if listed_test else _test_files(listing, {*train_files, *lists}, collection, problems)
    classes, class_names = with_declared(class_list(rule, cells), declared_names(root))
    if not test_files and test_csv is None and listed_test is None and not _lost_test(root, train_files):
        labels = _train_labels(rule, classes, cells, train_csv.name, problems)
        return split_files(root, name, train_files, class_names, labels, collection, problems, options.test_share)
    listed = _read_listed(root, test_csv, listed_test, listing, problems)
    # All that the truth may add is the name of a missing file: a row that cannot be read.
    absent = listed.beyond(test_files) if listed else []
    rows = [*test_files, *absent]
    if not rows:
        raise DataError(f"{root}: expected test files in test/, found none")
    labels = _train_labels(rule, classes, cells, train_csv.name, problems)
    source = collection.source(rows, frozenset(absent).difference(listing.files))
    test = Split([printable(file) for file in rows], np.zeros((len(rows), len(classes)), np.float32), source)
    return Dataset(
        name=name,
        path=root,
        class_names=class_names,
        shape=collection.shape(train_files),
        train=Split([printable(file) for file in train_files], labels, collection.source(train_files)),
        test=test,
        domain=(collection.domain, collection.reason),
        truth=(listed and listed.truth(rule, classes, rows, problems)) or (lambda: None),
        problems=problems,
    )


def _subset_column(grid: Grid) -> str | None:
    """The column that separates training from test files (the toolkit's `subset`), if its cells do."""
    for name in grid.names:
        if name.strip().lower() in ("subset", "split"):
            found = {cell.strip().lower() for cell in grid.column(name)}
            return name if found >= {"train", "test"} else None
    return None


def _by_subset(grid: Grid, subset: str, problems: list[Problem]) -> tuple[Grid, Grid]:
    """The training rows and the test rows of a list; rows of any other subset are dropped, as the toolkit does."""
    kinds = [cell.strip().lower() for cell in grid.column(subset)]
    if other := [i for i, kind in enumerate(kinds) if kind not in ("train", "test")]:
        reason = f"{counted(len(other), 'row')} of a subset other than train and test, not used"
        problems.append(Problem(rows_text(grid.path.name, other), reason))
    train, test = (
        replace(grid, rows=[row for row, kind in zip(grid.rows, kinds, strict=True) if kind == part], problems=[])
        for part in ("train", "test")
    )
    return train, test


def _train_rows(
    grid: Grid, column: str, rule: LabelRule, where: tuple[Listing, str], problems: list[Problem]
) -> tuple[list[str], list[list[str]]]:
    """Files of the rows that have a label and a file, and their label cells, one list a label column."""
    cells = [grid.column(column) for column in rule.columns]
    labelled = labelled_rows(rule, cells)
    if len(labelled) < len(grid.rows):
        without = sorted(set(range(len(grid.rows))).difference(labelled))
        problems.append(
            Problem(
                rows_text(grid.path.name, without), f"{counted(len(without), 'training row')} without a label, not used"
            )
        )
    names, (listing, home) = grid.column(column), where
    found = {row: listing.look_up(names[row], "train", home) for row in labelled}
    problems += [Problem(printable(names[row]), reason) for row, (file, reason) in found.items() if file is None]
    kept = [row for row in labelled if found[row][0] is not None]
    if not kept:
        first = repr(names[0]) if names else "'no row'"
        reason = found[0][1].partition(": ")[2] if 0 in found else ""
        raise DataError(
            f"{grid.path}: expected labelled files below {grid.path.parent}, found none of the {len(names)} listed, "
            f"such as {first}{f' ({reason})' if reason else ''}"
        )
    return [str(found[row][0]) for row in kept], [[column[row] for row in kept] for column in cells]


def _test_files(listing: Listing, used: Container[str], collection: Collection, problems: list[Problem]) -> list[str]:
    """Files not used otherwise: below `test/`, else in folders called like it, else outside training folders."""
    free = [file for file in listing.files if file not in used]
    tests = [file for file in free if file.lower().startswith("test/")]
    tests = tests or [file for file in free if side_of(file) == "test"]
    if not tests:
        # Unlisted files in train/ are unlabelled training data, not test rows.
        tests = [file for file in free if side_of(file) != "train" and not _about(file)]
    return collection.keep(tests, problems)


def _lost_test(root: Path, train_files: Sequence[str]) -> bool:
    """Whether test files were meant to be in `test/`: it is there, and the training list does not name them."""
    return (root / "test").is_dir() and not any(file.lower().startswith("test/") for file in train_files)


def _about(file: str) -> bool:
    """Whether a file at the top is about the data rather than one of them."""
    return "/" not in file and (suffix(file) in _LOOSE or is_about(file))


class _Listed:
    """`labels_test.csv`: the files that it names, and their label cells, read for the truth only."""

    def __init__(self, grid: Grid, listing: Listing, home: str) -> None:
        self._grid = grid
        names = grid.column(file_column(grid.names, grid.column, listing, "test", home))
        keys = [listing.find(name, "test", home) or inside(name) for name in names]
        self._rows = {key: row for key, row in zip(keys, self._grid.rows, strict=True) if key}

    def beyond(self, files: Sequence[str]) -> list[str]:
        """Named files that are not among `files`, sorted."""
        return sorted(set(self._rows).difference(files))

    def truth(
        self, rule: LabelRule, classes: tuple[str, ...], files: Sequence[str], problems: list[Problem]
    ) -> Truth | None:
        """The truth for `files`, or None where the file has none of the label columns."""
        names = self._grid.names
        if not self._rows or not set(rule.columns) & set(names):
            return None
        # Looked up by file, so the order of the list does not matter.
        places = [names.index(column) if column in names else None for column in rule.columns]
        found = [self._rows.get(file) for file in files]
        cells = [["" if row is None or place is None else row[place] for row in found] for place in places]
        without = [file for file, row in zip(files, found, strict=True) if row is None]
        if without:
            text = f"{counted(len(without), 'test file')} that {self._grid.path.name} does not name, without a truth"
            problems.append(Problem(printable(without[0]), text))
        return Truth(partial(encode, rule, classes, cells), self._grid.path.name, problems)


def _read_listed(
    root: Path, path: Path | None, rows: Grid | None, listing: Listing, problems: list[Problem]
) -> _Listed | None:
    """Listed test rows, or `labels_test.csv`; None where it cannot be read: a run does not depend on it."""
    if rows is not None:
        return _Listed(rows, listing, home_of(root, rows.path))
    if path is None:
        return None
    try:
        return _Listed(read_table(path), listing, home_of(root, path))
    except DataError as error:
        problems.append(Problem(path.name, f"no truth: {error}"))
        return None


def _train_labels(
    rule: LabelRule, classes: tuple[str, ...], cells: Sequence[Sequence[str]], csv_name: str, problems: list[Problem]
) -> NDArray[np.float32]:
    labels, odd = encode(rule, classes, cells)
    if odd:
        problems.append(Problem(csv_name, f"{counted(odd.total(), 'label cell')} neither 0 nor 1, taken as 0"))
    return labels
