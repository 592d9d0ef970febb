"""Frozen features of pictures as store recipes: decoded to the size of a view, through a network, pooled.

Small views show the centre, cut to a square: what the pictures are of is there more often than not, and it is larger.
Whole views have the usual shape of the set's pictures at the same number of pixels, so that nothing is squeezed.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe, TensorStore
from autodl_agent.learners.vision.config import ViewConfig
from autodl_agent.pretrained.models.efficientnet import FAMILY, FEATURES, map_shape
from autodl_agent.pretrained.networks import can_serve, network
from data_format.errors import Unreadable
from data_format.examples import Example
from data_format.media.pixels import ValueRange

Floats = NDArray[np.float32]
PEEKED_ROWS = 31  # pictures whose headers tell the usual shape
STEP_PX = 8  # sides are multiples of it
LONGEST = 3.0  # aspect ratio of the longest shape a whole view takes
EFFORTS = {"efficientnet-lite2": 1.6}  # multiplications for a pixel, against Lite0
SQUARE_UP_TO = 1.7  # aspect ratio up to which the centre stands for the picture


def serves(task: Task, views: Sequence[ViewConfig]) -> bool:
    """Whether pictures of the task have grey or colour channels and the first view's network is there."""
    return task.shape[3] in (1, 3) and can_serve(views[0].network)


def view_recipe(task: Task, view: ViewConfig, aspect: float) -> Recipe:
    """(FEATURES,) float16 of every picture. aspect: usual rows / columns."""
    pixels = pixel_recipe(task, view, aspect)
    batch = partial(frozen_features, name=view.network, mirrored=view.mirrored)
    effort = EFFORTS.get(view.network, 1.0)
    return Recipe(_key(pixels, view), (FEATURES,), "float16", source=pixels, batch=batch, effort=effort)


def map_recipe(task: Task, view: ViewConfig, aspect: float, cut: int) -> Recipe:
    """(rows, columns, channels) float16 of every picture: what block number `cut` of the network is given."""
    pixels = pixel_recipe(task, view, aspect)
    shape = map_shape(view.network.removeprefix(FAMILY), cut, *pixels.shape[:2])
    batch = partial(frozen_maps, name=view.network, mirrored=view.mirrored, cut=cut, shape=shape)
    return Recipe(f"{_key(pixels, view)}/{cut}", shape, "float16", source=pixels, batch=batch)


def pixel_recipe(task: Task, view: ViewConfig, aspect: float, keep: bool = False) -> Recipe:
    """(rows, columns, 3) uint8 of every picture, not mirrored."""
    rows, columns, fit = view_shape(view, aspect)
    return sized_recipe(task, rows, columns, fit, keep)


def sized_recipe(task: Task, rows: int, columns: int, fit: str = "crop", keep: bool = False) -> Recipe:
    """(rows, columns, 3) uint8 of every picture; fit: "crop" (of the centre) or "squash"."""
    decode = partial(_decode, rows=rows, columns=columns, fit=fit, value_range=task.pixel_range)
    return Recipe(f"picture@{rows}x{columns}/{fit}", (rows, columns, 3), "uint8", decode, keep=keep)


def _key(pixels: Recipe, view: ViewConfig) -> str:
    return f"{pixels.key}/{view.network}{'/mirrored' if view.mirrored else ''}"


def view_shape(view: ViewConfig, aspect: float) -> tuple[int, int, str]:
    """Rows, columns, and how a picture is brought to them: "crop" or "squash"."""
    if not view.whole and 1 / SQUARE_UP_TO <= aspect <= SQUARE_UP_TO:
        return view.side_px, view.side_px, "crop"
    root = np.sqrt(np.clip(aspect, 1 / LONGEST, LONGEST))
    rows, columns = (max(1, round(side / STEP_PX)) * STEP_PX for side in (view.side_px * root, view.side_px / root))
    return rows, columns, "squash"


def frozen_features(pictures: NDArray[np.uint8], name: str, mirrored: bool = False) -> Floats:
    """(n, rows, columns, 3) -> (n, FEATURES). Raises MissingWeightsError."""
    if mirrored:
        pictures = pictures[:, :, ::-1]
    return network(name).run(pictures, normalised)


def frozen_maps(
    pictures: NDArray[np.uint8], name: str, mirrored: bool, cut: int, shape: tuple[int, int, int]
) -> Floats:
    """(n, rows, columns, 3) -> (n, *shape), see `efficientnet.map_shape`. Raises MissingWeightsError."""
    if mirrored:
        pictures = pictures[:, :, ::-1]
    return network(name, cut).run(pictures, normalised, shape)


def normalised(pictures: NDArray[Any]) -> Floats:
    """What EfficientNet-Lite was trained on: (grey level - 127) / 128."""
    out = pictures.astype(np.float32)
    out -= 127
    out *= np.float32(1 / 128)
    return out


def usual_aspect(store: TensorStore) -> float:
    """Median of rows / columns of a few training pictures, from their headers; 1 where none can be read."""
    return store.kept("train", "usual_aspect", lambda: _peek(store))


def _peek(store: TensorStore) -> float:
    from data_format.media.images import image_size

    source, found = store.split("train").source, []
    for row in np.linspace(0, len(source) - 1, min(PEEKED_ROWS, len(source))).astype(int):
        try:
            rows, columns, _ = image_size(source.example(int(row)))
            found.append(rows / max(1, columns))
        except Unreadable:
            continue  # the row is counted when it is decoded
    return float(np.median(found)) if found else 1.0


def _decode(example: Example, rows: int, columns: int, fit: str, value_range: ValueRange) -> NDArray[np.uint8]:
    from data_format.media.images import image_at

    return image_at(example, rows, columns, 3, value_range, fit)
