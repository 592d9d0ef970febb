"""Cheap image features in numpy: histograms of oriented gradients, small colour pixels and colour histograms.

Every feature is a store recipe computed from one decoded image recipe, and knows its own mirror image: the feature of
a mirrored picture is a permutation of the feature, so that a head can be taught mirror symmetry without computing
anything twice (`folding`). Sources: Dalal & Triggs 2005 (HOG), Felzenszwalb et al. 2010 (normalisation by the
energies of four neighbourhoods, truncated).
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe
from data_format.examples import Example
from data_format.media.pixels import ValueRange

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
BINS = 18  # signed directions, 20 degrees apart; a multiple of 2, so that opposite directions fold together
GRID = 8  # cells per side of the gradient histogram
MOST_GROUPS = 4  # channel groups with gradients of their own where channels are no colours


@dataclass(frozen=True)
class Feature:
    """A recipe of flat features and what they become when the picture is mirrored: sign · features[mirror].

    mirror: (features,) positions, its own inverse. sign: (features,) 1, or -1 where mirroring turns a value round.
    """

    recipe: Recipe
    mirror: NDArray[np.int64]
    sign: Floats | None = None

    @property
    def signs(self) -> Floats:
        """(features,) signs, all 1 where none are given."""
        return np.ones(len(self.mirror), np.float32) if self.sign is None else self.sign


def image_recipe(task: Task, side_px: int) -> Recipe:
    """Square images (side, side, channels) uint8, squashed, in the task's channels."""
    channels = max(1, task.shape[3])
    decode = partial(_decode, side_px=side_px, channels=channels, value_range=task.pixel_range)
    return Recipe(f"image@{side_px}x{side_px}x{channels}", (side_px, side_px, channels), "uint8", decode)


def gradient_feature(task: Task, side_px: int) -> Feature:
    """Gradient histograms of 8×8 cells (undirected) and 4×4 cells (directed), per channel group."""
    image = image_recipe(task, side_px)
    mirror = gradient_mirror(image.shape[2])
    recipe = Recipe(f"{image.key}/gradients", (len(mirror),), "float16", source=image, batch=gradients)
    return Feature(recipe, mirror)


def colour_feature(task: Task, side_px: int) -> Feature:
    """Pixels averaged over an 8×8 grid (4×4 above four channels) and a histogram of colours."""
    image = image_recipe(task, side_px)
    mirror = colour_mirror(image.shape[2])
    return Feature(Recipe(f"{image.key}/colours", (len(mirror),), "float16", source=image, batch=colours), mirror)


def gradient_mirror(channels: int) -> NDArray[np.int64]:
    """What `gradients` of a mirrored picture are, as positions."""
    fine, coarse = _grid_mirror(GRID, _fold_mirror()), coarse_mirror()
    one = np.concatenate([fine, len(fine) + coarse])
    return np.concatenate([one + g * len(one) for g in range(len(_groups(channels)))])


