"""New inputs for a model that was trained before: files, tables and texts without labels, as chunks of examples.

They are read as the training inputs were: columns are found by name (by place where a header is missing), typed as the
training cells were, and brought into their order; columns that are missing count as empty, others are left out.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from data_format.dataset import DomainName, Problem, Source
from data_format.errors import DataError
from data_format.examples import Table, Text
from data_format.input_spec import Inputs
from data_format.memory_source import MemorySource
from data_format.raw.arrays.sources import PickedSource
from data_format.raw.arrays.tables import Column, ColumnTable, make_tables
from data_format.raw.file_names import by_likelihood, inside, side_of
from data_format.raw.files.list_detection import Search
from data_format.raw.files.media import Collection, FileSource
from data_format.raw.files.path_lookup import LOOKED_AT, MISSING, Listing
from data_format.raw.labels import names_text
from data_format.raw.tables.column_types import Kind, texts_of
from data_format.raw.tables.formats import TABLE_SUFFIXES
from data_format.raw.tables.new_header import above_files, above_numbers, above_texts
from data_format.raw.tables.stream import ExpectedTable, TableStream, stream_rows
from data_format.raw.walk import list_files, printable

TABLE_ROWS = 4096
FILE_ROWS = 1024
_MOST_LISTED = 200_000  # files below the folder of a list, which may be a home directory
_MADE_NAME = re.compile(r"column \d+")


@dataclass(frozen=True)
class Chunk:
    """Some new examples with their ids: row numbers, or paths relative to the folder."""

    ids: list[str]
    source: Source


def raw_chunks(path: Path, domain: DomainName, inputs: Inputs, problems: list[Problem]) -> Iterator[Chunk]:
    """Examples of a folder of files or of a table file; what is wrong with them is added to `problems` on the way.

    Raises DataError with one line where nothing fits the model.
    """
    if domain == "tabular":
        return table_chunks(_table_file(path), inputs, problems)
    if path.is_dir():
        table = _lone_table(path) if domain == "text" else None
        return _table_chunks(table, domain, inputs, problems) if table else _folder_chunks(path, domain, problems)
    if path.suffix.lower() in TABLE_SUFFIXES and (domain != "text" or path.suffix.lower() != ".txt"):
        return _table_chunks(path, domain, inputs, problems)
    return iter([Chunk([printable(path.name)], FileSource(path.parent, [path.name], domain == "text"))])


def _table_chunks(path: Path, domain: DomainName, inputs: Inputs, problems: list[Problem]) -> Iterator[Chunk]:
    """Texts of a table, or the files that it lists."""
    if domain == "text" and not Search(path.parent).names_files(path, "test"):
        return text_chunks(path, inputs, problems)
    return _listed_chunks(path, domain, problems)


def table_chunks(path: Path, inputs: Inputs, problems: list[Problem]) -> Iterator[Chunk]:
    """Rows of a table file as tables in the model's columns."""
    wanted = tuple(name for name, _ in inputs.columns)
    rows = stream_rows(path, _known(wanted), TABLE_ROWS, problems)
    names = _names(rows, wanted)
    report_columns(path.name, names, wanted, problems)
    return _with_ids(
        rows, lambda cells: MemorySource(table=fit_table(_frame(names, cells), inputs, path.name, problems))
    )


def text_chunks(path: Path, inputs: Inputs, problems: list[Problem]) -> Iterator[Chunk]:
    """Texts of a table file: of the columns that the model was trained on, or the column that looks like it."""
    rows = stream_rows(
        path, ExpectedTable((), heading=above_texts(inputs.text_columns), texts=True), TABLE_ROWS, problems
    )
    first = next(rows.chunks, [])
    picked = _text_columns(rows, inputs.text_columns, first)
    again = replace(rows, chunks=_chain(first, rows.chunks))

    def made(cells: list[list[str]]) -> Source:
        places = [rows.names.index(name) for name in picked]
        return MemorySource([Text("\n".join(row[place] for place in places)) for row in cells])

    return _with_ids(again, made)


