"""Types of option values that commands share."""

import re
from typing import Any

import click

SECONDS = click.FloatRange(min=0, min_open=True)
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class MemorySize(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A number of bytes with an optional unit: 800M, 2G, 1.5G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Text to bytes; click shows the message of `fail`."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", str(value).strip(), re.IGNORECASE)
        if not match or float(match[1]) <= 0:
            self.fail(f"a size such as 800M or 2G expected, found {value!r}", param, ctx)
        return int(float(match[1]) * UNITS[match[2].upper()])


def names_of(text: str) -> tuple[str, ...]:
    """The names in "a,b,c", blanks and empty ones left out."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
