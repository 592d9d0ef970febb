"""One table in one file, whatever its format: delimited text, JSON lines, ARFF, Parquet or an Excel sheet, as a `Grid`.

The content tells the format. Parquet needs the package pyarrow (extra `parquet`), Excel openpyxl (extra `xlsx`).
"""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.cell_text import cell_text
from data_format.raw.tables.arff import read_arff
from data_format.raw.tables.csv_file import Grid, TableFormat, grid_of_text, read_grid
from data_format.raw.tables.header import filled_width, unique_names
from data_format.raw.tables.json_lines import read_json_lines
from data_format.raw.tables.parquet import read_whole, without_index
from data_format.raw.text_encoding import decode

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".arff", ".parquet", ".pq", ".xlsx")
_JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
_HEAD = 4096
_SAMPLE_BYTES = 1 << 18  # some thousand rows: to know a column by its first cells, no whole file need be read


def read_table(path: Path, like: TableFormat | None = None) -> Grid:
    """Read a table; `like` is the training file that a test file goes with. Raises DataError as `read_grid` does."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if head.startswith(b"PAR1"):
        return _read_parquet(path)
    if head.startswith(b"PK\x03\x04") and is_workbook(path):
        return _read_workbook(path)
    if path.suffix.lower() in _JSON_SUFFIXES:
        return read_json_lines(path)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    # A CSV file may begin with a brace in its heading, so its name counts more than its content.
    if start.startswith((b'{"', b"{ ", b'[{"', b"[\n", b"[ ", b"{\n")) and path.suffix.lower() not in (".csv", ".tsv"):
        return read_json_lines(path)
    if path.suffix.lower() == ".arff" or (start[:9].lower() == b"@relation" or start.startswith(b"%")):
        return read_arff(path)
    return read_grid(path, like)


def first_rows(path: Path, most_bytes: int | None = None) -> Grid:
    """The first rows of a table without reading all of it, where it is delimited text. Raises DataError."""
    if is_binary(path):
        return read_table(path)
    with path.open("rb") as file:
        head = file.read(most_bytes or _SAMPLE_BYTES)
    return grid_of_text(decode(head[: head.rfind(b"\n") + 1] or head)[0], path, [])


def is_binary(path: Path) -> bool:
    """Whether a file is a Parquet file, a workbook or JSON lines rather than delimited text."""
    with path.open("rb") as file:
        head = file.read(4)
    return head.startswith((b"PAR1", b"PK", b"{", b"[", b"@")) or path.suffix.lower() == ".arff"


def is_workbook(path: Path) -> bool:
    """Whether a zip file is an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _read_parquet(path: Path) -> Grid:
    table, problems = without_index(read_whole(path), path)
    columns = [[cell_text(value) for value in column.to_pylist()] for column in table.columns]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return _grid(path, table.column_names, rows, problems)


def _read_workbook(path: Path) -> Grid:
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{path}: an Excel file needs the package openpyxl, found none (pip install 'autodl-agent[xlsx]')"
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever its XML parser raises
        raise DataError(f"{path}: expected an Excel workbook, found {error}") from None
    try:
        sheet, *others = book.worksheets
        # The size that a sheet claims may be missing or that of a single cell; writers of streams do not know it.
        sheet.reset_dimensions()
        rows = [[cell_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    finally:
        book.close()
    rows = _squared([row for row in rows if any(row)])
    if len(rows) < 2:
        raise DataError(f"{path}: expected a header and rows in the first sheet, found {len(rows)} rows")
    notes = [Problem(path.name, f"{len(others)} further sheets, not used")] if others else []
    return _grid(path, rows[0], rows[1:], notes)


def _squared(rows: list[list[str]]) -> list[list[str]]:
    """Rows of a sheet, each as long as the longest, without columns at the end that have neither a name nor a cell."""
    width = max(map(len, rows), default=0)
    width = filled_width(width, rows[0], rows[1:]) if rows else 0
    return [(row + [""] * (width - len(row)))[:width] for row in rows]


def _grid(path: Path, names: Iterable[str], rows: list[list[str]], problems: list[Problem]) -> Grid:
    unique = unique_names(names)
    if not rows:
        raise DataError(f"{path}: expected rows of a table, found none under {len(unique)} columns")
    return Grid(path, unique, rows, True, ",", problems)
