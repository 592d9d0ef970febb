"""What a table tells before anything is learned."""

from typing import Any

import numpy as np
import pytest

from autodl_agent.data.inspection.table import ID_ROWS, column_notes, row_keys, table_facts
from data_format.examples import Csr, Table

N = 40
LABELS = np.eye(2, dtype=np.float32)[np.arange(N) % 2]
RNG = np.random.default_rng(0)


def table(numbers: dict[str, Any] | None = None, words: dict[str, list[str]] | None = None) -> Table:
    numbers, words = numbers or {}, words or {}
    n = len(next(iter((numbers | words).values())))
    cells = np.array([np.asarray(column, float) for column in numbers.values()]).reshape(len(numbers), n).T
    strings = np.array([list(column) for column in words.values()], object).reshape(len(words), n).T
    return Table(cells, tuple(numbers), strings, tuple(words))


def facts_of(cells: Any, word: bool, labels: np.ndarray = LABELS) -> dict[str, Any]:
    made = table(words={"c": cells}) if word else table({"c": cells})
    (column,) = table_facts(made, labels)["column_facts"]
    return column


@pytest.mark.parametrize(
    ("cells", "word", "flags"),
    [
        (np.zeros(N), False, {"constant"}),
        (["x"] * N, True, {"constant"}),
        (np.full(N, np.nan), False, {"constant"}),
        ([""] * N, True, {"constant"}),
        # A value beside missing cells says at least which cells are missing.
        ([1.0] * (N - 1) + [np.nan], False, set()),
        (np.arange(N), False, {"id_like"}),
        (np.arange(N) + 0.5, False, set()),
        (np.arange(N) * 1000, False, set()),
        (np.arange(N) * 1000 + 10**6, False, {"id_like"}),
        ([*range(N - 1), np.inf], False, set()),
        ([f"id{i}" for i in range(N)], True, {"id_like"}),
        ([f"a sentence {i}" for i in range(N)], True, set()),
        ([f"id{i % 30}" for i in range(N)], True, set()),
        (np.arange(N) % 2, False, {"leak"}),
        (["no", "yes"] * (N // 2), True, {"leak"}),
        (np.arange(N) % 4, False, set()),
        (["no", "yes"] * (N // 2 - 1) + ["yes", "yes"], True, set()),
    ],
)
def test_flags_of_one_column(cells: Any, word: bool, flags: set[str]) -> None:
    column = facts_of(cells, word)
    assert {flag for flag in ("constant", "id_like", "leak") if column[flag]} == flags


def test_few_rows_tell_no_ids() -> None:
    few = ID_ROWS - 1
    assert not facts_of(np.arange(few), False, LABELS[:few])["id_like"]
    assert facts_of(np.arange(few + 1), False, LABELS[: few + 1])["id_like"]


@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_a_leak_is_one_to_one_with_sets_of_labels(n_classes: int) -> None:
    sets = np.array([[1, 0], [1, 1], [0, 0]], np.float32)[np.arange(30) % n_classes]
    column = facts_of(np.array([7, 5, 9])[np.arange(30) % n_classes], False, sets)
    assert column["leak"] is (n_classes > 1)


def test_missing_cells_are_counted_over_both_kinds() -> None:
    made = table({"n": [1, np.nan, 2, 3]}, {"w": ["", "", "a", "b"]})
    facts = table_facts(made, LABELS[:4])
    assert (facts["number_columns"], facts["text_columns"]) == (1, 1)
    assert (facts["missing_numbers"], facts["missing_cells"]) == ("25.0%", "37.5%")
    assert [(c["missing"], c["different"]) for c in facts["column_facts"]] == [(0.25, 3), (0.5, 2)]


def test_a_table_without_rows_or_columns_has_facts() -> None:
    empty = Table(np.zeros((0, 1)), ("a",), np.empty((0, 1), object), ("w",))
    facts = table_facts(empty, np.zeros((0, 2), np.float32))
    assert facts["missing_cells"] == "0.0%"
    bare = Table(np.zeros((2, 0)), (), np.empty((2, 0), object), ())
    assert table_facts(bare, LABELS[:2])["column_facts"] == []


def csr(*rows: dict[int, float], columns: int = 10) -> Table:
    indptr = np.cumsum([0, *map(len, rows)])
    indices = np.array([c for row in rows for c in row], np.int64)
    values = np.array([v for row in rows for v in row.values()], np.float32)
    blank = np.empty((len(rows), 0))
    return Table(blank, (), blank.astype(object), (), Csr(indptr, indices, values, columns))


def test_a_sparse_table_tells_its_share() -> None:
    facts = table_facts(csr({1: 2.0}, {1: 1.0, 3: 1.0}), LABELS[:2])
    assert facts == {"sparse_columns": 10, "stored_values": "15.00%", "column_facts": []}


def test_equal_rows_have_equal_keys_and_others_have_not() -> None:
    other_nan = np.uint64(0x7FF8000000000001).view(np.float64)
    made = table({"a": [1, 1, np.nan, other_nan, 0.0, -0.0, 1]}, {"w": ["x", "x", "", "", "y", "y", "z"]})
    keys = row_keys(made)
    assert keys[0] == keys[1] and keys[2] == keys[3] and keys[4] == keys[5]
    assert len(set(keys)) == 4


def test_cells_do_not_run_into_each_other() -> None:
    keys = row_keys(table(words={"a": ["ab", "a"], "b": ["c", "bc"]}))
    assert keys[0] != keys[1]


def test_keys_of_sparse_rows() -> None:
    keys = row_keys(csr({1: 2.0}, {1: 2.0}, {2: 2.0}, {1: 3.0}, {}))
    assert keys[0] == keys[1] and len(set(keys)) == 4


def column(name: str, *flags: str, missing: float = 0.0) -> dict[str, Any]:
    return {"name": name, "missing": missing, **{flag: flag in flags for flag in ("constant", "id_like", "leak")}}


def test_one_sentence_for_each_kind_of_column() -> None:
    notes = column_notes(
        [column("a", "constant", missing=1.0), column("b", "leak"), *(column(f"i{i}", "id_like") for i in range(7))]
    )
    constant, ids, leak, empty = notes
    assert constant.startswith("1 column 'a' with one value only")
    assert ids.startswith("7 columns 'i0', 'i1', 'i2', 'i3', 'i4' and 2 more that look like ids")
    assert leak.startswith("1 column 'b' that equal the label")
    assert empty == "columns without any value: 'a'"
    assert column_notes([column("fine", missing=0.99)]) == []
