"""A cell of a typed table as the text that a CSV file would hold."""

from datetime import date, datetime
from typing import Any


def cell_text(value: Any) -> str:
    """A typed value as a cell; dates in ISO form, lists with a separator after each element."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "".join(f"{cell_text(element)}{LIST_SEPARATOR}" for element in value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


LIST_SEPARATOR = "\x1f"
