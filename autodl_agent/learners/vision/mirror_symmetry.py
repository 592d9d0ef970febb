"""Mirror symmetry for nothing: features split into the part that a mirrored picture keeps and the part it turns round.

With f the features and Pf those of the mirrored picture, even = f + Pf and odd = f - Pf. Ridge regression on pictures
and their mirrored copies gives the odd part zero weight, so leaving it out *is* training with mirrored copies, at half
the width. Where left and right matter (writing, faces turned to one side) the odd part stays.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.base import Examples
from autodl_agent.learners.vision.features import Feature
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Folded:
    """Features of some rows: even (n, a), kept by mirroring, and odd (n, b), turned round by it."""

    even: Floats
    odd: Floats

    def __len__(self) -> int:
        return len(self.even)

    def joined(self, with_odd: bool) -> Floats:
        """(n, a) or (n, a + b)."""
        return np.concatenate([self.even, self.odd], 1) if with_odd else self.even

    def take(self, positions: NDArray[Any]) -> "Folded":
        """The rows at these positions."""
        return Folded(self.even[positions], self.odd[positions])


def widths(features: tuple[Feature, ...]) -> tuple[int, int]:
    """Even and odd columns that `fold` makes."""
    parts = [_parts(feature) for feature in features]
    pairs = sum(len(first) for first, _, _ in parts)
    return pairs + sum(len(kept) for _, kept, _ in parts), pairs + sum(len(turned) for _, _, turned in parts)


def fold(data: Examples, features: tuple[Feature, ...], deadline: Deadline | None, with_odd: bool = True) -> Folded:
    """Even and odd part of the features of all rows of `data`; odd has no columns where it is not wanted."""
    even, odd = widths(features)
    out = Folded(np.empty((len(data), even), np.float32), np.empty((len(data), odd if with_odd else 0), np.float32))
    a = b = 0
    for feature in features:
        values = data.array(feature.recipe, deadline).astype(np.float32)
        first, kept, turned = _parts(feature)
        left, right = values[:, first], values[:, feature.mirror[first]] * feature.signs[first]
        np.add(left, right, out=out.even[:, a : a + len(first)])
        a += len(first)
        out.even[:, a : a + len(kept)] = values[:, kept]
        a += len(kept)
        if with_odd:
            np.subtract(left, right, out=out.odd[:, b : b + len(first)])
            b += len(first)
            out.odd[:, b : b + len(turned)] = values[:, turned]
            b += len(turned)
    return out


def _parts(feature: Feature) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Columns that have a partner (the first of each two), that mirroring keeps, and that it turns round."""
    own, signs = np.arange(len(feature.mirror)), feature.signs
    alone = own == feature.mirror
    return (
        np.flatnonzero(own < feature.mirror),
        np.flatnonzero(alone & (signs > 0)),
        np.flatnonzero(alone & (signs < 0)),
    )
