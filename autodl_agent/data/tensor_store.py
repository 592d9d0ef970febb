"""The store: every example decoded once per recipe, kept in memory or in a memory-mapped file, shared by all learners.

A `Recipe` says how one example becomes an array of fixed shape (decoded by threads), or how a batch of another
recipe's arrays becomes features (pure functions: parts of a batch run in threads). The store computes only the rows
that are asked for and keeps them; what does not fit the memory limit goes to files without a name, which are gone
with the process however it ends, and what does not fit the disk is computed anew.
"""

import shutil
import tempfile
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.arrays import Rows
from autodl_agent.data.shared_arrays import shared_array
from autodl_agent.data.task import Task
from autodl_agent.system.clock import Deadline
from autodl_agent.system.resources import cores
from data_format.dataset import Dataset, Problem, Split
from data_format.errors import Unreadable
from data_format.examples import Example, Table, Text

SplitName = Literal["train", "test"]
T = TypeVar("T")
U = TypeVar("U")

FORGETTING = 0.9  # what an older chunk of rows counts for in the pace, against the one after it
CHUNK = 64  # rows between two looks at the clock: 64 small images take about 20 ms


class OutOfTimeError(Exception):
    """The deadline passed while rows were being computed; what was finished is kept for the next slice."""


@dataclass(frozen=True)
class Recipe:
    """How an example becomes an array; two recipes with the same key are the same recipe.

    key: unique name, such as "image@32x32x3". shape: of one example's array. dtype: NumPy name.
    decode: one example -> array of `shape` (runs in threads, may raise Unreadable); or else
    source and batch: (n, *source.shape) -> (n, *shape), a feature computed from another recipe.
    keep: False for large arrays that are only on their way to becoming features: computed anew when asked for again.
    effort: time that as large a source takes, against other recipes of the same maker.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    decode: Callable[[Example], NDArray[Any]] | None = None
    source: "Recipe | None" = None
    batch: Callable[[NDArray[Any]], NDArray[Any]] | None = None
    keep: bool = True
    effort: float = 1.0

    @property
    def maker(self) -> Any:
        """The function behind `batch`, which recipes of several sizes share."""
        return getattr(self.batch, "func", self.batch)

    @property
    def work(self) -> float:
        """What one example costs against those of other recipes of the same maker."""
        # Larger examples use the cores a little better.
        return self.effort * self.source.row_bytes**0.9 if self.source else 0.0

    @property
    def row_bytes(self) -> int:
        """Bytes that one example takes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


@dataclass
class _Cache:
    array: NDArray[Any]
    ready: NDArray[np.bool_]
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class RowPace:
    """Seconds and rows so far, older ones for less: a few rows alone would seem slow, as batches are filled up.

    The first rows do not count once others have come: what makes them is loaded meanwhile.
    """

    seconds: float = 0.0
    rows: float = 0.0
    cold: bool = True

    def add(self, seconds: float, rows: float) -> None:
        """Count rows (or units of work) that were just made."""
        first, warm = not self.rows, rows >= self.rows / 2
        kept = 0.0 if self.cold and warm else FORGETTING
        self.seconds, self.rows = kept * self.seconds + seconds, kept * self.rows + rows
        self.cold = first or (self.cold and not warm)

    @property
    def row_s(self) -> float:
        """Seconds of one row, 0 before the first."""
        return self.seconds / self.rows if self.rows else 0.0


@dataclass
class _Maker:
    """How fast one way to make features is: their sources by the row, the rest by the unit of work."""

    source: RowPace = field(default_factory=RowPace)
    work: RowPace = field(default_factory=RowPace)