def fit_table(frame: ColumnTable, inputs: Inputs, where: str, problems: list[Problem]) -> Table:
    """Rows in the columns of the model, typed as its training cells were; absent columns are empty.

    where: named in the problems about cells that are not of their column's kind.
    """
    if not inputs.columns:  # a model of class frequencies needs no columns
        return Table(np.empty((frame.rows, 0)), (), np.empty((frame.rows, 0), object), ())
    there = dict(zip(frame.names, frame.columns, strict=True))
    absent: Column = [""] * frame.rows
    names = tuple(name for name, _ in inputs.columns)
    kinds = [cast("Kind", kind) for _, kind in inputs.columns]
    wanted = ColumnTable(names, tuple(there.get(name, absent) for name in names), frame.rows)
    found: list[Problem] = []
    table = make_tables(ColumnTable(names, ([],) * len(names), 0), kinds, wanted, found)[1]
    problems += [Problem(problem.where.replace("x_test", where, 1), problem.reason) for problem in found]
    return table


def fit_texts(frame: ColumnTable, inputs: Inputs, where: str) -> Source:
    """The rows' texts, joined from the columns that the model was trained on. Raises DataError without any."""
    there = dict(zip(frame.names, frame.columns, strict=True))
    names = inputs.text_columns or frame.names
    picked = [texts_of(there[name]) for name in names if name in there]
    if not picked:
        raise DataError(f"{where}: expected the columns {names_text(names)}, found {names_text(frame.names)}")
    return MemorySource([Text("\n".join(row)) for row in zip(*picked, strict=True)])


def picked_chunks(source: Source, ids: Sequence[str], size: int = FILE_ROWS) -> Iterator[Chunk]:
    """A source in chunks."""
    for at in range(0, len(ids), size):
        rows = np.arange(at, min(at + size, len(ids)))
        yield Chunk(list(ids[at : at + size]), PickedSource(source, rows))


def _folder_chunks(root: Path, domain: DomainName, problems: list[Problem]) -> Iterator[Chunk]:
    files = list_files(root, problems)
    tests = [file for file in files if side_of(file) == "test"]
    # This is a whole data set: its new inputs are the test files.
    files = tests if tests and any(side_of(file) == "train" for file in files) else files
    if not files:
        raise DataError(f"{root}: expected files of the kind {domain}, found none")
    collection = Collection(root, files)
    if collection.domain != domain:
        raise DataError(
            f"{root}: expected inputs of the kind {domain}, found {collection.domain} ({collection.reason})"
        )
    kept = collection.keep(files, problems)
    return picked_chunks(collection.source(kept), [printable(file) for file in kept])


def _listed_chunks(path: Path, domain: DomainName, problems: list[Problem]) -> Iterator[Chunk]:
    """Files that a table names, in its folder or below; a missing one keeps its row."""
    there = _Files(path.parent)
    rows = stream_rows(path, ExpectedTable((), heading=above_files(there.has)), TABLE_ROWS, problems)
    first = next(rows.chunks, [])
    place = rows.names.index(there.column(rows, first))
    for chunk in _chain(first, rows.chunks):
        files = [row[place] for row in chunk]
        found = [there.find(file) for file in files]
        paths = [spelled or file for file, spelled in zip(files, found, strict=True)]
        missing = frozenset(file for file, spelled in zip(files, found, strict=True) if spelled is None)
        yield Chunk([printable(file) for file in files], FileSource(path.parent, paths, domain == "text", missing))


