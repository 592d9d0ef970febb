"""What a table tells before anything is learned: missing values, constant and id-like columns, leaks, duplicates."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_format.examples import Table
from data_format.label_sets import label_sets

ID_SHARE = 0.95  # different values among the rows from which a column of whole numbers or codes looks like an id
ID_ROWS = 20  # below so many rows nearly every column has different values
MAX_COLUMNS = 5_000  # columns looked at one by one
HASHED_ROWS = 1_000_000


def table_facts(train: Table, labels: NDArray[np.float32]) -> dict[str, Any]:
    """Columns of the training table: each with kind, share of missing values, number of different values, and flags.

    labels: (n, classes). Flags: constant; id_like (nearly all values differ, and they are whole numbers or codes);
    leak (each value stands with one class only, and each class with one value).
    """
    if train.sparse is not None:
        stored = len(train.sparse.indices)
        cells = max(1, len(train) * train.sparse.n_columns)
        return {"sparse_columns": train.sparse.n_columns, "stored_values": f"{stored / cells:.2%}", "column_facts": []}
    classes = _class_of(labels)
    columns = [
        _column(name, "number", train.numbers[:, i], np.isnan(train.numbers[:, i]), classes)
        for i, name in enumerate(train.number_names[:MAX_COLUMNS])
    ]
    columns += [
        _column(name, "word", train.strings[:, i], train.strings[:, i] == "", classes)
        for i, name in enumerate(train.string_names[:MAX_COLUMNS])
    ]
    missing = float(np.mean([column["missing"] for column in columns])) if columns else 0.0
    return {
        "number_columns": len(train.number_names),
        "text_columns": len(train.string_names),
        "missing_numbers": f"{np.isnan(train.numbers).mean() if train.numbers.size else 0:.1%}",
        "missing_cells": f"{missing:.1%}",
        "column_facts": columns,
    }


def column_notes(columns: list[dict[str, Any]]) -> list[str]:
    """One sentence for every kind of column that deserves one."""
    notes = []
    for flag, text in (
        ("constant", "with one value only, which tells nothing"),
        ("id_like", "that look like ids (nearly every row another value), which mean nothing for new rows"),
        ("leak", "that equal the label: a result that uses them is worth nothing where they are not known"),
    ):
        if named := [column["name"] for column in columns if column[flag]]:
            more = f" and {len(named) - 5} more" if len(named) > 5 else ""
            plural = "" if len(named) == 1 else "s"
            notes.append(f"{len(named)} column{plural} {', '.join(map(repr, named[:5]))}{more} {text}")
    if empty := [column["name"] for column in columns if column["missing"] == 1]:
        notes.append(f"columns without any value: {', '.join(map(repr, empty[:5]))}")
    return notes


def row_keys(table: Table) -> list[bytes]:
    """A key a row, equal for equal rows."""
    n = min(len(table), HASHED_ROWS)
    if table.sparse is not None:
        sparse = table.sparse
        spans = [slice(sparse.indptr[i], sparse.indptr[i + 1]) for i in range(n)]
        return [sparse.indices[span].tobytes() + sparse.values[span].tobytes() for span in spans]
    # NaNs of different origin must be the same bytes, and -0 the same as 0.
    numbers = np.where(np.isnan(table.numbers[:n]), np.nan, table.numbers[:n]) + 0.0
    packed = np.ascontiguousarray(numbers)
    return [
        row.tobytes() + "\0".join(words).encode("utf-8", "surrogatepass")
        for row, words in zip(packed, table.strings[:n].tolist(), strict=True)
    ]


def _class_of(labels: NDArray[np.float32]) -> NDArray[np.int64]:
    """A number for the set of labels of each row."""
    if len(labels) and ((labels > 0).sum(1) == 1).all():
        return np.asarray(labels.argmax(1), np.int64)
    return label_sets(labels)


def _column(
    name: str, kind: str, cells: NDArray[Any], missing: NDArray[np.bool_], classes: NDArray[np.int64]
) -> dict[str, Any]:
    there = ~missing
    values = cells[there]
    different, codes = np.unique(values, return_inverse=True) if kind == "number" else _codes(values)
    n, n_different = len(values), len(different)
    whole = kind == "word" or bool(n and np.isfinite(values).all() and (values == np.floor(values)).all())
    return {
        "name": name,
        "kind": kind,
        "missing": float(missing.mean()) if len(missing) else 0.0,
        "different": n_different,
        "constant": n_different <= 1 and not (missing.any() and n),
        "id_like": n >= ID_ROWS and n_different >= ID_SHARE * n and whole and _ids(values, kind),
        "leak": bool(there.all()) and _equals(codes.reshape(-1), n_different, classes),
    }


def _codes(values: NDArray[Any]) -> tuple[list[str], NDArray[np.int64]]:
    index: dict[str, int] = {}
    codes = [index.setdefault(value, len(index)) for value in values.tolist()]
    return list(index), np.array(codes, np.int64)


def _ids(values: NDArray[Any], kind: str) -> bool:
    """Whether whole numbers cover their range closely, or words are single codes rather than sentences."""
    if kind == "number":
        # Ids are counted up, perhaps with gaps, or are long numbers; counts and measures are neither.
        return float(values.max() - values.min()) <= 20 * len(values) or bool(values.min() > 1e5)
    return Counter(len(value.split()) for value in values.tolist()).most_common(1)[0][0] <= 1


def _equals(codes: NDArray[np.int64], different: int, classes: NDArray[np.int64]) -> bool:
    """Whether the values and the classes stand for each other one to one."""
    n_classes = len(np.unique(classes))
    # With fewer than two rows a class anything may equal the label.
    if n_classes < 2 or different != n_classes or len(classes) < 2 * n_classes:
        return False
    return len(np.unique(codes * (int(classes.max()) + 1) + classes)) == n_classes
