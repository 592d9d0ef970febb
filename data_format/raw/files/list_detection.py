"""Whether a table is a list of files rather than the data themselves, and which table of a folder is one.

A list has a column most of whose cells name existing files. Names without a suffix count where the column has
a usual name for file names, or where all of them differ. A table that holds data of its own (free text, many
measurements) is a list only where its file column has such a name and spells the files exactly.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.file_names import (
    FILE_COLUMNS,
    FILE_SUFFIXES,
    Side,
    by_likelihood,
    inside,
    is_about,
    is_file_column,
    like_files,
    named_part,
    suffix,
    words_of,
)
from data_format.raw.files.path_lookup import LOOKED_AT, Listing, file_column, home_of
from data_format.raw.labels import find_labels, is_label_name, names_text
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.tables.column_types import is_number
from data_format.raw.tables.content_check import data_columns, has_prose, is_measured, sample_cells
from data_format.raw.tables.csv_file import Grid
from data_format.raw.tables.formats import TABLE_SUFFIXES, first_rows, is_binary
from data_format.raw.walk import is_litter, list_files, subfolders

_MOST_BYTES = 16 << 20  # of a file that would have to be read whole
_HEAD_BYTES = 1 << 16  # of delimited text: some hundred rows
_MOST_WALKED = 20_000  # files listed for a column that may or may not name some
_NOT_LISTS = frozenset(("sample", "submission", "submit"))
_PLACES = frozenset(("meta", "metadata", "annotation", "annotations", "label", "labels", "list", "lists", "csv"))
_STORES = frozenset(("part", "fold", "batch", "shard", "chunk", "images", "masks", "pictures", "audio", "clips"))


class Search:
    """Separates lists in one folder from tables; files below it are listed at the first table that may name some."""

    def __init__(self, root: Path, options: ReadOptions = AS_FOUND) -> None:
        self.root = root
        self.options = options
        self._listings: dict[bool, Listing] = {}

    def names_files(self, table: Path, side: Side = "train") -> bool:
        """Whether `table`, which lies in the folder or below it, lists files of it."""
        if self.options.domain == "tabular" or self.options.text_column is not None or not _has_files(self.root):
            return False
        grid = head_of(table)
        if grid is None:
            return False
        columns = data_columns(grid, self.options, labelled=side == "train")
        measured = is_measured(columns)
        if measured and table.stem.lower() != "train":
            return False
        if _as_spelled(self.root, grid):
            return True
        if measured or has_prose(columns):
            return False
        home = home_of(self.root, table)
        return any(self._names_files(name, grid.column(name), side, home) for name in by_likelihood(grid.names))

    def adds_labels(self, table: Path) -> bool:
        """Whether a list has a label column by name that does more than rename the class folders."""
        grid = head_of(table)
        if grid is None or not (self.options.label is not None or any(map(is_label_name, grid.names))):
            return False
        try:
            columns = find_labels(grid, options=self.options).columns
        except DataError:  # another table than the one that was meant by the label's name
            return False
        home, listing = home_of(self.root, table), self._listing(whole=True)
        names = grid.column(file_column(grid.names, grid.column, listing, "train", home))
        labels = zip(*map(grid.column, columns), strict=True)
        found = ((listing.find(name, "train", home), cells) for name, cells in zip(names, labels, strict=True))
        pairs = {(_class_folder(file), cells) for file, cells in found if file}
        return not len(pairs) == len({folder for folder, _ in pairs}) == len({cells for _, cells in pairs})

    def _names_files(self, name: str, cells: Sequence[str], side: Side, home: str) -> bool:
        sample = sample_cells(cells)
        # The folder may be a home directory: for a doubtful column only the first of very many files are listed.
        sure = is_file_column(name) or like_files(sample)
        return _may_name(name, sample) and self._listing(sure).names_most(cells, side, home)

    def _listing(self, whole: bool) -> Listing:
        if whole not in self._listings:
            problems: list[Problem] = []  # reported when the list is opened
            self._listings[whole] = Listing(list_files(self.root, problems, None if whole else _MOST_WALKED))
        return self._listings[whole]


def file_list(root: Path, options: ReadOptions = AS_FOUND) -> tuple[Path, Path | None] | None:
    """The list of training files in a folder, by its content, with its test list; None where there is none.

    Looked for at the top, in `train/`, and in folders called `meta`, `annotations` and the like. Beside class folders
    a list counts when its labels differ from the folders. Raises DataError where several lists could be meant.
    """
    search = Search(root, options)
    folders = subfolders(root)
    classes = _class_folders(root, folders)
    for home in ("", *(name for name in folders if named_part(name) == "train"), *filter(_holds_lists, folders)):
        tables = _tables_in(root / home)
        found = [table for table in tables if named_part(table.stem) in ("train", "") and search.names_files(table)]
        if classes:
            found = list(filter(search.adds_labels, found))
        if len(named := [table for table in found if named_part(table.stem) == "train"]) == 1:
            found = named
        if len(found) == 1:
            return found[0], _test_list(search, home, folders, tables)
        if found and not classes:
            listed = names_text([table.name for table in found])
            raise DataError(f"{root / home}: expected one list of files, found several, {listed}; name the one meant")
    return None


def head_of(table: Path) -> Grid | None:
    """The first rows; None where the table cannot be read, which its reader will report."""
    try:
        if table.stem.lower() != "train" and table.stat().st_size > _MOST_BYTES and is_binary(table):
            return None
        return first_rows(table, _HEAD_BYTES)
    except (DataError, OSError):
        return None


def _test_list(search: Search, home: str, folders: Sequence[str], tables: Sequence[Path]) -> Path | None:
    """The list of test files beside a training list, or in the folder beside `train/`; validation stands in for it."""
    root = search.root
    for side in ("test", "valid"):
        beside = [table for table in tables if named_part(table.stem) == side]
        if named_part(home) == "train":
            beside = [table for name in folders if named_part(name) == side for table in _tables_in(root / name)]
        if len(found := [table for table in beside if search.names_files(table, "test")]) == 1:
            return found[0]
    return None


def _tables_in(folder: Path) -> list[Path]:
    """Tables that may be lists, sorted; the suffix `.txt` may mean anything."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if not is_litter(entry.name) and entry.is_file())
    suffixes = set(TABLE_SUFFIXES) - {".txt"}
    return [folder / name for name in names if suffix(name) in suffixes and not words_of(name) & _NOT_LISTS]


