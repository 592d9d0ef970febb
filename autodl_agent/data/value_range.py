"""What a few examples tell of the values of a set: which become black and which white, for all of it alike.

One range for the whole set keeps what is dark darker than the rest. The extremes are that range, unless they lie far
beyond nearly all other values: a single hot pixel would leave the pictures a few levels of grey.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.task import Domain
from data_format.dataset import Split
from data_format.errors import Unreadable
from data_format.examples import Dense
from data_format.media.pixels import Range

PEEK_EXAMPLES = 32  # the range of values shows in a few, and the first prediction waits for them
HEADS = 8  # files whose heads tell that a set has no deep pictures
MOST_PIXELS, FEWEST = 8_000_000, 4  # decoded of deep pictures at the most, and how many of them at the least
MOST_VALUES = 500_000  # of all examples together
TAIL = 0.001  # share of the values that may lie beyond the range, to either side
SPARE = 0.5  # widths of the range without the tails that the extremes may lie beyond it
COLOURS = 4  # up to so many channels are of one kind; of more each has a range of its own
USUAL = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))
HALF, WHOLE = 32_767, 65_535  # 16 bits: pictures that go beyond the half use them well enough
Values = NDArray[np.float64]


def estimate_value_range(split: Split, domain: Domain) -> tuple[Range, tuple[Range, ...]]:
    """`value_range` and `levels` of a task, from examples spread over the split."""
    rows = np.unique(np.linspace(0, len(split) - 1, min(PEEK_EXAMPLES, len(split))).astype(int))
    shown = domain in (Domain.IMAGE, Domain.VIDEO)
    low, high = np.inf, -np.inf
    some: list[Values] = []
    for row in rows:
        try:
            example = split.source.example(int(row))
        except Unreadable:
            continue
        if not isinstance(example, Dense):
            return (0.0, 0.0), _deep_levels(split, rows) if shown else ()
        values = example.array[np.isfinite(example.array)]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            if shown:
                some.append(_thinned(example.array))
    if not low < high:
        return (0.0, 0.0), ()
    return (low, high), _dense_levels(some, (low, high)) if shown else ()


def _dense_levels(some: list[Values], extremes: Range) -> tuple[Range, ...]:
    """Levels of arrays; some: (n, channels) values of each example."""
    channels = {values.shape[1] for values in some}
    if len(channels) == 1 and channels.pop() > COLOURS:
        together = np.concatenate(some)
        finite = together[np.isfinite(together)]
        if extremes[0] >= 0 and extremes[1] <= 255 and (finite == np.rint(finite)).all():
            return ()  # 8 bits each
        return tuple(_channel(column[np.isfinite(column)], extremes) for column in together.T)
    if _usual(extremes):
        return ()
    flat = np.concatenate([values.ravel() for values in some])
    found = _range(flat[np.isfinite(flat)], extremes)
    return () if found == extremes else (found,)


def _channel(values: Values, extremes: Range) -> Range:
    """Of one of many channels; one that shows a single value takes the range of all of them."""
    own = (float(values.min()), float(values.max())) if len(values) else extremes
    return _range(values, own) if own[0] < own[1] else extremes


def _deep_levels(split: Split, rows: NDArray[np.int64]) -> tuple[Range, ...]:
    """Levels of files: () where they have 8 bits a value, or are scaled well by the range of their format."""
    pictures = _deep_pictures(split, rows)
    finite = [values[np.isfinite(values)] for values in pictures]
    finite = [values for values in finite if values.size]
    if not finite:
        return ()
    extremes = (min(float(values.min()) for values in finite), max(float(values.max()) for values in finite))
    whole = all(values.dtype.kind in "iu" for values in finite)
    if whole and extremes[0] >= 0 and extremes[1] <= 255:
        return ((0.0, 255.0),)  # 8 bits in files of 16
    if not extremes[0] < extremes[1] or (not whole and _usual(extremes)):
        return ()
    found = _range(np.concatenate([_thinned(values[:, None]).ravel() for values in finite]), extremes)
    return () if whole and extremes[0] >= 0 and HALF < found[1] <= WHOLE else (found,)


def _deep_pictures(split: Split, rows: NDArray[np.int64]) -> list[NDArray[Any]]:
    """Some of the pictures of more than 8 bits, in an order that has nothing to do with theirs."""
    from data_format.media.images import deep_values

    some: list[NDArray[Any]] = []
    for tried, row in enumerate(np.random.default_rng(0).permutation(rows)):
        if (tried >= HEADS and not some) or (len(some) >= FEWEST and sum(map(np.size, some)) > MOST_PIXELS):
            break
        try:
            values = deep_values(split.source.example(int(row)))
        except Unreadable:
            continue
        if values is not None:
            some.append(values)
    return some


def _usual(extremes: Range) -> bool:
    return any(low <= extremes[0] and extremes[1] <= high for low, high in USUAL)


def _range(values: Values, extremes: Range) -> Range:
    low, high = (float(edge) for edge in np.quantile(values, (TAIL, 1 - TAIL)))
    if not low < high:
        return extremes
    spare = SPARE * (high - low)
    return max(extremes[0], low - spare), min(extremes[1], high + spare)


def _thinned(array: NDArray[Any]) -> Values:
    """(n, channels) values of an example, some of its pixels only where it has many."""
    values = array.reshape(-1, array.shape[-1])
    most = max(1, MOST_VALUES // (PEEK_EXAMPLES * max(1, values.shape[1])))
    if len(values) > most:  # drawn: every so manieth might be one column of all pictures
        values = values[np.random.default_rng(0).integers(0, len(values), most)]
    return values.astype(np.float64)
