"""The options about reading raw data that commands share."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--domain",
        type=click.Choice(["image", "video", "speech", "text", "tabular"]),
        help="What the examples are.  [default: by content]",
    ),
    click.option("--label", metavar="COLUMN", help="Label column, or several 0/1 columns separated by commas."),
    click.option("--text-column", metavar="COLUMN", help="Column of a table that holds the text."),
    click.option(
        "--test-share",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        metavar="SHARE",
        help="Part of the rows that is held out where there are no test rows.  [default: 0.2]",
    ),
    click.option("--multi-label-separator", metavar="SIGN", help="What stands between class names in one label cell."),
)


def reading_options(command: Function) -> Function:
    """Add the options about raw data to a command, which gets them as one argument `reading`, a ReadOptions."""

    @wraps(command)
    def with_reading(
        *args: Any,
        domain: Any,
        label: str | None,
        text_column: str | None,
        test_share: float | None,
        multi_label_separator: str | None,
        **others: Any,
    ) -> Any:
        from data_format.raw.options import ReadOptions

        reading = ReadOptions(domain, label, text_column, test_share, multi_label_separator)
        return command(*args, reading=reading, **others)

    decorated: Any = with_reading
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
