"""Features for linear models: scaled numbers, category levels, piecewise-linear hats, random Fourier waves.

A linear model on hats is an additive model of each number; waves add interactions: a Gaussian kernel machine in
random features. Sources: Rahimi & Recht 2007 (random features); Gorishniy et al. 2022 (piecewise-linear encodings).
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.tabular.config import QuickSettings
from autodl_agent.learners.tabular.encoding import Encoded

Floats = NDArray[np.float32]
HEAVY = 6.0  # robust standard deviations beyond which a column counts as heavy-tailed and is squashed
CLIP = 5.0
QUANTILE_ROWS = 20_000
QUANTILE_CELLS = 10_000_000  # sorted to find quartiles: a second


@dataclass(frozen=True)
class LinearView:
    """Fitted features; every field is an array, so that the state saves as it is.

    centre, scale, heavy, mean, spread: (f,) z = clip((squash((x - centre) * scale) - mean) * spread).
    flagged: (m,) number columns with a missing-value indicator.
    hot_columns, hot_codes: (h,) the category column and code (-1 = missing) of each level column.
    hat_columns: (k,) number column, hat_starts: (k+1,) where its knots start in hat_knots.
    bag_scale: (w,) inverse-frequency weight of the word columns.
    wave_weights: (base columns, waves), wave_phases: (waves,).
    """

    centre: Floats
    scale: Floats
    heavy: NDArray[np.bool_]
    mean: Floats
    spread: Floats
    flagged: NDArray[np.int64]
    hot_columns: NDArray[np.int64]
    hot_codes: NDArray[np.int64]
    hat_columns: NDArray[np.int64]
    hat_starts: NDArray[np.int64]
    hat_knots: Floats
    bag_scale: Floats
    wave_weights: Floats
    wave_phases: Floats

    @classmethod
    def fit(cls, rows: Encoded, settings: QuickSettings) -> Self:
        """Learn scales, levels and knots from training rows; no waves yet."""
        most = max(200, min(QUANTILE_ROWS, QUANTILE_CELLS // max(1, rows.numbers.shape[1])))
        some = rows.take(slice(None, None, max(1, len(rows) // most)))
        centre, scale, heavy, mean, spread = _scales(some.numbers)
        missing = np.isnan(some.numbers).mean(0)
        flagged = np.flatnonzero((missing > 0) & (missing < 1))
        flagged = np.sort(flagged[np.argsort(np.abs(missing[flagged] - 0.5), kind="stable")[:256]])
        hot = _levels(rows.codes, settings.hot)
        hat_columns, knots = _hats(some.numbers, len(rows), settings.hats)
        share = some.bags.mean(0, dtype=np.float64) if len(some) else np.zeros(some.bags.shape[1])
        return cls(
            centre, scale, heavy, mean, spread, flagged, hot[0], hot[1], hat_columns,
            np.concatenate([[0], np.cumsum([len(k) for k in knots])]).astype(np.int64),
            np.concatenate([*knots, np.zeros(0)]).astype(np.float32),
            np.asarray(0.5 / np.sqrt(share + 0.01), np.float32),
            np.zeros((0, 0), np.float32), np.zeros(0, np.float32),
        )  # fmt: skip

    @classmethod
    def restore(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """The inverse of `arrays`."""
        return cls(**{f.name: arrays[f.name] for f in fields(cls)})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All state."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def base_width(self) -> int:
        """Columns of `base`."""
        return len(self.centre) + len(self.flagged) + len(self.hot_columns) + len(self.bag_scale)

    @property
    def width(self) -> int:
        """Columns of `matrix`."""
        return self.base_width + len(self.hat_knots) + len(self.wave_phases)

    def with_waves(self, base: Floats, count: int, width: float, seed: int) -> Self:
        """The same features and `count` random waves of a Gaussian kernel, `width` times the typical distance wide."""
        rng = np.random.default_rng(seed)
        # Twice the total variance is the mean squared distance of two rows.
        distance = np.sqrt(2 * max(float(base.var(0, dtype=np.float64).sum()), 1e-9))
        weights = rng.standard_normal((count, base.shape[1])).T / (width * distance)
        phases = rng.uniform(0, 2 * np.pi, count)
        new = self.arrays() | {"wave_weights": _f32(weights), "wave_phases": _f32(phases)}
        return type(self)(**new)

    def base(self, rows: Encoded) -> Floats:
        """(n, base_width): scaled numbers, indicators, levels, words; all of about unit size."""
        n, f, m = len(rows), len(self.centre), len(self.flagged)
        h = len(self.hot_columns)
        out = np.zeros((n, self.base_width), np.float32)
        out[:, :f] = self._scaled(rows.numbers)
        out[:, f : f + m] = np.isnan(rows.numbers[:, self.flagged])
        for column in np.unique(self.hot_columns):
            own = np.flatnonzero(self.hot_columns == column)
            place = np.full(int(self.hot_codes[own].max()) + 2, -1)
            place[self.hot_codes[own] + 1] = own
            codes = rows.codes[:, column] + 1
            hit = place[np.where(codes < len(place), codes, 0)]
            hit[codes >= len(place)] = -1
            some = np.flatnonzero(hit >= 0)
            out[some, f + m + hit[some]] = 1
        out[:, f + m + h :] = rows.bags * self.bag_scale
        return out

    def matrix(self, rows: Encoded) -> Floats:
        """(n, width): base, hats, waves."""
        base = self.base(rows)
        out = np.empty((len(rows), self.width), np.float32)
        at = self.base_width
        out[:, :at] = base
        for k, column in enumerate(self.hat_columns):
            knots = self.hat_knots[self.hat_starts[k] : self.hat_starts[k + 1]]
            _hat(rows.numbers[:, column], knots, out[:, at : at + len(knots)])
            at += len(knots)
        if len(self.wave_phases):
            np.cos(base @ self.wave_weights + self.wave_phases, out=out[:, at:])
        return out

    def _scaled(self, values: Floats) -> Floats:
        z = (values - self.centre) * self.scale
        z[:, self.heavy] = np.arcsinh(z[:, self.heavy])
        z = np.clip((z - self.mean) * self.spread, -CLIP, CLIP)
        return np.asarray(np.nan_to_num(z, copy=False), np.float32)


def _f32(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float32)


def _scales(values: Floats) -> tuple[Floats, Floats, NDArray[np.bool_], Floats, Floats]:
    """Median and robust scale; arcsinh where the tails are heavy; then zero mean and unit deviation."""
    n, f = values.shape
    if n == 0 or f == 0:
        return (
            np.zeros(f, np.float32),
            np.ones(f, np.float32),
            np.zeros(f, bool),
            np.zeros(f, np.float32),
            np.ones(f, np.float32),
        )
    ordered = np.sort(values, 0)  # NaN last
    count = n - np.isnan(values).sum(0)
    places = np.clip((np.array([[0.25], [0.5], [0.75]]) * (count - 1)).astype(np.int64), 0, n - 1)
    lower, centre, upper = np.nan_to_num(ordered[places, np.arange(f)])
    quartiles = upper - lower
    offset = np.nan_to_num(values - centre)
    deviation = np.sqrt((offset.astype(np.float64) ** 2).sum(0) / np.maximum(count, 1))
    robust = np.where(quartiles > 0, quartiles / 1.349, deviation)
    scale = np.where(robust > 0, 1 / np.where(robust > 0, robust, 1), 0)
    z = offset * scale.astype(np.float32)
    heavy = np.abs(z).max(0) > HEAVY
    z[:, heavy] = np.arcsinh(z[:, heavy])
    filled = np.isfinite(values)
    mean = z.sum(0, dtype=np.float64) / np.maximum(count, 1)
    spread = np.sqrt((np.where(filled, z - mean, 0) ** 2).sum(0, dtype=np.float64) / np.maximum(count, 1))
    inverse = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0)
    return _f32(centre), _f32(scale), heavy, _f32(mean), _f32(inverse)


def _levels(codes: NDArray[np.int32], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The `most` frequent (column, code) pairs; a level that every row has says nothing."""
    found: list[tuple[int, int, int]] = []
    for column in range(codes.shape[1]):
        counts = np.bincount(codes[:, column] + 1)
        found.extend((-int(counts[c]), column, int(c) - 1) for c in np.flatnonzero(counts) if counts[c] < len(codes))
    found = sorted(sorted(found)[:most], key=lambda item: item[1:])
    return np.array([c for _, c, _ in found], np.int64), np.array([c for _, _, c in found], np.int64)


