"""Tables with data of their own, and tables of nothing but names of files."""

from pathlib import Path

import pytest

from data_format.errors import DataError
from data_format.raw.options import ReadOptions
from data_format.raw.tables.content_check import data_columns, has_prose, is_measured, refuse_lost_files, sample_cells
from data_format.raw.tables.csv_file import Grid

NAMES = [f"{i}.png" for i in range(6)]
PROSE = [f"quite a long sentence about thing {chr(97 + i)}" for i in range(6)]
LABELS = ["a", "b"] * 3


def grid(**columns: list[str]) -> Grid:
    return Grid(Path("t.csv"), tuple(columns), [list(row) for row in zip(*columns.values(), strict=True)], True, ",")


@pytest.mark.parametrize(
    ("columns", "prose"),
    [
        ({"id": NAMES, "review": PROSE, "label": LABELS}, True),
        ({"text": LABELS, "label": LABELS}, True),
        ({"text": LABELS, "file": NAMES}, True),
        ({"file": NAMES, "label": PROSE}, False),
        ({"file": [f"my cat number {i} .png" for i in range(6)], "label": LABELS}, False),
        ({"file": NAMES, "box": [f"[{i}, 2, 3, 4]" for i in range(6)], "label": LABELS}, False),
        ({"file": NAMES, "text": ["1", "2"] * 3, "label": LABELS}, False),
        ({"file": NAMES, "label": LABELS}, False),
    ],
)
def test_free_text_beside_names(columns: dict[str, list[str]], prose: bool) -> None:
    assert has_prose(data_columns(grid(**columns))) is prose


def test_without_labels_the_last_column_may_be_the_text() -> None:
    unlabelled = grid(id=NAMES, review=PROSE)
    assert has_prose(data_columns(unlabelled, labelled=False))
    assert not has_prose(data_columns(unlabelled))


@pytest.mark.parametrize(
    ("count", "cell", "measured"), [(12, "0.25", True), (12, "1,5", True), (12, "3", False), (5, "0.25", False)]
)
def test_many_measurements(count: int, cell: str, measured: bool) -> None:
    columns = {f"f{k}x": [cell] * 6 for k in range(count)}
    assert is_measured(data_columns(grid(file=NAMES, **columns, label=LABELS))) is measured


def test_a_sample_is_spread_over_all_rows() -> None:
    cells = sample_cells([str(i) for i in range(1000)])
    assert (len(cells), cells[0], cells[-1]) == (200, "0", "995")
    assert sample_cells(["", "NA", " x "]) == ["x"]


@pytest.mark.parametrize(
    "columns",
    [
        {"image": NAMES},
        {"anything": NAMES},
        {"image_id": NAMES, "kind": LABELS},
        {"FileName": NAMES, "fold": ["1", "2", "3"] * 2},
    ],
)
def test_a_table_of_lost_files_is_refused(columns: dict[str, list[str]]) -> None:
    message = r"expected the files that column '\w+' names, such as '0.png', below set, found none or few of them "
    with pytest.raises(DataError, match=message) as caught:
        refuse_lost_files(Path("set/t.csv"), list(columns), columns.__getitem__)
    assert "\n" not in str(caught.value)
    for options in (ReadOptions(domain="text"), ReadOptions(domain="tabular"), ReadOptions(text_column="image")):
        refuse_lost_files(Path("set/t.csv"), list(columns), columns.__getitem__, options)


@pytest.mark.parametrize(
    "columns",
    [
        {"image": NAMES, "review": PROSE},
        {"image": NAMES, **{f"f{k}": [str(i * k) for i in range(1, 7)] for k in range(1, 4)}},
        {"image": ["1", "2"] * 3},
        {"logo": NAMES, "kind": LABELS},
        {"review": PROSE},
    ],
)
def test_other_tables_are_not(columns: dict[str, list[str]]) -> None:
    refuse_lost_files(Path("t.csv"), list(columns), columns.__getitem__)
