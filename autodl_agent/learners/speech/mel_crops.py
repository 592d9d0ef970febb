"""Log-mel pictures of clips for networks: one recipe, crops of one length, and changes that keep what is said.

Sources: Park et al. 2019 (SpecAugment: masked bands and times); Jaitly & Hinton 2013 (vocal tract length perturbation,
here a shift along the mel bands).
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.tensor_store import Recipe, TensorStore
from autodl_agent.learners.speech.config import SoundNetworkConfig
from autodl_agent.learners.speech.spectrum import BANDS, HOP_S, RANGE_NEPER, Floats, spectrum
from data_format.errors import Unreadable
from data_format.examples import Example
from data_format.media.sounds import sound

PEEKED_ROWS = 31  # clips whose length tells the usual one
STEP = 8  # frames of a crop are a multiple of it
Rng = np.random.Generator
Doubles = NDArray[np.float64]


def mel_recipe(frames: int, value_range: tuple[float, float]) -> Recipe:
    """(1 + frames, BANDS) float16: how many frames the clip has (in the first row), then log-mel, zeros behind."""
    low, high = value_range
    decode = partial(_decode, frames=frames, value_range=value_range)
    return Recipe(f"mel@{frames}:{low:g}:{high:g}", (1 + frames, BANDS), "float16", decode)


def usual_frames(store: TensorStore, most_s: float) -> int:
    """Frames of nine in ten training clips, `most_s` seconds at the most; from a few clips."""
    return store.kept("train", f"usual frames {most_s:g}", lambda: _peek(store, most_s))


def crop_frames(usual: int, config: SoundNetworkConfig) -> int:
    """Frames that the network sees at once: the usual clip, or a part of it."""
    wanted = min(usual, round(config.crop_s / HOP_S))
    return max(2 * STEP, -(-wanted // STEP) * STEP)


def random_crops(stored: NDArray[np.float16], frames: int, config: SoundNetworkConfig, rng: Rng) -> Floats:
    """Crops (n, frames, BANDS) of stored clips at random places, faster or slower, higher or lower by a little."""
    n, lengths = len(stored), stored[:, 0, 0].astype(np.float64)
    speed = np.exp(rng.uniform(-config.stretch, config.stretch, n))
    room = lengths / speed - frames  # how much longer than the crop the clip is; negative: silence on both sides
    start = rng.random(n) * room
    out = _resampled(stored, start * speed, speed, frames)
    shift = rng.integers(-config.shift_bands, config.shift_bands + 1, n)
    bands = (np.arange(BANDS) + shift[:, None]).clip(0, BANDS - 1)
    out = np.take_along_axis(out, bands[:, None, :], 2)
    tilt = rng.normal(0, config.tilt, (n, 1, 1)) * np.linspace(-1, 1, BANDS)
    return np.asarray(out + tilt.astype(np.float32), np.float32)


def even_crops(stored: NDArray[np.float16], frames: int, count: int) -> Floats:
    """(n, count, frames, BANDS): `count` crops from the beginning to the end; a short clip lies in the middle."""
    n, lengths = len(stored), stored[:, 0, 0].astype(np.float64)
    places = np.linspace(0, 1, count) if count > 1 else np.array([0.5])
    starts = (lengths - frames)[:, None] * places
    crops = [_resampled(stored, starts[:, k], np.ones(n), frames) for k in range(count)]
    return np.stack(crops, 1)


def masked(crops: Floats, config: SoundNetworkConfig, strength: float, rng: Rng) -> Floats:
    """Standardised crops with one stretch of bands and one of time set to the mean, in place.

    strength: 0 to 1, factor of the largest shares.
    """
    n, frames = crops.shape[:2]
    for axis, size, share in ((2, BANDS, config.mask_bands), (1, frames, config.mask_time)):
        wide = rng.random((n, 1)) * strength * share * size
        start = rng.random((n, 1)) * (size - wide)
        place = np.arange(size)
        hit = (place >= start) & (place < start + wide)
        crops[np.broadcast_to(np.expand_dims(hit, 3 - axis), crops.shape)] = 0
    return crops


def scale_of(stored: NDArray[np.float16]) -> tuple[Floats, Floats]:
    """Mean and spread (BANDS,) of every band over all sounding frames."""
    inside = np.arange(stored.shape[1] - 1) < stored[:, :1, 0]
    values = stored[:, 1:][inside].astype(np.float32)
    if not len(values):
        return np.zeros(BANDS, np.float32), np.ones(BANDS, np.float32)
    return values.mean(0), np.maximum(values.std(0), 0.5)


def _resampled(stored: NDArray[np.float16], start: Doubles, speed: Doubles, frames: int) -> Floats:
    """(n, frames, BANDS) nearest frames at start + k · speed; silence outside the clip."""
    lengths = stored[:, 0, 0].astype(np.int64)
    place = np.rint(start[:, None] + np.arange(frames) * speed[:, None]).astype(np.int64)
    inside = (place >= 0) & (place < lengths[:, None])
    found = np.take_along_axis(stored, 1 + np.where(inside, place, 0)[:, :, None], 1).astype(np.float32)
    return np.where(inside[:, :, None], found, np.float32(-RANGE_NEPER))


def _decode(example: Example, frames: int, value_range: tuple[float, float]) -> NDArray[np.float16]:
    wave, rate = sound(example, frames * HOP_S + 0.05, value_range)
    mel = spectrum(wave, rate).mel[:frames]
    out = np.zeros((1 + frames, BANDS), np.float16)
    out[0] = len(mel)
    out[1 : 1 + len(mel)] = mel
    return out


def _peek(store: TensorStore, most_s: float) -> int:
    source, seconds = store.split("train").source, []
    for row in np.linspace(0, len(source) - 1, min(PEEKED_ROWS, len(source))).astype(int):
        try:
            wave, rate = sound(source.example(int(row)), most_s, store.task.value_range)
            seconds.append(len(wave) / max(1, rate))
        except Unreadable:
            continue  # the row is counted when it is decoded
    usual = float(np.quantile(seconds, 0.9)) if seconds else 1.0
    return int(max(2 * STEP, min(usual, most_s) // HOP_S))
