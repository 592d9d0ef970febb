"""Whether a table holds data of its own (free text, measurements) or nothing but names of files and their labels."""

from collections.abc import Callable, Sequence
from pathlib import Path

from data_format.errors import DataError
from data_format.raw.file_names import by_likelihood, is_file_column, like_files
from data_format.raw.labels import find_labels
from data_format.raw.options import AS_FOUND, ReadOptions
from data_format.raw.tables.column_types import is_missing, is_number
from data_format.raw.tables.csv_file import Grid
from data_format.raw.tables.text_detection import TEXT_NAME, Prose, measure

_SAMPLE = 200  # rows
_COLUMNS = 200
_FRACTIONS = 10  # columns of fractions that make a table of features, whether the files that it names exist or not
_NUMBERS = 3  # columns of numbers that make one where the files are not there


def sample_cells(cells: Sequence[str]) -> list[str]:
    """Up to 200 evenly spaced cells, those that are missing left out."""
    spaced = cells[:: max(1, len(cells) // _SAMPLE)][:_SAMPLE]
    return [cell.strip() for cell in spaced if not is_missing(cell)]


def data_columns(grid: Grid, options: ReadOptions = AS_FOUND, labelled: bool = True) -> dict[str, list[str]]:
    """Some cells of each column (the first 200) that is no label; labelled: whether there is any."""
    try:
        labels = find_labels(grid, options=options).columns if labelled else ()
    except DataError:
        labels = ()
    names = [name for name in grid.names if name.lower() == TEXT_NAME or name not in labels]
    return {name: sample_cells(grid.column(name)) for name in names[:_COLUMNS]}


def is_measured(columns: dict[str, list[str]]) -> bool:
    """Whether a table holds many measurements: features computed from the files that it names."""
    return len(columns) > _FRACTIONS and sum(map(_is_fraction, columns.values())) >= _FRACTIONS


def has_prose(columns: dict[str, list[str]]) -> bool:
    """Whether a column holds free text."""
    return any(_is_prose(name, cells) for name, cells in columns.items())


def refuse_lost_files(
    path: Path, features: Sequence[str], cells_of: Callable[[str], Sequence[str]], options: ReadOptions = AS_FOUND
) -> None:
    """Raise DataError for a table of nothing but file names: they do not exist, or it would have been read as a list.

    features: the columns of `path` beside the labels. cells_of: gives some cells of a column.
    """
    asked = options.domain in ("tabular", "text") or options.text_column is not None
    # Nearly all tables are known by their names alone.
    if asked or not (len(features) == 1 or any(map(is_file_column, features))):
        return
    cells = {name: sample_cells(cells_of(name)) for name in features[:_COLUMNS]}
    column = next((name for name in by_likelihood(list(cells)) if like_files(cells[name])), None)
    if column is None or not (is_file_column(column) or len(features) == 1):
        return
    if has_prose(cells) or sum(map(_varies, cells.values())) >= _NUMBERS:
        return
    raise DataError(
        f"{path}: expected the files that column {column!r} names, such as {cells[column][0]!r}, below "
        f"{path.parent}, found none or few of them (--domain text reads the names themselves)"
    )


def _is_prose(name: str, cells: Sequence[str]) -> bool:
    """Whether a column is text, by its name or by words of letters; numbers in brackets and file names are not."""
    if not cells or like_files(cells) or all(map(is_number, cells)):
        return False
    letters = ["".join(char if char.isalpha() else " " for char in cell) for cell in cells]
    return name.lower() == TEXT_NAME or Prose(measure(letters).words, measure(cells).different).free


def _is_fraction(cells: Sequence[str]) -> bool:
    numbers = [cell.replace(",", ".", 1) for cell in cells]
    return bool(cells) and all(map(is_number, numbers)) and not all(float(cell).is_integer() for cell in numbers)


def _varies(cells: Sequence[str]) -> bool:
    """Whether a column holds numbers, more than two different ones."""
    return len(set(cells)) > 2 and all(is_number(cell.replace(",", ".", 1)) for cell in cells)
