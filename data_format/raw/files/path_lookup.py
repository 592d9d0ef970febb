"""Finds the existing files that a list names, however it spells them.

Looked for as spelled (as it is, beside the list, below `train/` or `test/`; other slashes and Unicode forms allowed),
then by its end below any folder, then without a suffix, then without regard to case. Where a step finds several
files, the name is ambiguous and means none. A name that leads out of the data set is never found.
"""

import posixpath
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from data_format.raw.file_names import FILE_SUFFIXES, Side, by_likelihood, inside, is_media, side_of, suffix
from data_format.raw.walk import printable

MISSING = "missing file"
LOOKED_AT = 50  # cells of a column that may name files
_Index = dict[str, list[tuple[str, str]]]


class Listing:
    """The files below one folder, by their paths relative to it."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = files
        self._there = frozenset(files)
        self._normal: dict[str, str] = {}
        self._indices: dict[tuple[bool, bool], _Index] = {}
        self._tops: frozenset[str] = frozenset()

    def find(self, name: str, side: Side, home: str = "") -> str | None:
        """The file that `name` means in a list that lies in the folder `home`, None where it is missing."""
        return self.look_up(name, side, home)[0]

    def look_up(self, name: str, side: Side, home: str = "") -> tuple[str | None, str]:
        """The file that is meant and "", or None and the reason."""
        # Nearly always it is spelled as it is; the slower look-ups are built at the first miss.
        for spelled in (f"{home}/{name}" if home else name, name, f"{side}/{name}"):
            if spelled in self._there:
                return spelled, ""
        if not self._normal:
            self._normal = {unicodedata.normalize("NFC", file): file for file in self.files}
        name = unicodedata.normalize("NFC", name.replace("\\", "/"))
        clean = inside(name)
        # Beside the list `../` may lead to another folder of the data set; anywhere else it leads out.
        beside = inside(f"{home}/{name.strip()}") if home else ""
        places = [place for place in (beside, clean, clean and f"{side}/{clean}") if place]
        for place in places:
            if place in self._normal:
                return self._normal[place], ""
        if not clean:
            return None, MISSING
        for fold in (False, True):
            for bare in (False, True):
                if hits := self._ending(clean, places, side, bare, fold):
                    return (hits[0], "") if len(hits) == 1 else (None, _ambiguous(hits))
        return None, MISSING

    def names_most(self, cells: Sequence[str], side: Side, home: str = "") -> bool:
        """Whether half of the cells or more mean existing files, also several at once."""
        # Evenly spaced: a count 0, 1, 2 … may hit a few files by chance, at its beginning above all.
        sample = cells[:: max(1, len(cells) // LOOKED_AT)][:LOOKED_AT]
        found = sum(self.look_up(cell, side, home)[1] != MISSING for cell in sample)
        return found > 0 and found * 2 >= len(sample)

    def _ending(self, clean: str, places: Sequence[str], side: Side, bare: bool, fold: bool) -> list[str]:
        """Files whose path ends as a listed name does; bare: but for their suffix; fold: in any letter case."""
        tail = clean.casefold() if fold else clean
        entries = _on_side(self._index(bare, fold).get(tail.rpartition("/")[2], ()), side)
        exact = {place.casefold() if fold else place for place in places}
        if hits := _likeliest(file for key, file in entries if key in exact):
            return hits
        while not (hits := _likeliest(file for key, file in entries if key == tail or key.endswith(f"/{tail}"))):
            # The list may have been written for a folder further up; but a folder that exists is meant.
            top, slash, tail = tail.partition("/")
            if not slash or top in self._folders():
                return []
        return hits

    def _index(self, bare: bool, fold: bool) -> _Index:
        """Paths, as they are compared, with their files, by their last part."""
        if (bare, fold) not in self._indices:
            index: _Index = {}
            for path, file in self._normal.items():
                if bare and suffix(path) not in FILE_SUFFIXES:
                    continue
                key = posixpath.splitext(path)[0] if bare else path
                key = key.casefold() if fold else key
                index.setdefault(key.rpartition("/")[2], []).append((key, file))
            self._indices[bare, fold] = index
        return self._indices[bare, fold]

    def _folders(self) -> frozenset[str]:
        if not self._tops:
            tops = [path.partition("/")[0] for path in self._normal if "/" in path]
            self._tops = frozenset((*tops, *map(str.casefold, tops)))
        return self._tops


def file_column(
    names: Sequence[str], cells: Callable[[str], Sequence[str]], listing: Listing, side: Side, home: str = ""
) -> str:
    """The column of a list that names files: the likeliest by its name among those whose cells do, else by name alone.

    cells: returns cells of a column.
    """
    ordered = by_likelihood(names)
    return next((name for name in ordered if listing.names_most(cells(name), side, home)), ordered[0])


def home_of(root: Path, table: Path) -> str:
    """The folder of a list as a path below the data set, "" for the data set itself."""
    home = table.parent.relative_to(root).as_posix()
    return "" if home == "." else home


def _on_side(entries: Sequence[tuple[str, str]], side: Side) -> list[tuple[str, str]]:
    """Files that a list of one side may mean: names are given twice where train and test are numbered alike."""
    if side == "train":
        return [entry for entry in entries if side_of(entry[1]) != "test"]
    tests = [entry for entry in entries if side_of(entry[1]) == "test"]
    return tests or [entry for entry in entries if side_of(entry[1]) != "train"]


def _likeliest(files: Iterable[str]) -> list[str]:
    """An image before the caption of the same name."""
    found = list(files)
    return [file for file in found if is_media(file)] or found


def _ambiguous(hits: Sequence[str]) -> str:
    return f"{MISSING}: the name fits {len(hits)} files, such as {printable(hits[0])!r}"
