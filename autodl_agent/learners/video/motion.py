"""Signed displacements in numpy: of the whole picture, of the moving thing, and cell by cell.

Sources: phase correlation, Kuglin & Hines 1975; gradient flow, Lucas & Kanade 1981.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.vision.features import Floats, Pixels

FLOW_GRID = 4  # cells per side that local movement is measured in
RADII = (1.5, 3.0, 6.0, 32.0)  # ring borders of the displacement map, pixels
SECTORS = 8  # directions of the displacement map
FLOW_FLOOR = 30.0  # squared grey levels a pixel: flat cells stand still


def movement(clips: Pixels) -> Floats:
    """(n, frames, side, side, channels) -> (n, movement numbers): see `movement_mirror` for their order."""
    grey = grey_frames(clips)
    parts = [phase_map(grey), track(grey), flow(grey)]
    return np.concatenate(parts, 1).astype(np.float32)


def grey_frames(clips: Pixels) -> Floats:
    """Mean over the channels: (n, frames, side, side) in grey levels."""
    grey: Floats = clips.mean(-1, dtype=np.float32)
    return grey


def phase_map(grey: Floats) -> Floats:
    """Where the phase correlation of neighbouring frames has its weight: (n, SECTORS·rings + 2 + 2).

    First the map, direction by distance; then the mean displacement across and down; then still share and peak.
    """
    # Without a window the picture's border would answer as a cross at no displacement.
    window = np.hanning(grey.shape[2] + 2)[1:-1].astype(np.float32)
    x = (grey - grey.mean((2, 3), keepdims=True)) * window[:, None] * window
    spectrum = np.fft.rfft2(x)
    cross = np.conj(spectrum[:, :-1]) * spectrum[:, 1:]
    cross /= np.abs(cross) + np.float32(1e-3) * (np.abs(cross).mean((2, 3), keepdims=True) + np.float32(1e-6))
    surface = np.fft.irfft2(cross, s=grey.shape[2:]).clip(0).astype(np.float32) ** 2
    surface /= surface.sum((2, 3), keepdims=True) + np.float32(1e-9)
    mean = surface.mean(1).reshape(len(grey), -1)
    bins, across, down = _rings(grey.shape[2])
    shares = mean @ bins
    drift = np.stack([mean @ across, mean @ down], 1)
    still = np.stack([mean[:, 0], surface.max((2, 3)).mean(1)], 1)
    return np.concatenate([np.sqrt(shares), drift, still], 1)


def track(grey: Floats) -> Floats:
    """Path of what differs from the clip's mean picture: (n, 8).

    Across then down, each: slope over time, end minus beginning, mean place, and length of the path.
    """
    n, frames, side, _ = grey.shape
    weight = np.abs(grey - grey.mean(1, keepdims=True))
    weight = (weight - weight.mean((2, 3), keepdims=True)).clip(0) + np.float32(1e-3)
    place = np.linspace(-1, 1, side, dtype=np.float32)
    mass = weight.sum((2, 3))
    time = np.linspace(-1, 1, frames, dtype=np.float32)
    out = []
    for axis in (2, 3):  # summing rows away leaves columns: across first
        path = (weight.sum(axis) @ place) / mass
        slope = (path * time).sum(1) / np.square(time).sum()
        out += [slope, path[:, -1] - path[:, 0], path.mean(1), np.abs(np.diff(path, axis=1)).sum(1)]
    return np.stack(out, 1)


def flow(grey: Floats) -> Floats:
    """Least-squares flow of every cell and of the whole picture: (n, 3 × (4·4 + 1) × 2).

    Mean over time, spread over time and mean size, each across (cells, whole) then down.
    """
    before, after = grey[:, :-1], grey[:, 1:]
    middle = (before + after) / 2
    dx, dy = np.zeros_like(middle), np.zeros_like(middle)
    dx[..., 1:-1] = (middle[..., 2:] - middle[..., :-2]) / 2
    dy[:, :, 1:-1] = (middle[:, :, 2:] - middle[:, :, :-2]) / 2
    dt = after - before
    pairs = ((dx, dx), (dx, dy), (dy, dy), (dx, dt), (dy, dt))
    xx, xy, yy, xt, yt = (_with_whole(grid_means(np.asarray(a * b, np.float32), FLOW_GRID)) for a, b in pairs)
    xx, yy = xx + np.float32(FLOW_FLOOR), yy + np.float32(FLOW_FLOOR)
    # The floor on the diagonal makes cells without texture stand still instead of flying off.
    inverse = 1 / (xx * yy - xy * xy).clip(1)
    across, down = (xy * yt - yy * xt) * inverse, (xy * xt - xx * yt) * inverse
    parts = [across.mean(1), down.mean(1), across.std(1), down.std(1), np.abs(across).mean(1), np.abs(down).mean(1)]
    return np.concatenate(parts, 1).clip(-8, 8)


def movement_mirror() -> tuple[NDArray[np.int64], Floats]:
    """Positions and signs of a mirrored clip's movement numbers: map, drift, still, track, flow."""
    turned = (SECTORS // 2 - np.arange(SECTORS)) % SECTORS
    rings = np.arange(SECTORS * len(RADII)).reshape(SECTORS, len(RADII))[turned].ravel()
    plain = np.arange(2 + 2 + 8)
    cells = np.append(np.arange(FLOW_GRID**2).reshape(FLOW_GRID, FLOW_GRID)[:, ::-1].ravel(), FLOW_GRID**2)
    blocks = [rings, plain, *[cells] * 6]
    signs = [
        np.ones(len(rings)),
        np.array([-1, 1, 1, 1]),
        np.array([-1, -1, -1, 1, 1, 1, 1, 1]),
        -np.ones(len(cells)),
        np.ones(5 * len(cells)),
    ]
    starts = np.cumsum([0, *(len(b) for b in blocks)])
    one = np.concatenate([b + s for b, s in zip(blocks, starts, strict=False)])
    sign = np.concatenate(signs).astype(np.float32)
    return one, sign


def grid_means(frames: Floats, grid: int) -> Floats:
    """(n, t, side, side) -> (n, t, grid, grid)."""
    n, t, side, _ = frames.shape
    step = side // grid
    cut = frames[:, :, : grid * step, : grid * step]
    means: Floats = cut.reshape(n, t, grid, step, grid, step).mean((3, 5))
    return means


def _with_whole(cells: Floats) -> Floats:
    """(n, t, g, g) -> (n, t, g·g + 1): the cells, then their mean."""
    flat = cells.reshape(*cells.shape[:2], -1)
    return np.concatenate([flat, flat.mean(2, keepdims=True)], 2)


@lru_cache
def _rings(side: int) -> tuple[Floats, Floats, Floats]:
    """Per displacement of a correlation surface: (side², sectors·rings) membership, and its pixels across and down."""
    offset = np.fft.fftfreq(side, 1 / side)
    down, across = np.meshgrid(offset, offset, indexing="ij")
    radius = np.hypot(down, across)
    ring = np.searchsorted(RADII, radius)
    sector = np.round(np.arctan2(down, across) * SECTORS / (2 * np.pi)).astype(int) % SECTORS
    bins = np.zeros((side * side, SECTORS * len(RADII)), np.float32)
    inside = (radius > 0).ravel() & (ring < len(RADII)).ravel()
    bins[np.flatnonzero(inside), (sector * len(RADII) + ring).ravel()[inside]] = 1
    # Minus the largest shift has no mirror image on an even grid: it counts for no direction.
    edge = (np.abs(down) == side / 2) | (np.abs(across) == side / 2)
    bins[edge.ravel()] = 0
    across, down = np.where(edge, 0, across), np.where(edge, 0, down)
    return bins, across.ravel().astype(np.float32), down.ravel().astype(np.float32)