def _hats(values: Floats, n: int, most: int) -> tuple[NDArray[np.int64], list[Floats]]:
    """Knots at quantiles of the rows and of the distinct values, where the table is narrow and long enough."""
    f = values.shape[1]
    most = min(most, n // 8)
    room = most // max(1, f)
    if room < 5:
        return np.zeros(0, np.int64), []
    columns, knots = [], []
    for column in range(f):
        filled = values[:, column]
        filled = filled[np.isfinite(filled)]
        distinct = np.unique(filled)
        if len(distinct) < 3:
            continue
        if len(distinct) > room:
            grid = np.linspace(0, 1, max(3, room // 2))
            ends = [np.quantile(filled, grid, method="nearest"), np.quantile(distinct, grid, method="nearest")]
            distinct = np.unique(np.concatenate(ends))
        columns.append(column)
        knots.append(_f32(distinct))
    return np.array(columns, np.int64), knots


def _hat(values: Floats, knots: Floats, out: Floats) -> None:
    """Linear interpolation weights between neighbouring knots; a missing value lies on no knot."""
    out[:] = 0
    rows = np.flatnonzero(np.isfinite(values))
    x = np.clip(values[rows], knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    share = (x - knots[left]) / (knots[left + 1] - knots[left])
    out[rows, left] = 1 - share
    out[rows, left + 1] = share
