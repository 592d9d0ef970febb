"""The first row of a table: whether it holds the names of the columns, and what these are."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import count

from data_format.raw.tables.column_types import is_missing, is_number

_LABEL_NAMES = frozenset(("label", "labels", "target", "class"))
_KNOWN_NAMES = _LABEL_NAMES | {"text", "y", "file", "filename"}


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of `rows` holds names.

    Yes when it holds a usual name of labels (`label`, `target` …, `label:<name>`); another name that everybody uses
    (`text`, `y` …) with no number beside it, or one beside 0, 1, 2, 3 … as pandas counts; a word above a column of
    numbers; or nothing but 0, 1, 2, 3 …. No when one of its cells is a number. In all of this a cell that stands
    again in its column below is no name.
    """
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    counting = [cell for cell in first if is_number(cell)]
    names = _fresh(_KNOWN_NAMES, first, rest)
    # Wavelengths, pixels and years are names too, where a label stands beside them.
    if names & _LABEL_NAMES or any(name.startswith("label:") for name in names):
        return True
    counted = counting == [str(i) for i in range(len(counting))] and (not counting or len(first) >= 4)
    if counted and (names or len(counting) == len(first)):
        return True
    for position, cell in enumerate(first):
        below = [row[position] for row in rest if position < len(row) and not is_missing(row[position])]
        if cell and not is_missing(cell) and not is_number(cell) and below and all(map(is_number, below)):
            return True
    if counting or len(set(first)) < len(first):
        return False
    return not any(_again(first, rest, position) for position in range(len(first)))


def unique_names(header: Iterable[object]) -> tuple[str, ...]:
    """The column names of a table in any format, each of them once.

    Names are stripped. A column without a name is called by its place (`column 3`), the second of one name `name.2`,
    the third `name.3`; a number is passed over where the file itself has a column of that name.
    """
    written = [str(name).strip() for name in header]
    taken = set(filter(None, written))
    # A name that stands in the file belongs to the first column that bears it.
    unclaimed = set(taken)
    numbers: defaultdict[str, Iterator[int]] = defaultdict(partial(count, 2))
    names = []
    for place, name in enumerate(written, 1):
        unique = base = name or f"column {place}"
        if name in unclaimed:
            unclaimed.remove(name)
        elif base in taken:
            unique = next(numbered for n in numbers[base] if (numbered := f"{base}.{n}") not in taken)
        taken.add(unique)
        names.append(unique)
    return tuple(names)


def filled_width(width: int, header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How many of `width` columns are left without those at the end that have no name and no cell.

    A separator behind the last cell, and cells that a sheet only coloured, make such columns.
    """
    while width > 1 and not "".join(header[width - 1 : width]).strip():
        if any(len(row) >= width and row[width - 1].strip() for row in rows):
            break
        width -= 1
    return width


def _fresh(known: frozenset[str], first: Sequence[str], rest: Sequence[Sequence[str]]) -> set[str]:
    """The known names in the first row, in small letters, that do not stand again below."""
    found = {position: cell.lower() for position, cell in enumerate(first)}
    return {
        name
        for position, name in found.items()
        if (name in known or name.startswith("label:")) and not _again(first, rest, position)
    }


def _again(first: Sequence[str], rest: Sequence[Sequence[str]], position: int) -> bool:
    """Whether the cell of the first row stands again below it."""
    cell = first[position]
    return bool(cell) and any(position < len(row) and row[position].strip() == cell for row in rest)
