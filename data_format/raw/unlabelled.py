"""Data without labels, as the challenge's toolkit takes them for prediction: files or rows in a fixed order.

Files with one headerless `*data*.csv` that lists their names give one row a line of the list, a missing file included;
files without a list come in the order of their sorted paths. A table without labels has all its columns as features.
Texts are one a line of `unlabelled.data`; the `train.data` beside it gives the vocabulary's beginning.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_format.dataset import Dataset, DomainName, Problem, Source, Split
from data_format.errors import DataError
from data_format.examples import Text
from data_format.memory_source import MemorySource
from data_format.raw.arrays.tables import ColumnTable, kinds_of, make_tables, sample_of
from data_format.raw.challenges.autonlp import read_solution, read_texts
from data_format.raw.files.media import Collection
from data_format.raw.labels import declared_names, names_text
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.tables.csv_file import counted
from data_format.raw.tables.formats import TABLE_SUFFIXES, read_table
from data_format.raw.tables.index_columns import row_number_notes, row_numbers
from data_format.raw.tables.text_detection import text_columns
from data_format.raw.text_encoding import decode
from data_format.raw.walk import list_files, printable

_TEXTS = "unlabelled.data"
Shape = tuple[int, int, int, int]


def open_unlabelled(path: Path, options: ReadOptions = AS_FOUND, output_dim: int | None = None) -> Dataset:
    """Open data without labels; all rows are test rows, and training is empty or only what a vocabulary needs.

    output_dim: number of classes; else that of `label.name`, or of `train.solution` beside texts. Raises DataError
    where it is unknown, or nothing can be read.
    """
    problems: list[Problem] = []
    if path.is_file():
        from data_format.raw.archives import is_archive, unpack

        if not is_archive(path):
            return _table(path, path.parent, options, output_dim, problems)
        path = unpack(path, problems)
    if not path.is_dir():
        raise DataError(f"{path}: expected a folder or a file without labels, found nothing there")
    if (path / _TEXTS).is_file():
        return _texts(path, output_dim, problems)
    return _folder(path, options, output_dim, problems)


def _folder(path: Path, options: ReadOptions, output_dim: int | None, problems: list[Problem]) -> Dataset:
    """A folder of files, with or without a list of them, or of nothing but a table."""
    files = [file for file in list_files(path, problems) if not file.endswith((".name", ".info"))]
    tables = [file for file in files if "/" not in file and Path(file).suffix.lower() in TABLE_SUFFIXES]
    lists = [file for file in tables if "data" in Path(file).stem.lower() and file.lower().endswith(".csv")] or tables
    others = [file for file in files if file not in tables]
    if not others and len(lists) == 1:
        return _table(path / lists[0], path, options, output_dim, problems)
    listed = _listed(path / lists[0], files) if len(lists) == 1 else None
    return _files(path, listed or others or files, frozenset(files), options, output_dim, problems)


def _listed(path: Path, files: Sequence[str]) -> list[str] | None:
    """The names in a list, one a line, where most of them name existing files; else None."""
    lines = [line.strip().replace("\\", "/") for line in decode(path.read_bytes())[0].splitlines() if line.strip()]
    there = frozenset(files)
    # A first line that names no file, above lines that do, is a header.
    if len(lines) > 1 and lines[0] not in there and lines[1] in there:
        lines = lines[1:]
    return lines if sum(line in there for line in lines) * 2 >= max(1, len(lines)) else None


def _files(
    root: Path,
    rows: Sequence[str],
    there: frozenset[str],
    options: ReadOptions,
    output_dim: int | None,
    problems: list[Problem],
) -> Dataset:
    present = [row for row in rows if row in there]
    if not present:
        raise DataError(f"{root}: expected files without labels, found none")
    collection = Collection(root, present, options)
    missing = frozenset(rows).difference(there)
    problems += [Problem(printable(row), "missing file") for row in rows if row in missing]
    kept = frozenset(collection.keep(present, problems))
    chosen = [row for row in rows if row in kept or row in missing]
    found = (collection.domain, collection.reason)
    sources = collection.source([]), collection.source(chosen, missing)
    return _dataset(root, found, collection.shape(present), sources, list(map(printable, chosen)), output_dim, problems)


def _table(path: Path, root: Path, options: ReadOptions, output_dim: int | None, problems: list[Problem]) -> Dataset:
    grid = read_table(path)
    problems += grid.problems
    counts = row_numbers(grid)
    problems += row_number_notes(path.name, grid.names, counts)
    names = tuple(name for name in grid.names if name not in counts) or grid.names
    frame = ColumnTable(names, tuple(map(grid.column, names)), len(grid.rows))
    kinds = kinds_of(frame)
    texts, reason = text_columns(frame.names, kinds, sample_of(frame))
    if options.text_column is not None:
        if options.text_column not in frame.names:
            raise DataError(f"{path}: expected a column {options.text_column!r}, found {names_text(frame.names)}")
        texts, reason = (options.text_column,), "asked for as text"
    ids = [str(i) for i in range(frame.rows)]
    if options.domain == "tabular" or not texts:
        tables = make_tables(frame, kinds, frame, problems)
        sources = MemorySource(table=tables[0]), MemorySource(table=tables[1])
        return _dataset(root, ("tabular", reason), (1, 1, len(frame.names), 1), sources, ids, output_dim, problems)
    cells = [grid.column(name) for name in texts]
    whole = MemorySource([Text("\n".join(row)) for row in zip(*cells, strict=True)])
    return _dataset(root, ("text", reason), (-1, 1, 1, 1), (MemorySource(), whole), ids, output_dim, problems)


def _texts(root: Path, output_dim: int | None, problems: list[Problem]) -> Dataset:
    train = read_texts(root / "train.data") if (root / "train.data").is_file() else []
    if output_dim is None and (root / "train.solution").is_file():
        output_dim = read_solution(root / "train.solution").shape[1]
    rows = read_texts(root / _TEXTS)
    sources = MemorySource([Text(text) for text in train]), MemorySource([Text(text) for text in rows])
    reason = f"{counted(len(rows), 'line')} of {_TEXTS}"
    ids = [str(i) for i in range(len(rows))]
    return _dataset(root, ("text", reason), (-1, 1, 1, 1), sources, ids, output_dim, problems)


def _dataset(
    root: Path,
    domain: tuple[DomainName, str],
    shape: Shape,
    sources: tuple[Source, Source],
    ids: list[str],
    output_dim: int | None,
    problems: list[Problem],
) -> Dataset:
    names = declared_names(root)
    if output_dim is None and not names:
        raise DataError(f"{root}: expected the number of classes (an option, or a file label.name), found neither")
    classes = names if output_dim in (None, len(names)) else tuple(map(str, range(output_dim or 0)))
    train, test = (np.zeros((len(source), len(classes)), np.float32) for source in sources)
    return Dataset(
        name=root.resolve().name,
        path=root,
        class_names=classes,
        shape=shape,
        train=Split([str(i) for i in range(len(train))], train, sources[0]),
        test=Split(ids, test, sources[1]),
        domain=domain,
        problems=problems,
    )
