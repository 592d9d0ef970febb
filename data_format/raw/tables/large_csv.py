"""A delimited file that is read line by line: its format by its beginning, then its rows, each once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.tables.csv_file import Grid, TableFormat, grid_of_text, quote_notes
from data_format.raw.tables.csv_quotes import Dialect, sniff_dialect, stream_records
from data_format.raw.text_encoding import TextLines, encoding_notes, encoding_of

_HEAD_BYTES = 1 << 20  # enough to detect separator, dialect and header


@dataclass(frozen=True)
class LongFile:
    """The grid of the first rows, and how all rows are read; `skipped` lines stand before the data."""

    head: Grid
    encoding: str
    dialect: Dialect
    skipped: int

    def rows(self, problems: list[Problem]) -> Iterator[list[str]]:
        """Data rows as they are, of any width; `problems` grows when they are over. Raises DataError."""
        path = self.head.path
        repaired: list[int] = []
        try:
            with TextLines(path, self.encoding) as lines:
                records = stream_records(lines, self.dialect, repaired)
                for _ in range(self.skipped):
                    next(records, None)
                yield from records
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
        problems += encoding_notes(path.name, self.encoding, lines.bad, "line")
        problems += quote_notes(path.name, repaired, self.skipped)


def open_long(path: Path, like: TableFormat | None = None) -> LongFile:
    """Look at the beginning; `like` is the training file as in `read_grid`. Raises DataError as that does."""
    try:
        encoding = encoding_of(path)
        with path.open("rb") as file:
            data = file.read(_HEAD_BYTES)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    # A row cut in the middle would look like one with too few cells.
    data = data[: data.rfind(b"\n") + 1] or data
    text = data.decode(encoding, errors="replace")
    head = grid_of_text(text, path, [], like)
    dialect = sniff_dialect(text, head.separator, head.blanks)
    return LongFile(head, encoding, dialect, text.startswith("sep=") + head.header)
