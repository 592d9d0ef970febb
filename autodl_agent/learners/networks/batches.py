"""Which rows come in which order: endless epochs, rare classes more often, always whole batches."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Inputs = Any  # an array or a dict of arrays, first axis the rows
Batch = tuple[Inputs, NDArray[np.float32]]
MakeBatch = Callable[[Positions, np.random.Generator], Batch]
MOST_COPIES = 20.0  # of a row in one epoch


def draw_rates(labels: NDArray[np.float32], balance: float) -> NDArray[np.float64]:
    """(n,) expected copies of every row in an epoch of n rows, from the rarest class it has.

    labels: (n, classes). Rows without a label count as a class of their own.
    """
    counts = np.maximum((labels > 0).sum(0), 1).astype(np.float64)
    own = np.where(labels > 0, counts, np.inf).min(1, initial=np.inf)
    own[np.isinf(own)] = max(1, int(np.isinf(own).sum()))
    rates = own**-balance
    rates = np.minimum(rates / max(rates.mean(), 1e-12), MOST_COPIES)
    return np.asarray(rates / max(rates.mean(), 1e-12), np.float64)


def epochs(rates: NDArray[np.float64], batch_rows: int, rng: np.random.Generator) -> Iterator[Positions]:
    """Endless batches of exactly `batch_rows` positions; over an epoch each comes its expected number of times."""
    n = len(rates)
    pending: Positions = np.zeros(0, np.int64)
    while True:
        while len(pending) < batch_rows:
            order = rng.permutation(n)
            # Systematic sampling: copies differ from what is expected by less than one.
            edges = np.floor(np.cumsum(rates[order]) + rng.random()).astype(np.int64)
            copies = np.diff(np.concatenate([[0], edges]))
            pending = np.concatenate([pending, rng.permutation(np.repeat(order, copies))])
        yield pending[:batch_rows]
        pending = pending[batch_rows:]


def prepared(positions: Iterator[Positions], make: MakeBatch, rng: np.random.Generator, steps: int) -> Iterator[Batch]:
    """`steps` batches, the next one made by a thread while the present one is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        following = pool.submit(make, next(positions), rng) if steps else None
        for step in range(steps):
            assert following is not None
            batch = following.result()
            following = pool.submit(make, next(positions), rng) if step + 1 < steps else None
            yield batch


def cut(inputs: Inputs, rows: slice | NDArray[Any]) -> Inputs:
    """Some rows of an array or of every array of a dict."""
    return {name: part[rows] for name, part in inputs.items()} if isinstance(inputs, dict) else inputs[rows]


def length(inputs: Inputs) -> int:
    """Rows of an array or of a dict of arrays."""
    return len(next(iter(inputs.values()))) if isinstance(inputs, dict) else len(inputs)
