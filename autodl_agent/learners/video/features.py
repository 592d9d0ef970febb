"""Cheap video features in numpy: what the frames look like, how it changes, and where to things move.

All come from one decoded clip recipe. Directions matter ("left" against "right"), so displacements keep their sign;
every feature also knows what it becomes when the clip is mirrored (see the image learner's `folding`).
Source: motion energy, Bobick & Davis 2001. `movement` has the displacements.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.video.motion import grey_frames, grid_means, movement, movement_mirror
from autodl_agent.learners.vision.features import (
    GRID,
    Feature,
    Floats,
    Pixels,
    coarse_mirror,
    colour_mirror,
    colours,
    gradient_mirror,
    gradients,
)
from data_format.examples import Example
from data_format.media.pixels import ValueRange

SEGMENTS = 3  # parts of the clip whose looks are compared: beginning, middle, end


def clip_recipe(task: Task, frames: int, side_px: int) -> Recipe:
    """Clips (frames, side, side, channels) uint8, frames spread over the whole clip."""
    channels = max(1, task.shape[3])
    shape = (frames, side_px, side_px, channels)
    decode = partial(_decode, shape=shape, value_range=task.pixel_range)
    return Recipe(f"clip@{frames}x{side_px}x{side_px}x{channels}", shape, "uint8", decode)


def looks_feature(task: Task, frames: int, side_px: int) -> Feature:
    """Gradients and colours of the frames: mean and spread over time, and end minus beginning."""
    clip = clip_recipe(task, frames, side_px)
    first, second = gradient_mirror(clip.shape[3]), colour_mirror(clip.shape[3])
    mirror = np.concatenate([first, len(first) + second])
    every = np.concatenate([mirror + k * len(mirror) for k in range(3)])
    return Feature(Recipe(f"{clip.key}/looks", (len(every),), "float16", source=clip, batch=feature_views), every)


def changes_feature(task: Task, frames: int, side_px: int) -> Feature:
    """Differences between neighbouring frames: where, how strong, of which shape, and when."""
    clip = clip_recipe(task, frames, side_px)
    grid = np.arange(GRID * GRID).reshape(GRID, GRID)[:, ::-1].ravel()
    parts = [grid, grid, grid, coarse_mirror(), np.arange(2 * (frames - 1) + 16)]
    ends = np.cumsum([0, *(len(p) for p in parts)])
    mirror = np.concatenate([p + e for p, e in zip(parts, ends, strict=False)])
    return Feature(Recipe(f"{clip.key}/changes", (len(mirror),), "float16", source=clip, batch=changes), mirror)


def movement_feature(task: Task, frames: int, side_px: int) -> Feature:
    """Signed displacements: whole picture, moving thing, and cell by cell."""
    clip = clip_recipe(task, frames, side_px)
    mirror, sign = movement_mirror()
    recipe = Recipe(f"{clip.key}/movement", (len(mirror),), "float32", source=clip, batch=movement)
    return Feature(recipe, mirror, sign)


def feature_views(clips: Pixels) -> Floats:
    """(n, frames, side, side, channels) -> (n, 3 × features of a frame)."""
    n, frames = clips.shape[:2]
    flat = clips.reshape(n * frames, *clips.shape[2:])
    each = np.concatenate([gradients(flat), colours(flat)], 1).reshape(n, frames, -1)
    # Frames go through the image features as one long batch.
    cut = max(1, frames // SEGMENTS)
    return np.concatenate([each.mean(1), each.std(1), each[:, -cut:].mean(1) - each[:, :cut].mean(1)], 1)


def changes(clips: Pixels) -> Floats:
    """(n, frames, side, side, channels) -> (n, 3·8·8 + shape + 2·(frames-1) + 16)."""
    grey = grey_frames(clips)
    n, frames, side, _ = grey.shape
    step = np.diff(grey, axis=1)
    size = np.abs(step)
    energy = grid_means(size, GRID)
    signed = grid_means(grey[:, -1:] - grey[:, :1], GRID)[:, 0]
    shape = gradients(size.reshape(-1, side, side, 1).clip(0, 255)).reshape(n, frames - 1, -1)
    shape = shape[:, :, -len(coarse_mirror()) :]
    when = energy.mean((2, 3))
    counts = np.stack([np.bincount(v, minlength=16) for v in _levels(size).reshape(n, -1)])
    histogram = np.sqrt(counts / max(1, size[0].size))
    parts = (
        energy.mean(1),
        energy.max(1),
        signed,
        shape.mean(1),
        np.sort(when, 1),
        np.abs(when - when.mean(1)[:, None]),
    )
    # Square roots tame the few cells with violent changes; the sign of brightening and darkening stays.
    flat = [np.sqrt(np.abs(p)) * np.sign(p) if k < 3 else p for k, p in enumerate(parts)]
    return np.concatenate([*(p.reshape(n, -1) for p in flat), histogram], 1).astype(np.float32)


def _decode(example: Example, shape: tuple[int, int, int, int], value_range: ValueRange) -> Pixels:
    from data_format.media.videos import clip_at

    return clip_at(example, *shape, value_range)


def _levels(size: Floats) -> NDArray[np.int64]:
    """Strength of a change in 16 steps, two a doubling."""
    levels: NDArray[np.int64] = (2 * np.log2(size + 1)).astype(np.int64).clip(0, 15)
    return levels
