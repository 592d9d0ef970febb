"""Single-layer convolutional features without labels: whitened patches of the images themselves as filters.

Filters are random whitened patches, responses are cut at a soft threshold and averaged over a grid of regions. Every
filter stands beside its mirror image, so the features of a mirrored picture are a permutation (see `folding`).
Sources: Coates, Lee & Ng 2011 (whitened patches, pooling); Coates & Ng 2011 (random patches with soft threshold do
about as well as learnt dictionaries).
"""

from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.task import Task
from autodl_agent.data.tensor_store import Recipe, TensorStore
from autodl_agent.learners.image.config import BankConfig
from autodl_agent.learners.vision.features import Feature, image_recipe
from autodl_agent.system.clock import Deadline

Floats = NDArray[np.float32]
CONTRAST_FLOOR = 10.0  # variance in grey levels² added before a patch is brought to unit contrast
WHITENING_FLOOR = 0.1  # added to the variances of unit-contrast patches: keeps pixel noise from being blown up
MOST_CHANNELS = 4
CHUNK_VALUES = 1_500_000  # responses held at once: about what the second-level caches of two cores hold


@dataclass(frozen=True)
class Bank:
    """filters: (channels·patch², filters) and bias: (filters,), the second half mirroring the first; mean removed."""

    config: BankConfig
    filters: Floats
    bias: Floats


def bank_of(store: TensorStore, config: BankConfig, index: int, sample: tuple[int, int], deadline: Deadline) -> Bank:
    """The bank of this run, made once and shared by all learners: seeds are the run's and the bank's number.

    sample: rows of the train split and number of patches to learn from. Raises OutOfTimeError.
    """
    rows, patches = sample
    # All training rows, held-out ones too: no label is used, and every learner of the run gets the same filters.
    total = len(store.split("train"))
    chosen = np.sort(np.random.default_rng(store.task.seed).permutation(total)[:rows])
    images = store.rows("train", image_recipe(store.task, config.side_px), chosen, deadline)
    readable = images[~store.bad["train"][chosen]]
    seed = (store.task.seed, index)
    return store.kept("train", ("patches", config, seed), lambda: make_bank(readable, config, patches, seed))


def make_bank(images: NDArray[np.uint8], config: BankConfig, n_patches: int, seed: tuple[int, int]) -> Bank:
    """Cut patches from images (n, side, side, channels), whiten them and take some as filters."""
    rng, images = np.random.default_rng(seed), few_channels(images)
    p, (n, side, _, channels) = config.patch_px, images.shape
    width, half = channels * p * p, max(1, config.filters // 2)
    if not n:
        return Bank(config, np.zeros((width, 2 * half), np.float32), np.full(2 * half, -1, np.float32))
    windows = np.lib.stride_tricks.sliding_window_view(images, (p, p), axis=(1, 2))
    top, left = rng.integers(side - p + 1, size=(2, n_patches))
    patches = unit_contrast(windows[rng.integers(n, size=n_patches), top, left].reshape(n_patches, -1))
    mean = patches.mean(0)
    values, vectors = np.linalg.eigh((patches - mean).T @ (patches - mean) / n_patches)
    kept = slice(-min(config.components, width), None)
    whiten = vectors[:, kept] / np.sqrt(values[kept].clip(0) + WHITENING_FLOOR)
    atoms = (patches[rng.integers(n_patches, size=half)] - mean) @ whiten
    atoms /= np.maximum(np.linalg.norm(atoms, axis=1, keepdims=True), 1e-6)
    one = (whiten @ atoms.T).astype(np.float32)
    mirrored = one.reshape(channels, p, p, half)[:, :, ::-1].reshape(width, half)
    filters = np.concatenate([one, mirrored], 1)
    # The mean patch is taken off both ways alike, or a filter and its mirror would answer unlike to mirrored pictures.
    level = np.tile(mean @ one, 2)
    return Bank(config, np.ascontiguousarray(filters), (-level - config.threshold).astype(np.float32))


def patch_feature(task: Task, bank: Bank) -> Feature:
    """Recipe and mirror of a bank's pooled responses, (pools, pools, filters) flat."""
    config, count = bank.config, bank.filters.shape[1]
    image = image_recipe(task, config.side_px)
    digest = blake2b(bank.filters.tobytes() + bank.bias.tobytes(), digest_size=8).hexdigest()
    shape = (config.pools * config.pools * count,)
    key = f"{image.key}/patches-{digest}-{config.stride_px}-{config.pools}"
    index = np.arange(shape[0]).reshape(config.pools, config.pools, 2, count // 2)
    mirror = index[:, ::-1, ::-1].ravel()
    return Feature(Recipe(key, shape, "float16", source=image, batch=partial(responses, bank=bank)), mirror)


def responses(images: NDArray[np.uint8], bank: Bank) -> Floats:
    """Pooled responses: (n, side, side, channels) -> (n, pools·pools·filters), square roots of region means."""
    config, count, images = bank.config, bank.filters.shape[1], few_channels(images)
    p, step = config.patch_px, config.stride_px
    windows = np.lib.stride_tricks.sliding_window_view(images, (p, p), axis=(1, 2))[:, ::step, ::step]
    across = windows.shape[2]
    pool = pooling(across, config.pools)
    out = np.empty((len(images), config.pools**2, count), np.float32)
    # Pooling is a matrix product as well: reductions over strided axes are several times slower.
    size = max(1, CHUNK_VALUES // (across * across * count))
    for start in range(0, len(images), size):
        part = windows[start : start + size]
        patches = unit_contrast(part.reshape(len(part) * across * across, -1))
        answer = patches @ bank.filters
        answer += bank.bias
        np.maximum(answer, 0, out=answer)
        out[start : start + len(part)] = pool @ answer.reshape(len(part), across * across, count)
    np.sqrt(out, out=out)
    return out.reshape(len(images), -1)


def few_channels(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most four channels: more are averaged in groups of neighbours, since a patch must stay a short vector."""
    channels = images.shape[3]
    if channels <= MOST_CHANNELS:
        return images
    starts = np.linspace(0, channels, MOST_CHANNELS + 1).astype(int)[:-1]
    sizes = np.diff([*starts, channels])
    return (np.add.reduceat(images.astype(np.float32), starts, 3) / sizes).round().astype(np.uint8)


def pooling(across: int, pools: int) -> Floats:
    """(pools², across²) weights that average positions over a grid of equal regions; border positions are shared."""
    edges = np.linspace(0, across, pools + 1)
    place = np.arange(across)
    line = np.minimum(edges[1:, None], place + 1) - np.maximum(edges[:-1, None], place)
    line = line.clip(0)
    weights = np.einsum("ai,bj->abij", line, line).reshape(pools * pools, -1)
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)


def unit_contrast(patches: NDArray[Any]) -> Floats:
    """Patches (n, width) with mean 0 and, where they have contrast, variance 1."""
    x = np.array(patches, np.float32)
    x -= x.mean(1, keepdims=True)
    variance = np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1])
    np.divide(x, np.sqrt(variance + np.float32(CONTRAST_FLOOR)), out=x)
    return x
