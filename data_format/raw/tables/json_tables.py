"""A table that is one JSON document, as objects one a row: what pandas writes by `to_json`, and lists within an object.

By columns: `{"a": {"0": 1, "1": 2}, "b": …}` or `{"a": [1, 2], "b": …}`. By rows: `{"0": {"a": 1, "b": 3}, "1": …}`.
Split: `{"columns": ["a", "b"], "data": [[1, 3], [2, 4]]}`. Records under a name: `{"data": [{"a": 1, "b": 3}, …]}`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from data_format.errors import DataError
from data_format.raw.tables.header import unique_names

Row = dict[str, Any]
_TABLE_NAMES = ("data", "rows", "records", "examples", "items", "samples", "instances")


def rows_of_document(document: Row, where: str, one_a_line: bool = False) -> list[Row]:
    """The rows of an object that holds a table; any other object is a row itself.

    one_a_line: the file should hold an object a line, so that lists and objects in the only one are its cells, unless
    pandas alone would write them. Raises DataError, which begins with `where`, for parts that do not fit each other.
    """
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(data, list):
        return _split(columns, data, where)
    if one_a_line:
        return _by_columns(document, where) if _is_numbered_columns(document) else [document]
    if (records := _records(document, where)) is not None:
        return records
    values = list(document.values())
    if all(isinstance(value, dict) for value in values) and _is_by_rows(document):
        return values
    if values and all(isinstance(value, dict | list) for value in values):
        return _by_columns(document, where)
    return [document]


def _is_numbered_columns(document: Row) -> bool:
    """Whether a document holds several objects whose names are row numbers, as pandas writes columns."""
    values = document.values()
    return len(values) > 1 and all(isinstance(value, dict) and all(map(str.isdecimal, value)) for value in values)


def _records(document: Row, where: str) -> list[Row] | None:
    """The one array of objects in a document that is its table; None where there is none."""
    tables = {name: value for name, value in document.items() if _is_records(value)}
    # Beside anything else, records are the table only by their name: a row may hold lists of objects, too.
    name = next((name for name in (*_TABLE_NAMES, *document) if name in tables), None)
    if name is not None and (name in _TABLE_NAMES or len(document) == 1):
        return _without_index(document, tables[name])
    if len(tables) > 1 and len(tables) == len(document):
        raise DataError(f"{where}: expected one table, found {len(tables)}: {', '.join(map(repr, list(tables)[:5]))}")
    return None


def _split(names: Sequence[Any], data: Sequence[Any], where: str) -> list[Row]:
    unique = unique_names(names)
    odd = [row for row in data if not isinstance(row, list) or len(row) != len(unique)]
    if odd:
        raise DataError(f'{where}: expected lists of {len(unique)} values under "data", found {str(odd[0])[:60]}')
    return [dict(zip(unique, row, strict=True)) for row in data]


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _without_index(document: Row, rows: list[Row]) -> list[Row]:
    """The rows without the numbers that pandas adds in its form "table", whose schema names them."""
    schema = document.get("schema")
    if isinstance(schema, dict) and schema.get("primaryKey") == ["index"]:
        return [{name: cell for name, cell in row.items() if name != "index"} for row in rows]
    return rows


def _is_by_rows(document: Mapping[str, Row]) -> bool:
    """Whether only the outer names are numbers: those of rows, as the inner ones are of columns."""
    inner = {name for value in document.values() for name in value}
    return all(map(str.isdecimal, document)) and not all(map(str.isdecimal, inner))


def _by_columns(document: Mapping[str, Any], where: str) -> list[Row]:
    """Rows of columns that are lists, or objects with the same names of rows."""
    columns = {name: list(value.values() if isinstance(value, dict) else value) for name, value in document.items()}
    named = [value for value in document.values() if isinstance(value, dict)]
    if any(value.keys() != named[0].keys() for value in named):
        raise DataError(f"{where}: expected columns with the same rows, found {_lengths(columns)}")
    # Every column has the order of the first, whatever its own.
    columns |= {name: [value[row] for row in named[0]] for name, value in document.items() if isinstance(value, dict)}
    if len(set(map(len, columns.values()))) > 1:
        raise DataError(f"{where}: expected columns of one length, found {_lengths(columns)}")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _lengths(columns: Mapping[str, Sequence[Any]]) -> str:
    return ", ".join(f"{len(cells)} in {name!r}" for name, cells in list(columns.items())[:5])
