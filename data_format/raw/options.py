"""What the user may state about raw data where their content would decide otherwise."""

from dataclasses import dataclass
from typing import get_args

from data_format.dataset import DomainName
from data_format.errors import DataError


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Overrides for reading raw data; a field left at None means that the content decides.

    domain: what the examples are. label: the label column, or several 0/1 columns separated by commas. text_column: the
    column that holds the text. test_share: share of the rows, between 0 and 1, that our own split holds out.
    multi_label_separator: the text between class names in one label cell. Raises DataError for values out of range.
    """

    domain: DomainName | None = None
    label: str | None = None
    text_column: str | None = None
    test_share: float | None = None
    multi_label_separator: str | None = None

    def __post_init__(self) -> None:
        if self.domain is not None and self.domain not in get_args(DomainName):
            raise DataError(f"domain: expected one of {', '.join(get_args(DomainName))}, found {self.domain!r}")
        if self.test_share is not None and not 0 < self.test_share < 1:
            raise DataError(f"test share: expected a number between 0 and 1, found {self.test_share}")
        if self.multi_label_separator == "":
            raise DataError(
                f"multi-label separator: expected one or more characters, found {self.multi_label_separator!r}"
            )
        if self.text_column is not None and self.domain not in (None, "text"):
            raise DataError(f"text column {self.text_column!r}: expected the domain text, found {self.domain!r}")


AS_FOUND = ReadOptions()
