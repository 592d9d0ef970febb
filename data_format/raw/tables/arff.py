"""ARFF (Weka) as a `Grid`: `@attribute` lines name the columns, `@data` rows are dense or sparse (`{0 1, 3 x}`).

Format: https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/
"""

import csv
import re
from pathlib import Path

from data_format.dataset import Problem
from data_format.errors import DataError
from data_format.raw.tables.csv_file import Grid, counted, rows_text
from data_format.raw.tables.header import unique_names
from data_format.raw.text_encoding import decode_counted, encoding_notes

_ATTRIBUTE = re.compile(r"@attribute\s+('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s{]+)\s*(.*)", re.IGNORECASE)
_FIRST_LEVEL = re.compile(r"\s*\{\s*('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^,}]*)")
_PAIR = re.compile(r"\s*(\d+)\s+('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^,]*)\s*(?:,|$)")


def read_arff(path: Path) -> Grid:
    """Read the file; rows of another width are left out and counted. Raises DataError without attributes or data."""
    text, encoding, bad_bytes = decode_counted(path.read_bytes())
    names: list[str] = []
    fills: list[str] = []  # what a sparse row leaves out: zero, or the first of the listed values
    lines = iter(text.replace("\r", "\n").split("\n"))  # `splitlines` would cut texts at U+2028 and the like
    for line in lines:
        stripped = line.strip()
        if match := _ATTRIBUTE.match(stripped):
            names.append(_bare(match[1]))
            level = _FIRST_LEVEL.match(match[2])
            fills.append(_bare(level[1].strip()) if level else "0")
        elif stripped.lower().startswith("@data"):
            break
    if not names:
        raise DataError(f"{path}: expected @attribute lines, found none")
    rows, bad = _rows([line for line in lines if line.strip() and not line.lstrip().startswith("%")], fills)
    problems = encoding_notes(path.name, encoding, bad_bytes)
    if bad:
        text = f"{counted(len(bad), 'row')} without {len(names)} values, not used"
        problems.append(Problem(rows_text(path.name, bad), text))
    if not rows:
        raise DataError(f"{path}: expected rows of {len(names)} values after @data, found none")
    return Grid(path, unique_names(names), rows, True, ",", problems)


def _rows(lines: list[str], fills: list[str]) -> tuple[list[list[str]], list[int]]:
    rows: list[list[str]] = []
    bad: list[int] = []
    # Both quotes are allowed; which one a file uses shows in its rows.
    quote = "'" if sum(line.count("'") for line in lines) > sum(line.count('"') for line in lines) else '"'
    for number, line in enumerate(lines):
        stripped = line.strip()
        if stripped.startswith("{") and stripped.endswith("}"):
            row = list(fills)
            for place, value in _PAIR.findall(stripped[1:-1]):
                if int(place) >= len(row):
                    bad.append(number)
                    break
                row[int(place)] = _bare(value.strip())
            else:
                rows.append(row)
            continue
        separator = "\t" if "\t" in line and "," not in line else ","
        cells = next(csv.reader([line], delimiter=separator, quotechar=quote, escapechar="\\", skipinitialspace=True))
        if len(cells) == len(fills):
            rows.append([cell.strip() for cell in cells])
        else:
            bad.append(number)
    return rows, bad


def _bare(text: str) -> str:
    """A name or value without its quotes."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