class TensorStore:
    """Decoded examples of one data set, within a memory limit.

    memory_bytes: share that cached arrays may take. spill_parent: folder whose disk such files take (system temp
    if None). share: folder whose arrays another process fills and reads as well (see `sharing`). end: no computation
    without a deadline of its own goes on after it.
    """

    def __init__(
        self,
        dataset: Dataset,
        task: Task,
        end: Deadline,
        memory_bytes: int = 1 << 30,
        spill_parent: Path | None = None,
        share: Path | None = None,
    ) -> None:
        self.dataset, self.task, self.end, self.memory_bytes = dataset, task, end, memory_bytes
        self._memory_left, self._spill_parent, self._share = memory_bytes, spill_parent, share
        self._caches: dict[tuple[SplitName, str], _Cache | None] = {}
        self._kept: dict[tuple[SplitName, Hashable], Any] = {}
        self._paces: dict[str, RowPace] = {}  # by recipe key
        self._makers: dict[Any, _Maker] = {}  # by what makes the features
        self._lock = threading.RLock()
        self._closed = False
        self._pool = ThreadPoolExecutor(cores(), thread_name_prefix="decode")
        self.bad: dict[SplitName, NDArray[np.bool_]] = {
            "train": np.zeros(len(dataset.train), bool),
            "test": np.zeros(len(dataset.test), bool),
        }

    def split(self, name: SplitName) -> Split:
        """The reader's split behind the name."""
        return self.dataset.train if name == "train" else self.dataset.test

    def rows(self, name: SplitName, recipe: Recipe, rows: Rows, deadline: Deadline | None = None) -> NDArray[Any]:
        """Arrays (len(rows), *recipe.shape) of the asked rows; rows that cannot be read are zeros and marked bad.

        Raises OutOfTimeError when the deadline passes; rows finished until then stay in the cache.
        """
        deadline = deadline or self.end
        cache = self._cache(name, recipe)
        if cache is None:
            return self._compute(name, recipe, rows, deadline)
        with cache.lock:
            missing = np.unique(rows[~cache.ready[rows]])
            for start in range(0, len(missing), CHUNK * cores()):
                part, began = missing[start : start + CHUNK * cores()], deadline.now()
                cache.array[part] = self._compute(name, recipe, part, deadline)
                # After the values: another process that reads the array trusts this byte.
                cache.ready[part] = True
                self._paces.setdefault(recipe.key, RowPace()).add(deadline.now() - began, len(part))
        return cache.array[rows]

    def cost_s(self, name: SplitName, recipe: Recipe, rows: Rows) -> float | None:
        """Seconds that those of the rows will take that are not computed yet; None where nothing is known of the pace.

        A recipe of which no row was computed is expected to take as long for its source as others that are made the
        same way, and for a unit of work.
        """
        cache = self._caches.get((name, recipe.key))
        missing = len(np.unique(rows)) if cache is None else int((~cache.ready[np.unique(rows)]).sum())
        if not missing:
            return 0.0
        pace, maker = self._paces.get(recipe.key), self._makers.get(recipe.maker, _Maker())
        row_s = pace.row_s if pace else maker.source.row_s + maker.work.row_s * recipe.work
        return missing * row_s if row_s else None

    def kept(self, name: SplitName, key: Hashable, build: Callable[[], T]) -> T:
        """`build()` once per split and key; for whole-split results that are no fixed-shape arrays."""
        with self._lock:
            if (name, key) not in self._kept:
                self._kept[(name, key)] = build()
            found: T = self._kept[(name, key)]
            return found

    def texts(self, name: SplitName) -> list[str]:
        """All texts of a split; integer tokens are joined through the vocabulary; unreadable rows are empty."""
        return self.kept(name, "texts", lambda: [self.text(name, i) for i in range(len(self.split(name)))])

    def table(self, name: SplitName) -> Table:
        """The split as a table."""
        return self.kept(name, "table", lambda: self.split(name).source.table())

    def affordable_rows(self, name: SplitName, recipe: Recipe) -> int:
        """How many rows of a recipe the store can keep; a learner samples when its split has more."""
        total = len(self.split(name))
        if self._cache(name, recipe) is not None:
            return total
        return max(1, min(total, self._memory_left // max(1, recipe.row_bytes)))

    def mark_bad(self, name: SplitName, row: int, reason: str) -> None:
        """Note that a row cannot be read: it is left out of training and predicted by the prior."""
        if not self.bad[name][row]:
            self.bad[name][row] = True
            self.dataset.problems.append(Problem(self.split(name).ids[row], reason))

    def close(self) -> None:
        """Stop the threads without waiting for them; who still computes is out of time."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def text(self, name: SplitName, index: int) -> str:
        """One text; integer tokens are joined through the vocabulary; empty (and marked bad) when unreadable."""
        try:
            example = self.split(name).source.example(index)
        except Unreadable as error:
            self.mark_bad(name, index, str(error))
            return ""
        if isinstance(example, Text):
            return example.text
        return self.joiner.join(self._tokens(example))

    def _tokens(self, example: Example) -> list[str]:
        array = getattr(example, "array", np.zeros(0, np.float32))
        word = self.dataset.vocabulary.get
        tokens = np.nan_to_num(array).ravel().astype(np.int64).tolist()
        return [str(token) if (known := word(token)) is None else known for token in tokens]

    @cached_property
    def joiner(self) -> str:
        """What stands between two tokens of an integer-token text: nothing where tokens are single characters.

        A vocabulary of which nearly every token is one non-ASCII character is written without spaces (protocol 2).
        """
        tokens = list(islice(self.dataset.vocabulary.values(), 1000))
        single = sum(len(token) == 1 and not token.isascii() for token in tokens)
        return "" if tokens and single > 0.8 * len(tokens) else " "

    def _compute(self, name: SplitName, recipe: Recipe, rows: Rows, deadline: Deadline) -> NDArray[Any]:
        if recipe.source is not None and recipe.batch is not None:
            began = deadline.now()
            source = self.rows(name, recipe.source, rows, deadline)
            if deadline.passed:
                raise OutOfTimeError(recipe.key)
            between = deadline.now()
            parts = np.array_split(source, min(cores(), max(1, len(rows) // CHUNK)))
            out = np.concatenate(self._in_threads(recipe.batch, parts)).astype(recipe.dtype, copy=False)
            maker = self._makers.setdefault(recipe.maker, _Maker())
            maker.source.add(between - began, len(rows))
            maker.work.add(deadline.now() - between, len(rows) * recipe.work)
            return out
        out = np.zeros((len(rows), *recipe.shape), recipe.dtype)
        step = min(CHUNK, max(1, -(-len(rows) // cores())))  # few rows still keep every core busy
        chunks = [slice(s, s + step) for s in range(0, len(rows), step)]
        done = self._in_threads(lambda c: self._decode(name, recipe, rows[c], out[c], deadline), chunks)
        if not all(done):
            raise OutOfTimeError(recipe.key)
        return out

    def _in_threads(self, work: Callable[[U], T], parts: Sequence[U]) -> list[T]:
        try:
            return list(self._pool.map(work, parts))
        except (RuntimeError, CancelledError):
            if self._closed:
                raise OutOfTimeError("the run is over") from None
            raise

    def _decode(self, name: SplitName, recipe: Recipe, rows: Rows, out: NDArray[Any], deadline: Deadline) -> bool:
        source, decode = self.split(name).source, recipe.decode
        if decode is None:
            raise ValueError(f"recipe {recipe.key!r} has neither decode nor source and batch")
        for position, row in enumerate(rows):
            if deadline.passed:
                return False
            try:
                out[position] = decode(source.example(int(row)))
            except Exception as error:
                reason = str(error) if isinstance(error, Unreadable) else f"{type(error).__name__}: {error}"
                self.mark_bad(name, int(row), reason)
        return True

    def _cache(self, name: SplitName, recipe: Recipe) -> _Cache | None:
        if not recipe.keep:
            return None
        with self._lock:
            key = (name, recipe.key)
            if key not in self._caches:
                self._caches[key] = self._allocate(name, recipe)
            return self._caches[key]

    def _allocate(self, name: SplitName, recipe: Recipe) -> _Cache | None:
        n = len(self.split(name))
        size = n * recipe.row_bytes
        shape = (n, *recipe.shape)
        if size <= self._memory_left:
            try:
                found = self._in_memory(name, recipe, shape)
            except MemoryError:  # less is left than was hoped for, for others, too
                self._memory_left = size // 2
            else:
                self._memory_left -= size
                return found
        try:
            # Half of the disk at most: the run's own files and other programs need room, too.
            if size > shutil.disk_usage(self._spill_parent or tempfile.gettempdir()).free // 2:
                return None
            with tempfile.TemporaryFile(prefix="autodl-spill-", dir=self._spill_parent) as file:
                return _Cache(np.memmap(file, recipe.dtype, "w+", shape=shape), np.zeros(n, bool))
        except (OSError, MemoryError):
            return None

    def _in_memory(self, name: SplitName, recipe: Recipe, shape: tuple[int, ...]) -> _Cache:
        if self._share and (shared := shared_array(self._share, f"{name}|{recipe.key}", shape, recipe.dtype)):
            return _Cache(*shared)
        return _Cache(np.zeros(shape, recipe.dtype), np.zeros(shape[0], bool))
