"""Table rows to plain arrays, by rules learned from training rows alone: numbers, category codes, bags of words.

The same arrays serve trees (codes as categories, NaN as it is) and, through `features`, linear models.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.tabular.cells import (
    DATE_PARTS,
    common_format,
    dates,
    factorise,
    frequent_words,
    numbers,
    words,
)
from autodl_agent.learners.tabular.config import EncodingSettings
from data_format.examples import Csr, Table

Floats = NDArray[np.float32]
HUGE = 1e30  # larger magnitudes count as infinite: float32, squared, must not overflow
CHUNK_CELLS = 4_000_000  # cells of float64 work at a time: 32 MB


@dataclass(frozen=True)
class Encoded:
    """numbers: (n, f) float32, NaN = missing. codes: (n, g) int32, -1 = missing. bags: (n, w) float32 of 0 and 1."""

    numbers: Floats
    codes: NDArray[np.int32]
    bags: Floats

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: Any) -> "Encoded":
        """The rows at these positions."""
        return Encoded(self.numbers[rows], self.codes[rows], self.bags[rows])


@dataclass(frozen=True)
class StringColumn:
    """What a string column turned out to be.

    place: its number in the table. kind: "category", "number", "date" or "words".
    levels: known levels by code. unknown: code of rare and unseen levels, -1 where training had none.
    date_format: see `cells.common_format`. parts: kept date parts. vocabulary: words with a column each.
    """

    place: int
    kind: str
    levels: tuple[str, ...] = ()
    unknown: int = -1
    date_format: str = ""
    parts: tuple[int, ...] = ()
    vocabulary: tuple[str, ...] = ()

    @classmethod
    def restore(cls, facts: dict[str, Any]) -> Self:
        """From JSON, where tuples have become lists."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}
        return cls(**values)


@dataclass(frozen=True)
class TableEncoder:
    """Fitted rules; immutable. `fit` learns them, `transform` applies them to any rows.

    kept: (f0,) numeric columns in use. low, high: (f0,) finite range of the training rows; values beyond are clipped.
    slots: (n_columns,) dense column of a sparse column, -1 where it is not used; empty for dense tables.
    marks: see `cells.words`.
    """

    kept: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    slots: NDArray[np.int64]
    strings: tuple[StringColumn, ...] = ()
    settings: EncodingSettings = field(default_factory=EncodingSettings)
    marks: bool = True

    @classmethod
    def fit(cls, table: Table, settings: EncodingSettings | None = None) -> Self:
        """Learn the rules from training rows."""
        settings = settings or EncodingSettings()
        low, high, missing = _ranges(table.numbers)
        varies = (low < high) | ((missing > 0) & (missing < len(table)))
        kept = np.flatnonzero(varies)
        slots = _slots(table.sparse, len(table), settings) if table.sparse is not None else np.zeros(0, np.int64)
        columns = (_string_column(place, table.strings[:, place], settings) for place in range(table.strings.shape[1]))
        return cls(kept, low[kept], high[kept], slots, tuple(c for c in columns if c is not None), settings)

    @property
    def n_slots(self) -> int:
        """Dense columns made of a sparse table."""
        return int(self.slots.max(initial=-1)) + 1

    @property
    def level_counts(self) -> tuple[int, ...]:
        """Codes of every category column, the unknown code included."""
        return tuple(max(len(c.levels), c.unknown + 1) for c in self.strings if c.kind == "category")

    def transform(self, table: Table) -> Encoded:
        """Encode any rows with the same columns. Rows are independent of each other."""
        n, table = len(table), _like_fitted(table, bool(len(self.slots)))
        parts: list[Floats] = [self._clipped(table.numbers)]
        if table.sparse is not None and self.n_slots:
            parts.append(_dense(table.sparse, self.slots, self.n_slots))
        codes: list[NDArray[np.int32]] = []
        bags: list[Floats] = []
        for column in self.strings:
            levels, places = factorise(table.strings[:, column.place])
            if column.kind == "category":
                codes.append(_codes(column, levels)[places])
            elif column.kind == "words":
                parts.append(np.log1p([len(level) for level in levels]).astype(np.float32)[places][:, None])
                bags.append(_bag(column, levels, self.settings.words_read, self.marks)[places])
            else:
                values = numbers(levels)[:, None] if column.kind == "number" else dates(levels, column.date_format)
                values = values[:, list(column.parts)] if column.kind == "date" else values
                parts.append(_safe(values)[places])
        return Encoded(
            parts[0] if len(parts) == 1 else np.concatenate(parts, 1),
            np.stack(codes, 1) if codes else np.zeros((n, 0), np.int32),
            np.concatenate(bags, 1) if bags else np.zeros((n, 0), np.float32),
        )

    def facts(self) -> dict[str, Any]:
        """JSON part of the state."""
        strings = [asdict(column) for column in self.strings]
        return {"strings": strings, "settings": asdict(self.settings), "marks": self.marks}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Array part of the state."""
        return {"kept": self.kept, "low": self.low, "high": self.high, "slots": self.slots}

    @classmethod
    def restore(cls, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The inverse of `facts` and `arrays`."""
        columns = tuple(StringColumn.restore(column) for column in facts["strings"])
        settings = EncodingSettings(**facts["settings"])
        # The first models told nothing of marks and knew nothing of them.
        return cls(**arrays, strings=columns, settings=settings, marks=bool(facts.get("marks")))

    def _clipped(self, values: NDArray[np.floating]) -> Floats:
        out = np.empty((len(values), len(self.kept)), np.float32)
        every = len(self.kept) == values.shape[1]
        for rows in _chunks(len(values), len(self.kept)):
            part = values[rows] if every else values[rows][:, self.kept]
            out[rows] = np.clip(part, self.low, self.high)
        return out