def _class_folders(root: Path, folders: Sequence[str]) -> bool:
    """Whether folders look like classes: two or more in `train/` or at the top, less those named like storage."""
    train = [name for name in folders if named_part(name) == "train"]
    inner = subfolders(root / train[0]) if train else [name for name in folders if not named_part(name)]
    return sum(not words_of(name) & (_PLACES | _STORES) for name in inner) > 1


def _holds_lists(folder: str) -> bool:
    return bool(words_of(folder) & _PLACES)


def _class_folder(file: str) -> str:
    """The folder of a file that may be its class."""
    top, *below = file.split("/")[:-1] or [""]
    return below[0] if below and named_part(top) else top


def _has_files(root: Path) -> bool:
    """Whether there is anything to name: a folder, or at least two files that are no tables."""
    files = 0
    with os.scandir(root) as entries:
        for entry in entries:
            if is_litter(entry.name):
                continue
            if entry.is_dir():
                return True
            # A single image beside a table illustrates it.
            files += suffix(entry.name) in FILE_SUFFIXES and not is_about(entry.name)
            if files > 1:
                return True
    return False


def _as_spelled(root: Path, grid: Grid) -> bool:
    """Whether a column with a usual name spells files exactly as below the folder, in `train/` or beside the list."""
    lower = {name.strip().lower(): name for name in grid.names}
    column = next((lower[name] for name in FILE_COLUMNS if name in lower), None)
    if column is None or not grid.header:
        return False
    cells = [inside(cell) for cell in grid.column(column)[:LOOKED_AT]]
    places = {root, root / "train", grid.path.parent}
    found = sum(any(_is_file(place / cell) for place in places) for cell in cells if cell)
    return bool(cells) and found * 2 >= len(cells)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _may_name(name: str, cells: Sequence[str]) -> bool:
    """Whether it is worth looking up the cells of a column: counts, codes and words do not name files."""
    if not cells or like_files(cells):
        return bool(cells)
    different = len(set(cells)) == len(cells)
    if all(map(is_number, cells)):
        return different and all(map(str.isdigit, cells)) and (is_file_column(name) or "id" in words_of(name))
    return is_file_column(name) or (different and not any(" " in cell for cell in cells))
