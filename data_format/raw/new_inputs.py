"""New inputs for a model that was trained before: files, tables and texts without labels, as chunks of examples.

They are read as the training inputs were: columns are found by name (by place where a header is missing), typed as the
training cells were, and brought into their order; columns that are missing count as empty, others are left out.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from data_format.dataset import DomainName, Problem, Source
from data_format.errors import DataError
from data_format.examples import Table, Text
from data_format.inputs import Inputs
from data_format.memory import MemorySource
from data_format.raw.array_sources import PickedSource
from data_format.raw.array_tables import Column, Frame, make_tables
from data_format.raw.columns import Kind, texts_of
from data_format.raw.labels import names_text
from data_format.raw.media import Collection, FileSource
from data_format.raw.stream import Known, Rows, stream_rows
from data_format.raw.tablefiles import TABLE_SUFFIXES
from data_format.raw.walk import list_files, printable

TABLE_ROWS = 4096
FILE_ROWS = 1024
FILE_COLUMNS = ("file", "filename", "file_name", "filepath", "path", "image", "video", "audio", "sound")
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
        if domain == "text" and (table := _lone_table(path)):
            return text_chunks(table, inputs, problems)
        return _folder_chunks(path, domain, problems)
    if path.suffix.lower() in TABLE_SUFFIXES and (domain != "text" or path.suffix.lower() != ".txt"):
        return text_chunks(path, inputs, problems) if domain == "text" else _listed_chunks(path, domain, problems)
    return iter([Chunk([printable(path.name)], FileSource(path.parent, [path.name], domain == "text"))])


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
    rows = stream_rows(path, _known(inputs.text_columns or ("text",)), TABLE_ROWS, problems)
    first = next(rows.chunks, [])
    picked = _text_columns(rows, inputs.text_columns, first)
    again = replace(rows, chunks=_chain(first, rows.chunks))

    def made(cells: list[list[str]]) -> Source:
        places = [rows.names.index(name) for name in picked]
        return MemorySource([Text("\n".join(row[place] for place in places)) for row in cells])

    return _with_ids(again, made)


def fit_table(frame: Frame, inputs: Inputs, where: str, problems: list[Problem]) -> Table:
    """Rows in the columns of the model, typed as its training cells were; absent columns are empty.

    where: said of cells that are not of their column's kind.
    """
    if not inputs.columns:  # a model of class frequencies asks for nothing
        return Table(np.empty((frame.rows, 0)), (), np.empty((frame.rows, 0), object), ())
    there = dict(zip(frame.names, frame.columns, strict=True))
    absent: Column = [""] * frame.rows
    names = tuple(name for name, _ in inputs.columns)
    kinds = [cast("Kind", kind) for _, kind in inputs.columns]
    wanted = Frame(names, tuple(there.get(name, absent) for name in names), frame.rows)
    found: list[Problem] = []
    table = make_tables(Frame(names, ([],) * len(names), 0), kinds, wanted, found)[1]
    problems += [Problem(problem.where.replace("x_test", where, 1), problem.reason) for problem in found]
    return table


def fit_texts(frame: Frame, inputs: Inputs, where: str) -> Source:
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
    inside = [file for file in files if file.lower().startswith("test/")]
    trained = any(file.lower().startswith(("train/", "training/")) for file in files)
    # A whole data set is handed over: its new inputs are the test files.
    files = inside if inside and trained else files
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
    """Files that a table names, relative to its folder; a missing one keeps its row."""
    rows = stream_rows(path, _known(FILE_COLUMNS), TABLE_ROWS, problems)
    lower = {name.lower(): name for name in reversed(rows.names)}
    column = next((lower[name] for name in FILE_COLUMNS if name in lower), rows.names[0])
    place = rows.names.index(column)
    for chunk in rows.chunks:
        files = [row[place] for row in chunk]
        found = [_inside(path.parent, file) for file in files]
        missing = frozenset(file for file, there in zip(files, found, strict=True) if there is None)
        source = FileSource(
            path.parent, [there or file for file, there in zip(files, found, strict=True)], False, missing
        )
        yield Chunk([printable(file) for file in files], source)


def _inside(root: Path, file: str) -> str | None:
    """The file below the folder, or below its `test/`; None where it is missing or would lie outside."""
    clean = posixpath.normpath(file.strip().replace("\\", "/"))
    if clean.startswith(("/", "..")) or clean == ".":
        return None
    return next((option for option in (clean, f"test/{clean}") if (root / option).is_file()), None)


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


def _known(names: tuple[str, ...]) -> Known:
    return Known(names, header=not names or not all(map(_MADE_NAME.fullmatch, names)))


def _names(rows: Rows, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns; a file without a header has those of the model, by place. Raises DataError for neither."""
    if not wanted or set(wanted) & set(rows.names) and (len(rows.names) != len(wanted) or rows.header):
        return rows.names
    if not rows.header and len(rows.names) == len(wanted):
        return wanted
    raise DataError(f"{rows.path}: expected the columns {names_text(wanted)}, found {names_text(rows.names)}")


def report_columns(where: str, names: Sequence[str], wanted: Sequence[str], problems: list[Problem]) -> None:
    """Tell which columns are missing and which are not used. Raises DataError when none is there."""
    if not wanted:
        return
    if not set(names) & set(wanted):
        raise DataError(f"{where}: expected the columns {names_text(wanted)}, found {names_text(names)}")
    if missing := [name for name in wanted if name not in set(names)]:
        problems.append(Problem(where, f"columns missing, taken as empty: {names_text(missing)}"))
    if extra := [name for name in names if name not in set(wanted)]:
        problems.append(Problem(where, f"columns that the model does not know, not used: {names_text(extra)}"))


def _text_columns(rows: Rows, wanted: tuple[str, ...], cells: list[list[str]]) -> tuple[str, ...]:
    if found := tuple(name for name in wanted if name in rows.names):
        return found
    if named := [name for name in rows.names if name.lower() == "text"]:
        return (named[0],)
    # Nobody says which column is meant: the one with the longest cells.
    lengths = [sum(len(row[place]) for row in cells) for place in range(len(rows.names))]
    return (rows.names[int(np.argmax(lengths))],)


def _frame(names: tuple[str, ...], cells: list[list[str]]) -> Frame:
    return Frame(names, tuple(map(list, zip(*cells, strict=True))), len(cells))


def _with_ids(rows: Rows, make: Callable[[list[list[str]]], Source]) -> Iterator[Chunk]:
    number = 0
    for cells in rows.chunks:
        yield Chunk([str(number + i) for i in range(len(cells))], make(cells))
        number += len(cells)


def _chain(first: list[list[str]], rest: Iterator[list[list[str]]]) -> Iterator[list[list[str]]]:
    if first:
        yield first
    yield from rest
