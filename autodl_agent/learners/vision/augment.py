"""Training pictures made anew for every step, in NumPy: turned, moved, stretched, mirrored, recoloured, cut and mixed.

One batch of 64 pictures of 32×32×3 takes about 4 ms. Sources: Cubuk et al. 2020 (RandAugment), DeVries & Taylor 2017
(cutout), Yun et al. 2019 (CutMix), Zhang et al. 2018 (mixup).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Augmentation:
    """How far pictures may be changed.

    flip: whether left and right may be exchanged. shift, zoom: shares of the side. turn_degrees, shear: geometry.
    light, contrast, tint: spread of brightness, contrast and single channels, in standard deviations or factors.
    cutout: largest side of a blanked square, as a share of the side. mix: share of batches that are mixed.
    """

    flip: bool
    shift: float = 0.1
    zoom: float = 0.12
    turn_degrees: float = 8.0
    shear: float = 0.08
    light: float = 0.2
    contrast: float = 0.2
    tint: float = 0.1
    cutout: float = 0.3
    mix: float = 0.5

    def eased(self, share: float) -> "Augmentation":
        """With this share (0 to 1) of every change but mirroring; of turning and moving a third at least."""
        share = min(max(share, 0.0), 1.0)
        moved, rest = ("shift", "zoom", "turn_degrees", "shear"), ("light", "contrast", "tint", "cutout", "mix")
        least = {name: getattr(self, name) * max(share, 1 / 3) for name in moved}
        return replace(self, **least, **{name: getattr(self, name) * share for name in rest})


def augmented(pictures: Floats, labels: Floats, augmentation: Augmentation, rng: Rng) -> tuple[Floats, Floats]:
    """(n, side, side, channels) standardised pictures and (n, classes) labels -> changed copies of both."""
    out = recoloured(warped(pictures, augmentation, rng), augmentation, rng)
    if augmentation.cutout:
        out[square_masks(len(out), out.shape[1], augmentation.cutout, rng)] = 0
    if rng.random() < augmentation.mix and len(out) > 1:
        return cut_mixed(out, labels, rng)
    return out, labels


def warped(pictures: Floats, augmentation: Augmentation, rng: Rng) -> Floats:
    """Every picture turned, sheared, zoomed, shifted and perhaps mirrored; bilinear, edges repeated."""
    n, side = len(pictures), pictures.shape[1]
    turn = np.deg2rad(rng.uniform(-augmentation.turn_degrees, augmentation.turn_degrees, n))
    zoom = np.exp(rng.uniform(-augmentation.zoom, augmentation.zoom, (n, 2)))
    shear = rng.uniform(-augmentation.shear, augmentation.shear, n)
    mirror = np.where(rng.random(n) < 0.5, -1.0, 1.0) if augmentation.flip else np.ones(n)
    shift = rng.uniform(-augmentation.shift, augmentation.shift, (n, 2)) * side
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.empty((n, 2, 2), np.float32)
    matrix[:, 0, 0], matrix[:, 0, 1] = zoom[:, 0] * cos, zoom[:, 0] * (shear * cos - sin) * mirror
    matrix[:, 1, 0], matrix[:, 1, 1] = zoom[:, 1] * sin, zoom[:, 1] * (shear * sin + cos) * mirror
    place = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)
    grid = np.stack(np.meshgrid(place, place, indexing="ij")).reshape(2, -1)
    source = matrix @ grid + (shift[:, :, None] + (side - 1) / 2).astype(np.float32)
    return _bilinear(pictures, source.clip(0, side - 1))


def recoloured(pictures: Floats, augmentation: Augmentation, rng: Rng) -> Floats:
    """Brightness, contrast and single channels changed a little, in place; standardised pictures have mean 0."""
    n, channels = len(pictures), pictures.shape[3]
    factor = np.exp(rng.normal(0, augmentation.contrast, (n, 1, 1, 1)))
    offset = rng.normal(0, augmentation.light, (n, 1, 1, 1)) + rng.normal(0, augmentation.tint, (n, 1, 1, channels))
    pictures *= factor.astype(np.float32)
    pictures += offset.astype(np.float32)
    return pictures


def square_masks(n: int, side: int, largest: float, rng: Rng) -> NDArray[np.bool_]:
    """(n, side, side) True inside one square each, of random size and place, partly outside perhaps."""
    half = rng.uniform(0, largest, n) * side / 2
    return _rectangles(rng.uniform(0, side, n), rng.uniform(0, side, n), half, half, side)


def cut_mixed(pictures: Floats, labels: Floats, rng: Rng) -> tuple[Floats, Floats]:
    """A rectangle of each picture comes from another of the batch; labels in proportion to the area."""
    n, side = len(pictures), pictures.shape[1]
    other = rng.permutation(n)
    half = np.sqrt(rng.uniform(0, 0.5, n)) * side / 2
    mask = _rectangles(rng.uniform(0, side, n), rng.uniform(0, side, n), half, half, side)
    share = mask.mean((1, 2)).astype(np.float32)[:, None]
    return np.where(mask[..., None], pictures[other], pictures), labels * (1 - share) + labels[other] * share


def _rectangles(rows: Any, columns: Any, high: Any, wide: Any, side: int) -> NDArray[np.bool_]:
    place = np.arange(side) + 0.5
    down = np.abs(place - rows[:, None]) < high[:, None]
    across = np.abs(place - columns[:, None]) < wide[:, None]
    return np.asarray(down[:, :, None] & across[:, None, :])


def _bilinear(pictures: Floats, source: Floats) -> Floats:
    """Values at (n, 2, side * side) fractional rows and columns inside the pictures."""
    n, side, _, channels = pictures.shape
    low = np.minimum(source.astype(np.int32), side - 2) if side > 1 else np.zeros(source.shape, np.int32)
    share = (source - low)[..., None]
    first = (np.arange(n, dtype=np.int32)[:, None] * side + low[:, 0]) * side + low[:, 1]
    flat = pictures.reshape(-1, channels)
    step = 1 if side > 1 else 0
    top = flat[first] * (1 - share[:, 1]) + flat[first + step] * share[:, 1]
    bottom = flat[first + side * step] * (1 - share[:, 1]) + flat[first + (side + 1) * step] * share[:, 1]
    return np.asarray((top * (1 - share[:, 0]) + bottom * share[:, 0]).reshape(pictures.shape), np.float32)