def _like_fitted(table: Table, sparse: bool) -> Table:
    """The same rows as sparse ones or as plain numbers: readers choose by size, for training and test rows apart."""
    if sparse == (table.sparse is not None):
        return table
    if table.sparse is None:
        rows, columns = np.nonzero(table.numbers)
        indptr = np.searchsorted(rows, np.arange(len(table) + 1)).astype(np.int64)
        values = np.asarray(table.numbers[rows, columns], np.float32)
        csr = Csr(indptr, columns.astype(np.int64), values, table.numbers.shape[1])
        return replace(table, numbers=table.numbers[:, :0], number_names=(), sparse=csr)
    numbers = _dense(table.sparse, np.arange(table.sparse.n_columns), table.sparse.n_columns)
    return replace(table, numbers=numbers, sparse=None)


def _chunks(n: int, columns: int) -> list[slice]:
    step = max(1, CHUNK_CELLS // max(1, columns))
    return [slice(start, start + step) for start in range(0, n, step)]


def _ranges(values: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Finite lowest and highest value and count of missing per column; (0, 0) for a column without a finite value."""
    columns = values.shape[1]
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    missing = np.zeros(columns, np.int64)
    for rows in _chunks(len(values), columns):
        part = values[rows]
        finite = np.abs(part) < HUGE
        missing += np.isnan(part).sum(0)
        low = np.minimum(low, np.where(finite, part, np.inf).min(0, initial=np.inf))
        high = np.maximum(high, np.where(finite, part, -np.inf).max(0, initial=-np.inf))
    empty = ~np.isfinite(low)
    # A column of infinities only: their signs are all it says.
    return (
        np.where(empty, -1.0 * _any(np.isneginf(values), empty), low),
        np.where(empty, 1.0 * _any(np.isposinf(values), empty), high),
        missing,
    )


def _any(found: NDArray[np.bool_], columns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    out = np.zeros(len(columns), bool)
    out[columns] = found[:, columns].any(0)
    return out


def _slots(csr: Csr, n: int, settings: EncodingSettings) -> NDArray[np.int64]:
    """The columns that split the rows most evenly get a slot of their own; the others that repeat share a quarter."""
    counts = np.bincount(csr.indices, minlength=csr.n_columns)[: csr.n_columns]
    room = int(min(settings.max_sparse, max(64, settings.max_cells // max(1, n))))
    # A column that one of many rows has says nothing of the others.
    seen = np.flatnonzero(counts >= (2 if n > 50 else 1))
    slots = np.full(csr.n_columns, -1, np.int64)
    if len(seen) <= room:
        slots[seen] = np.arange(len(seen))
        return slots
    own = room - room // 4
    order = seen[np.argsort(-np.minimum(counts[seen], n - counts[seen]), kind="stable")]
    slots[order[:own]] = np.arange(own)
    # Multiplicative hashing (Knuth): the same column has the same slot in every process.
    slots[order[own:]] = own + (order[own:] * 2_654_435_761 >> 7) % (room - own)
    return slots


def _dense(csr: Csr, slots: NDArray[np.int64], n_slots: int) -> Floats:
    n = len(csr.indptr) - 1
    # New rows may be wider than those of training were.
    known = csr.indices < len(slots)
    slot = np.where(known, slots[np.where(known, csr.indices, 0)], -1)
    rows = np.repeat(np.arange(n), np.diff(csr.indptr))
    used = slot >= 0
    values = _safe(csr.values[used].astype(np.float64))
    flat = np.bincount(rows[used] * n_slots + slot[used], values, n * n_slots)
    return flat.reshape(n, n_slots).astype(np.float32)


def _safe(values: NDArray[np.float64]) -> Floats:
    return np.clip(values, -HUGE, HUGE).astype(np.float32)


def _string_column(place: int, column: NDArray[np.object_], settings: EncodingSettings) -> StringColumn | None:
    """What a string column is, judged by its distinct training values; None where it says nothing."""
    levels, places = factorise(column)
    counts = np.bincount(places, minlength=len(levels))
    filled = [i for i, level in enumerate(levels) if level != ""]
    if len(levels) < 2 or not filled:
        return None
    names, weights = [levels[i] for i in filled], [int(counts[i]) for i in filled]
    if len(names) > 10 and np.isfinite(numbers(names)).mean() >= settings.number_share:
        return StringColumn(place, "number")
    form = common_format(names)
    if form is not None:
        values = dates(names, form)
        if np.isfinite(values[:, 0]).mean() >= settings.date_share:
            parts = [
                p for p in range(len(DATE_PARTS)) if p == 0 or len(np.unique(values[np.isfinite(values[:, p]), p])) > 1
            ]
            return StringColumn(place, "date", date_format=form, parts=tuple(parts))
    if len(names) > 20 and len(names) > settings.id_share * sum(weights):
        vocabulary = frequent_words(names, weights, settings.max_words, settings.words_read)
        # An id repeats nothing; its length may still tell its kind, which costs one column.
        return StringColumn(place, "words", vocabulary=tuple(vocabulary))
    ranked = sorted(zip(names, weights, strict=True), key=lambda item: (-item[1], item[0]))
    known = [name for name, weight in ranked if weight >= settings.rare_rows or len(ranked) <= 10][
        : settings.max_levels
    ]
    return StringColumn(place, "category", tuple(known), len(known) if len(known) < len(ranked) else -1)


def _codes(column: StringColumn, levels: list[str]) -> NDArray[np.int32]:
    known = {level: code for code, level in enumerate(column.levels)}
    return np.array([-1 if level == "" else known.get(level, column.unknown) for level in levels], np.int32)


def _bag(column: StringColumn, levels: list[str], limit: int, marks: bool) -> Floats:
    places = {word: place for place, word in enumerate(column.vocabulary)}
    out = np.zeros((len(levels), len(places)), np.float32)
    for row, level in enumerate(levels):
        hits = [places[word] for word in words(level, limit, marks) if word in places]
        out[row, hits] = 1
    return out


def tree_matrix(rows: Encoded) -> tuple[Floats, list[int]]:
    """(n, columns) float32 with NaN = missing, and which columns are category codes."""
    f, g = rows.numbers.shape[1], rows.codes.shape[1]
    codes = rows.codes.astype(np.float32)
    codes[rows.codes < 0] = np.nan
    parts = [rows.numbers, codes, rows.bags]
    if not sum(part.shape[1] for part in parts):
        parts = [np.zeros((len(rows), 1), np.float32)]  # LightGBM wants a column, even one that says nothing
    return np.concatenate(parts, 1), list(range(f, f + g))
