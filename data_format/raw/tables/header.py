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

    Yes when it holds a usual name of labels (`label`, `target` …, `label:<name>`); another usual name
    (`text`, `y` …) with no number beside it, or one beside 0, 1, 2, 3 … as pandas counts; a word above a column of
    numbers; or nothing but 0, 1, 2, 3 …. No when one of its cells is a number. In all of this a cell that stands
    again in its column below is no name.
    """
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    usual = _usual_names(first, rest)
    # Wavelengths, pixels and years are names too, where a label stands beside them.
    if usual & _LABEL_NAMES or any(name.startswith("label:") for name in usual):
        return True
    numbers = [cell for cell in first if is_number(cell)]
    if (usual or len(numbers) == len(first)) and _are_positions(numbers, len(first)):
        return True
    if has_word_above_numbers(first, rest):
        return True
    all_differ = len(set(first)) == len(first)
    return not numbers and all_differ and not any(_recurs(first, rest, place) for place in range(len(first)))


def has_word_above_numbers(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether a cell of the first row is a word and all cells below it, one at least, are numbers or missing."""
    for place, cell in enumerate(first):
        if is_missing(cell) or is_number(cell):
            continue
        below = [row[place] for row in rest if place < len(row) and not is_missing(row[place])]
        if below and all(map(is_number, below)):
            return True
    return False


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


def _usual_names(first: Sequence[str], rest: Sequence[Sequence[str]]) -> set[str]:
    """The usual names of columns in the first row, in small letters, that do not recur below."""
    found = {place: cell.lower() for place, cell in enumerate(first)}
    return {
        name
        for place, name in found.items()
        if (name in _KNOWN_NAMES or name.startswith("label:")) and not _recurs(first, rest, place)
    }


def _are_positions(numbers: Sequence[str], width: int) -> bool:
    """Whether the numbers in a first row are 0, 1, 2 …, as pandas names columns; a few cells may be so by chance."""
    return not numbers or (width >= 4 and list(numbers) == [str(place) for place in range(len(numbers))])


def _recurs(first: Sequence[str], rest: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a cell of the first row occurs again in its column."""
    cell = first[place]
    return bool(cell) and any(place < len(row) and row[place].strip() == cell for row in rest)
