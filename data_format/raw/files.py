"""Files with their labels in a CSV file: `labels_train.csv` (or one `labels.csv`, which we split), `labels_test.csv`.

Train rows stand in the order of the CSV file. Test rows are the sorted files of `test/`; where there is no such
folder, the sorted files outside `train/` that the training CSV does not name. `labels_test.csv` neither drops nor
moves a row; what it names beyond them (as a rule files that are missing) follows as rows after all others.
A column `subset` of the only list says which files are test; they stand in sorted order.
"""

import posixpath
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from data_format.dataset import Dataset, Problem, Split
from data_format.errors import DataError
from data_format.raw.csvfile import Grid, counted, rows_text
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
from data_format.raw.media import Collection, split_files
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.tablefiles import read_table
from data_format.raw.walk import list_files, printable

FILE_COLUMNS = ("file", "filename", "file_name", "filepath", "path", "image", "video", "audio", "sound")
_LOOSE = frozenset((".csv", ".tsv", ".md", ".json", ".yaml", ".yml", ".info", ".name", ".pdf", ".html"))
_ABOUT = frozenset(("readme", "license", "licence", "changelog"))


class _Listing:
    """The files that are there, found again from how a CSV file spells them."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = files
        self._there = frozenset(files)
        self._normal: dict[str, str] = {}

    def find(self, name: str, folder: str) -> str | None:
        """The file that `name` means, as it is or below `folder`; other slashes and Unicode forms allowed."""
        # Nearly always it is spelled as it is; the slower look-up is made at the first miss.
        for spelled in (name, f"{folder}/{name}"):
            if spelled in self._there:
                return spelled
        if not self._normal:
            self._normal = {unicodedata.normalize("NFC", file): file for file in self.files}
        clean = unicodedata.normalize("NFC", posixpath.normpath(name.strip().replace("\\", "/")))
        return self._normal.get(clean) or self._normal.get(f"{folder}/{clean}")


def open_labelled_files(
    root: Path, train_csv: Path, test_csv: Path | None, name: str, options: ReadOptions = AS_FOUND
) -> Dataset:
    """Open a folder of files whose labels stand in CSV files. Raises DataError where nothing can be learned."""
    problems: list[Problem] = []
    listing = _Listing(list_files(root, problems))
    grid = read_table(train_csv)
    problems += grid.problems
    file_column = file_column_of(grid)
    subset = _subset_column(grid)
    rule = find_labels(grid, taken=(file_column, *([subset] if subset else [])), options=options)
    if subset and test_csv is None:
        grid, listed_test = _by_subset(grid, subset, problems)
    else:
        listed_test = None
    train_files, cells = _train_rows(grid, file_column, rule, listing, problems)
    collection = Collection(root, train_files, options)
    test_files = [] if listed_test else _test_files(listing, train_files, collection, problems)
    classes, class_names = with_declared(class_list(rule, cells), declared_names(root))
    if not test_files and test_csv is None and listed_test is None and not (root / "test").is_dir():
        labels = _train_labels(rule, classes, cells, train_csv.name, problems)
        return split_files(root, name, train_files, class_names, labels, collection, problems, options.test_share)
    listed = _read_listed(test_csv, listed_test, listing, problems)
    # Naming a file that is not there is the one thing that the truth may add: a row nobody can read.
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
    """The column that tells training from test files (the toolkit's `subset`), if its cells do."""
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


def file_column_of(grid: Grid) -> str:
    """The column that names files: by its name, else the first."""
    lower = {name.lower(): name for name in reversed(grid.names)}
    return next((lower[name] for name in FILE_COLUMNS if name in lower), grid.names[0])


def _train_rows(
    grid: Grid, file_column: str, rule: LabelRule, listing: _Listing, problems: list[Problem]
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
    names = grid.column(file_column)
    found = {row: listing.find(names[row], "train") for row in labelled}
    problems += [Problem(printable(names[row]), "missing file") for row in labelled if found[row] is None]
    kept = [row for row in labelled if found[row] is not None]
    if not kept:
        raise DataError(
            f"{grid.path}: expected labelled files below {grid.path.parent}, found none of the {len(names)} listed, "
            f"such as {names[0] if names else 'no row'!r}"
        )
    return [str(found[row]) for row in kept], [[column[row] for row in kept] for column in cells]


def _test_files(
    listing: _Listing, train_files: Sequence[str], collection: Collection, problems: list[Problem]
) -> list[str]:
    inside = [file for file in listing.files if file.lower().startswith("test/")]
    if not inside:
        # What lies unlisted in train/ is unlabelled training data, not a question.
        trained = set(train_files)
        inside = [
            file
            for file in listing.files
            if file not in trained and not file.lower().startswith("train/") and not _about(file)
        ]
    return collection.keep(inside, problems)


def _about(file: str) -> bool:
    """Whether a file at the top is about the data rather than one of them."""
    path = PurePosixPath(file)
    return "/" not in file and (path.suffix.lower() in _LOOSE or path.stem.lower() in _ABOUT)


class _Listed:
    """What `labels_test.csv` says: which files it names, and their label cells, read for the truth only."""

    def __init__(self, grid: Grid, listing: _Listing) -> None:
        self._grid = grid
        names = grid.column(file_column_of(grid))
        keys = [listing.find(name, "test") or _inside(name) for name in names]
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
        # Looked up by file, so the order of the list is of no account.
        places = [names.index(column) if column in names else None for column in rule.columns]
        found = [self._rows.get(file) for file in files]
        cells = [["" if row is None or place is None else row[place] for row in found] for place in places]
        without = [file for file, row in zip(files, found, strict=True) if row is None]
        if without:
            text = f"{counted(len(without), 'test file')} that {self._grid.path.name} does not name, without a truth"
            problems.append(Problem(printable(without[0]), text))
        return Truth(partial(encode, rule, classes, cells), self._grid.path.name, problems)


def _read_listed(path: Path | None, rows: Grid | None, listing: _Listing, problems: list[Problem]) -> _Listed | None:
    """Listed test rows, or `labels_test.csv`; None where it cannot be read: a run does not depend on it."""
    if rows is not None:
        return _Listed(rows, listing)
    if path is None:
        return None
    try:
        return _Listed(read_table(path), listing)
    except DataError as error:
        problems.append(Problem(path.name, f"no truth: {error}"))
        return None


def _inside(name: str) -> str:
    """A listed name as a path below the data set, "" when it leads out of it."""
    clean = posixpath.normpath(name.strip().replace("\\", "/"))
    return "" if clean.startswith(("/", "..")) or clean == "." else clean


def _train_labels(
    rule: LabelRule, classes: tuple[str, ...], cells: Sequence[Sequence[str]], csv_name: str, problems: list[Problem]
) -> NDArray[np.float32]:
    labels, odd = encode(rule, classes, cells)
    if odd:
        problems.append(Problem(csv_name, f"{counted(odd.total(), 'label cell')} neither 0 nor 1, taken as 0"))
    return labels
