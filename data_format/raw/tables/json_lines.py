"""JSON lines (one object a line), one JSON array of objects, or one object that holds a table, as a `Grid`.

Cells keep the spelling that JSON gives them (`true`, `1e3`, `1.0`); null is an empty cell. The values of a
list are separated by a character that no text holds, so that a list of labels stays a list.
"""

import json
from pathlib import Path
from typing import Any

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.cell_text import LIST_SEPARATOR
from data_format.raw.tables.csv_file import Grid, counted, rows_text
from data_format.raw.tables.header import unique_names
from data_format.raw.tables.json_tables import rows_of_document
from data_format.raw.text_encoding import decode_counted, encoding_notes

_LINE_SUFFIXES = (".jsonl", ".ndjson")
_MAX_PROBLEMS = 1000  # line numbers that are listed; all are counted


def read_json_lines(path: Path) -> Grid:
    """Read the file; a line that is no object is left out and counted. Raises DataError when no line is one."""
    text, encoding, bad_bytes = decode_counted(path.read_bytes())
    problems = encoding_notes(path.name, encoding, bad_bytes)
    document = _document(text)
    if document is None:
        objects, bad = _objects(text)
    else:
        objects, bad = rows_of_document(document, str(path), path.suffix.lower() in _LINE_SUFFIXES), []
    if bad:
        what = f"{counted(len(bad), 'line')} not a JSON object, not used"
        problems.append(Problem(rows_text(path.name, bad[:_MAX_PROBLEMS]), what))
    if not objects:
        raise DataError(f"{path}: expected JSON objects, one a line, found none in {counted(len(bad), 'line')}")
    names = list(dict.fromkeys(name for row in objects for name in row))
    rows = [[_cell(row.get(name)) for name in names] for row in objects]
    return Grid(path, unique_names(names), rows, True, ",", problems)


def _document(text: str) -> dict[str, Any] | None:
    """The one object that the whole text is; None for lines of objects, an array, and what is no JSON."""
    first, _, rest = text.strip().partition("\n")
    if not first.startswith("{") or (rest and _loaded(first) is not None):
        return None
    whole = _loaded(text)
    return whole if isinstance(whole, dict) else None


def _loaded(text: str) -> Any:
    try:
        # Numbers stay as they are spelled: class names must not change.
        return json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None


def _objects(text: str) -> tuple[list[dict[str, Any]], list[int]]:
    """The objects, and the numbers of the lines or elements that are none."""
    if text.lstrip().startswith("["):
        elements = _loaded(text)
        return _sorted_out(elements) if isinstance(elements, list) else ([], [0])
    # Not `splitlines`: a JSON string may hold U+2028 and other characters that it takes for the end of a line.
    return _sorted_out([_loaded(line) for line in text.replace("\r", "\n").split("\n") if line.strip()])


def _sorted_out(elements: list[Any]) -> tuple[list[dict[str, Any]], list[int]]:
    good = [element for element in elements if isinstance(element, dict)]
    return good, [i for i, element in enumerate(elements) if not isinstance(element, dict)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(element, str | bool) for element in value):
        # The separator ends the last value too, so that a list of one is still a list.
        return "".join(f"{_cell(element)}{LIST_SEPARATOR}" for element in value)
    return json.dumps(value, ensure_ascii=False)
