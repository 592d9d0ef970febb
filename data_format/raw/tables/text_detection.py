"""Text or table: what the columns of a table hold, with the reason in words.

A column of words is free text when its cells hold 3.5 words or more on average (two Chinese, Japanese or Korean
characters count as a word) and at least half of them differ. The file is a text collection when the free text outweighs
the rest: more words a row than there are other columns. A column named `text` that is not numbers always counts,
and so do words that mostly differ when there is no other column.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from data_format.raw.tables.column_types import Kind, is_missing
from data_format.raw.tables.csv_file import counted

TEXT_NAME = "text"
_SAMPLE = 1000
_MIN_WORDS = 3.5
_MIN_DIFFERENT = 0.5


@dataclass(frozen=True, slots=True)
class Prose:
    """Average words per cell, and the share of different cells, both over the cells that are not missing."""

    words: float
    different: float

    @property
    def free(self) -> bool:
        """Whether this is free text."""
        return self.words >= _MIN_WORDS and self.different >= _MIN_DIFFERENT


def measure(cells: Sequence[str]) -> Prose:
    """Look at up to 1,000 evenly spaced cells."""
    step = max(1, len(cells) // _SAMPLE)
    sample = [cell for cell in cells[::step] if not is_missing(cell)]
    if not sample:
        return Prose(0.0, 0.0)
    total = sum(len(cell.split()) + _wide_characters(cell) / 2 for cell in sample)
    return Prose(total / len(sample), len(set(sample)) / len(sample))


def text_columns(
    names: Sequence[str], kinds: Sequence[Kind], cells: Sequence[Sequence[str]]
) -> tuple[tuple[str, ...], str]:
    """Names of the text columns (empty: the file is a table) and the reason as a sentence.

    kinds and cells go with names; cells may be a sample of the rows.
    """
    found = {name: measure(column) for name, kind, column in zip(names, kinds, cells, strict=True) if kind == "word"}
    # Names are trusted for this one word only: everything else called "description" may be a code.
    named = [name for name in found if name.lower() == TEXT_NAME]
    if named:
        prose = found[named[0]]
        return tuple(named), f"column {named[0]!r} is text by its name, {prose.words:.1f} words a cell on average"
    free = [name for name, prose in found.items() if prose.free]
    others = len(names) - len(free)
    weight = sum(found[name].words for name in free)
    if free and weight > others:
        share = min(found[name].different for name in free)
        listed = ", ".join(map(repr, free))
        return tuple(free), (
            f"{listed}: free text, {weight:.1f} words a row on average and {share:.0%} of the cells different, "
            f"which outweighs {counted(others, 'other column')}"
        )
    if names and len(found) == len(names) and all(p.different >= _MIN_DIFFERENT for p in found.values()):
        return tuple(names), f"only words that mostly differ, in {counted(len(names), 'column')}"
    numbers = len(names) - len(found)
    return (), f"rows of {counted(numbers, 'column')} of numbers and {counted(len(found), 'column')} of words"


def _wide_characters(cell: str) -> int:
    if cell.isascii():
        return 0
    return sum(1 for char in cell if "\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3")