def coarse_mirror() -> NDArray[np.int64]:
    """The same for the directed 4×4 part alone, the last one of a group."""
    return _grid_mirror(GRID // 2, _turn())


def colour_mirror(channels: int) -> NDArray[np.int64]:
    """What `colours` of a mirrored picture are, as positions."""
    grid = _pixel_grid(channels)
    n_pixels, n_colours = grid * grid * channels, 64 if channels == 3 else 16 * channels
    return np.concatenate([_grid_mirror(grid, np.arange(channels)), n_pixels + np.arange(n_colours)])


def gradients(images: NDArray[Any]) -> Floats:
    """(n, side, side, channels) -> (n, groups × (8·8·9 + 4·4·18))."""
    out = []
    for group in _groups(images.shape[3]):
        fine = gradient_cells(images[..., group], GRID)
        n = len(fine)
        coarse = fine.reshape(n, GRID // 2, 2, GRID // 2, 2, BINS).sum((2, 4))
        undirected = fine[..., : BINS // 2] + fine[..., BINS // 2 :]
        cell_px = images.shape[1] / GRID
        out += [normalised(undirected, cell_px).reshape(n, -1), normalised(coarse, 2 * cell_px).reshape(n, -1)]
    return np.concatenate(out, 1)


def gradient_cells(images: NDArray[Any], grid: int) -> Floats:
    """Sums of gradient lengths per cell and direction: (n, side, side, channels) -> (n, grid, grid, BINS).

    The channel with the longest gradient speaks for its pixel; a direction is shared by its two nearest bins.
    """
    down, across, length = _steepest(images)
    # One turn is added so that truncation rounds down for negative angles too.
    angle = np.arctan2(down, across) * np.float32(BINS / (2 * np.pi)) + np.float32(BINS)
    lower = angle.astype(np.int32)
    share = angle - lower
    n, height, width = length.shape
    rows, columns = (np.arange(height) * grid // height)[:, None], np.arange(width) * grid // width
    cell = ((np.arange(n)[:, None, None] * grid + rows) * grid + columns) * BINS
    size = n * grid * grid * BINS
    upper = length * share
    # bincount over one flat index is the quickest scatter-add in numpy.
    sums = np.bincount((cell + lower % BINS).ravel(), (length - upper).ravel(), size)
    sums += np.bincount((cell + (lower + 1) % BINS).ravel(), upper.ravel(), size)
    return sums.reshape(n, grid, grid, BINS).astype(np.float32)


def normalised(cells: Floats, cell_px: float) -> Floats:
    """Each cell divided by the energies of its four 2×2 neighbourhoods, cut at 0.4 and averaged; same shape."""
    energy = np.pad((cells * cells).sum(3), ((0, 0), (1, 1), (1, 1)), mode="edge")
    blocks = energy[:, :-1, :-1] + energy[:, 1:, :-1] + energy[:, :-1, 1:] + energy[:, 1:, 1:]
    floor = np.float32(1.25 * cell_px * cell_px)  # a cell of differences below about one grey level counts as flat
    inverse = 1 / (np.sqrt(blocks) + floor)
    grid = cells.shape[1]
    total = np.zeros_like(cells)
    for i in (0, 1):
        for j in (0, 1):
            total += np.minimum(cells * inverse[:, i : i + grid, j : j + grid, None], np.float32(0.4))
    return total * np.float32(0.25)


def colours(images: Pixels) -> Floats:
    """(n, side, side, channels) -> (n, pixels and histogram), both between 0 and 1."""
    n, side, _, channels = images.shape
    grid = _pixel_grid(channels)
    step = side // grid
    cut = images[:, : grid * step, : grid * step].reshape(n, grid, step, grid, step, channels)
    pixels = cut.mean((2, 4), dtype=np.float32).reshape(n, -1) / 255
    if channels == 3:  # joint colours; other channels are no colours and are counted one by one
        levels = (images >> 6).astype(np.int64)
        index, bins = (levels[..., 0] * 4 + levels[..., 1]) * 4 + levels[..., 2], 64
    else:
        index, bins = (images >> 4).astype(np.int64) + np.arange(channels) * 16, 16 * channels
    flat = index.reshape(n, -1) + np.arange(n)[:, None] * bins
    counts = np.bincount(flat.ravel(), minlength=n * bins).reshape(n, bins)
    return np.concatenate([pixels, np.sqrt(counts / (side * side)).astype(np.float32)], 1)


def _decode(example: Example, side_px: int, channels: int, value_range: ValueRange) -> Pixels:
    from data_format.media.images import image_at

    return image_at(example, side_px, side_px, channels, value_range)


def _steepest(images: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Central differences downwards and across and their length, (n, h, w) each, of the steepest channel."""
    x = np.moveaxis(images, 3, 0).astype(np.float32)
    down, across = np.zeros_like(x[0]), np.zeros_like(x[0])
    best = np.full_like(down, -1)
    for plane in x:
        dy, dx = np.zeros_like(plane), np.zeros_like(plane)
        dy[:, 1:-1] = plane[:, 2:] - plane[:, :-2]
        dx[:, :, 1:-1] = plane[:, :, 2:] - plane[:, :, :-2]
        length = dy * dy + dx * dx
        wins = length > best
        np.copyto(down, dy, where=wins)
        np.copyto(across, dx, where=wins)
        np.copyto(best, length, where=wins)
    return down, across, np.sqrt(best)


@lru_cache
def _groups(channels: int) -> tuple[slice, ...]:
    """Up to three channels are colours of one picture; more are pictures of their own, in at most four groups."""
    if channels <= 3:
        return (slice(0, channels),)
    edges = np.linspace(0, channels, min(channels, MOST_GROUPS) + 1).astype(int)
    return tuple(slice(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True))


def _pixel_grid(channels: int) -> int:
    return GRID if channels <= 4 else GRID // 2


def _grid_mirror(grid: int, inner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Mirror of a (grid, grid, inner) block: columns turned round, the innermost axis permuted by `inner`."""
    index = np.arange(grid * grid * len(inner)).reshape(grid, grid, len(inner))
    return index[:, ::-1][..., inner].ravel()


def _turn() -> NDArray[np.int64]:
    """Directed bin of a mirrored gradient: angle a becomes 180° - a."""
    return (BINS // 2 - np.arange(BINS)) % BINS


def _fold_mirror() -> NDArray[np.int64]:
    """Undirected bin of a mirrored gradient: angle a becomes -a."""
    return -np.arange(BINS // 2) % (BINS // 2)
