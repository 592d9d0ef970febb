"""The entry point for new inputs: chunks of examples from AutoDL records, files or tables, for a trained model."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_format.autodl.metadata import FILE_NAME, read_metadata
from data_format.autodl.reader import is_autodl
from data_format.autodl.records import Records, open_records
from data_format.dataset import DomainName, Problem
from data_format.errors import DataError
from data_format.examples import Csr, Table
from data_format.input_spec import Inputs
from data_format.memory_source import MemorySource
from data_format.raw.archives import is_archive, remove_unpacked, unpack
from data_format.raw.layouts import past_packaging
from data_format.raw.new_data import TABLE_ROWS, Chunk, picked_chunks, raw_chunks

__all__ = ["Chunk", "new_chunks"]


def new_chunks(path: Path, domain: DomainName, inputs: Inputs, problems: list[Problem]) -> Iterator[Chunk]:
    """Examples of `path` in the form that a model of `domain` and `inputs` was trained on, in bounded chunks.

    path: a folder of files, a table file, a file that lists files, an AutoDL folder (its test records) or `test`
    within one, or an archive of any of these, which is unpacked while its chunks are read. What is wrong is added to
    `problems`. Raises DataError with one line where nothing fits.
    """
    try:
        if not path.exists():
            raise DataError(f"{path}: expected data to predict, found nothing there")
        if path.is_file() and is_archive(path):
            return _unpacked_chunks(path, domain, inputs, problems)
        if path.is_dir() and (subset := _subset(path)):
            return _record_chunks(subset, domain, inputs, problems)
        return raw_chunks(path, domain, inputs, problems)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _unpacked_chunks(path: Path, domain: DomainName, inputs: Inputs, problems: list[Problem]) -> Iterator[Chunk]:
    folder = unpack(path, problems)
    try:
        yield from new_chunks(past_packaging(folder), domain, inputs, problems)
    except DataError as error:
        # The temporary folder means nothing to anybody; the archive does.
        raise DataError(str(error).replace(str(folder), str(path))) from None
    finally:
        remove_unpacked(folder)


def _subset(path: Path) -> Path | None:
    """The folder with the test records: `path` itself, its `test`, or that of the one `*.data` folder in it."""
    if not is_autodl(path):
        return None
    if (path / FILE_NAME).is_file():
        return path
    inside = [path, *sorted(path.glob("*.data"))]
    found = [folder / "test" for folder in inside if (folder / "test" / FILE_NAME).is_file()]
    if len(found) != 1:
        raise DataError(f"{path}: expected one folder test/ with {FILE_NAME}, found {len(found)}")
    return found[0]


def _record_chunks(folder: Path, domain: DomainName, inputs: Inputs, problems: list[Problem]) -> Iterator[Chunk]:
    metadata = read_metadata(folder)
    if domain not in _domains(metadata.shape):
        shape = "×".join("?" if side <= 0 else str(side) for side in metadata.shape)
        raise DataError(f"{folder}: expected inputs of the kind {domain}, found records of the shape {shape}")
    records = open_records(folder, metadata, interleaved=True, problems=problems)
    ids = _ids(records)
    if domain != "tabular":
        yield from picked_chunks(records, ids)
        return
    for at in range(0, len(records), TABLE_ROWS):
        wanted = np.zeros(len(records), bool)
        wanted[at : at + TABLE_ROWS] = True
        table = fit_numbers(records.keep(wanted).table(), inputs, str(folder))
        yield Chunk(ids[at : at + TABLE_ROWS], MemorySource(table=table))


def _domains(shape: tuple[int, int, int, int]) -> tuple[DomainName, ...]:
    """The domains that records of a shape may have; a model of raw files need not follow the challenge's rule."""
    time, rows, columns, _ = shape
    if time == 1:
        return ("tabular",) if rows == 1 or columns == 1 else ("image",)
    return ("text", "speech") if rows == 1 and columns == 1 else ("video",)


def _ids(records: Records) -> list[str]:
    """The ids in the records where they all differ, else row numbers."""
    own: list[str] = []
    for index in range(len(records)):
        try:
            found = records.context(index).id
        except DataError:
            found = None
        # Ids must distinguish the rows, so one record without an id makes them all useless.
        if found is None:
            break
        own.append(str(found))
    whole = len(own) == len(records) and len(set(own)) == len(own)
    return own if whole else [str(row) for row in range(len(records))]


def fit_numbers(table: Table, inputs: Inputs, where: str) -> Table:
    """A table of numbers in the columns of the model: by name, by place where only the count is the same.

    Raises DataError where neither fits.
    """
    if inputs.sparse_columns:
        return replace(table, numbers=np.zeros((len(table), 0)), sparse=_sparse(table, inputs.sparse_columns))
    if not inputs.columns:  # a model of class frequencies needs no columns
        return Table(np.empty((len(table), 0)), (), np.empty((len(table), 0), object), ())
    dense = table if table.sparse is None else _dense(table)
    if dense.number_names == inputs.numbers:
        return dense
    place = {name: column for column, name in enumerate(dense.number_names)}
    if set(place) & set(inputs.numbers):
        # Records of varying width: columns beyond the widest row are missing.
        numbers = np.full((len(table), len(inputs.numbers)), np.nan)
        for column, name in enumerate(inputs.numbers):
            if name in place:
                numbers[:, column] = dense.numbers[:, place[name]]
    elif dense.numbers.shape[1] == len(inputs.numbers) and not inputs.words:
        numbers = np.asarray(dense.numbers)
    else:
        found = f"{len(dense.number_names)} columns of numbers"
        raise DataError(f"{where}: expected {len(inputs.columns)} columns as in training, found {found}")
    words = np.full((len(table), len(inputs.words)), "", object)
    return Table(numbers, inputs.numbers, words, inputs.words)


def _sparse(table: Table, width: int) -> Csr:
    if table.sparse is not None:
        return replace(table.sparse, n_columns=width)
    numbers = np.nan_to_num(np.asarray(table.numbers, np.float32))
    rows, columns = np.nonzero(numbers)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(table)))]).astype(np.int64)
    return Csr(indptr, columns.astype(np.int64), numbers[rows, columns], width)


def _dense(table: Table) -> Table:
    csr = table.sparse
    assert csr is not None
    numbers = np.zeros((len(table), csr.n_columns), np.float32)
    numbers[np.repeat(np.arange(len(table)), np.diff(csr.indptr)), csr.indices] = csr.values
    names = tuple(f"f{column}" for column in range(csr.n_columns))
    return Table(numbers, names, table.strings, table.string_names)