class _Files:
    """The files below the folder of a list, listed at the first name that is not spelled as they lie there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listing: Listing | None = None

    def find(self, name: str) -> str | None:
        """The file that a name means; None where it is missing, would lie outside, or may be one of several."""
        clean = inside(name)
        if not clean:
            return None
        if spelled := next((file for file in (clean, f"test/{clean}") if self._is_file(file)), None):
            return spelled
        if self._listing is None:
            problems: list[Problem] = []  # of folders that the user did not name
            self._listing = Listing(list_files(self._root, problems, _MOST_LISTED))
        file, reason = self._listing.look_up(name, "test")
        # Training files may be asked for as well, but come after those that were not learned.
        return self._listing.find(name, "train") if reason == MISSING else file

    def has(self, name: str) -> bool:
        """Whether a name means a file."""
        return self.find(name) is not None

    def column(self, rows: TableStream, cells: list[list[str]]) -> str:
        """The column that names files, by its name and by its cells in the first rows."""
        ordered = by_likelihood(rows.names)
        sample = cells[:: max(1, len(cells) // LOOKED_AT)][:LOOKED_AT]
        places = ((name, rows.names.index(name)) for name in ordered)
        named = (name for name, at in places if 0 < len(sample) <= 2 * sum(self.has(row[at]) for row in sample))
        return next(named, ordered[0])

    def _is_file(self, file: str) -> bool:
        try:
            return (self._root / file).is_file()
        except (OSError, ValueError):
            return False


def _table_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    lone = _lone_table(path)
    if lone is None:
        raise DataError(f"{path}: expected one table file (or test.csv among several), found no such file")
    return lone


def _lone_table(folder: Path) -> Path | None:
    """The `test` table of a folder, or the only table file in it."""
    suffixes = set(TABLE_SUFFIXES) - {".txt"}
    tables = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in suffixes and file.is_file()]
    test = [file for file in tables if file.stem.lower() == "test"]
    return test[0] if test else tables[0] if len(tables) == 1 else None


def _known(names: tuple[str, ...]) -> ExpectedTable:
    made = _are_made(names)
    return ExpectedTable(names, header=not made, heading=above_numbers if made else None)


def _are_made(names: Sequence[str]) -> bool:
    """Whether a model was trained on a table without a header: its columns are called by their places."""
    return bool(names) and all(map(_MADE_NAME.fullmatch, names))


def _names(rows: TableStream, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns; without a header in the file or in training, by place. Raises DataError for neither."""
    if not wanted or (rows.header and set(wanted) & set(rows.names)):
        return rows.names
    if _are_made(wanted) or not rows.header:
        if len(rows.names) == len(wanted):
            return wanted
        # The label may still be among them.
        if _are_made(wanted) and len(rows.names) > len(wanted):
            return tuple(f"column {place}" for place in range(1, len(rows.names) + 1))
    raise DataError(f"{rows.path}: expected the columns {names_text(wanted)}, found {names_text(rows.names)}")


def report_columns(where: str, names: Sequence[str], wanted: Sequence[str], problems: list[Problem]) -> None:
    """Report which columns are missing and which are not used. Raises DataError when none is there."""
    if not wanted:
        return
    if not set(names) & set(wanted):
        raise DataError(f"{where}: expected the columns {names_text(wanted)}, found {names_text(names)}")
    if missing := [name for name in wanted if name not in set(names)]:
        problems.append(Problem(where, f"columns missing, taken as empty: {names_text(missing)}"))
    if extra := [name for name in names if name not in set(wanted)]:
        problems.append(Problem(where, f"columns that the model does not know, not used: {names_text(extra)}"))


def _text_columns(rows: TableStream, wanted: tuple[str, ...], cells: list[list[str]]) -> tuple[str, ...]:
    if found := tuple(name for name in wanted if name in rows.names):
        return found
    lower = {name.lower(): name for name in reversed(rows.names)}
    if found := tuple(lower[name.lower()] for name in wanted if name.lower() in lower):
        return found
    if "text" in lower:
        return (lower["text"],)
    # Nothing shows which column is meant: take the one with the longest cells.
    lengths = [sum(len(row[place]) for row in cells) for place in range(len(rows.names))]
    return (rows.names[int(np.argmax(lengths))],)


def _frame(names: tuple[str, ...], cells: list[list[str]]) -> ColumnTable:
    return ColumnTable(names, tuple(map(list, zip(*cells, strict=True))), len(cells))


def _with_ids(rows: TableStream, make: Callable[[list[list[str]]], Source]) -> Iterator[Chunk]:
    number = 0
    for cells in rows.chunks:
        yield Chunk([str(number + i) for i in range(len(cells))], make(cells))
        number += len(cells)


def _chain(first: list[list[str]], rest: Iterator[list[list[str]]]) -> Iterator[list[list[str]]]:
    if first:
        yield first
    yield from rest
