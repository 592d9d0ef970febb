"""One clip -> one vector of named blocks: level, spectrum statistics, cepstrum, shape, pitch, rhythm, a map in time.

Everything is measured per clip with numpy, about 1 ms for a second of sound; no look at other rows, so vectors are
shared by all learners and splits. NaN stands where a clip cannot tell (bands above half its sample rate, pitch
without a voiced frame); the heads count NaN as the column's mean. Sources: MFCC, Davis & Mermelstein 1980; pitch by
autocorrelation over the window's own, Boersma 1993; modulation spectrum, Houtgast & Steeneken 1985.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.speech.config import ExcerptConfig
from autodl_agent.learners.speech.pitch import pitch
from autodl_agent.learners.speech.spectrum import (
    BANDS,
    FRAME_S,
    HOP_S,
    Floats,
    Spectrum,
    cosine_basis,
    product,
    quantiles,
    spectrum,
)
from data_format.examples import Example
from data_format.media.sounds import sound

CEPSTRA = 20
MAP_CEPSTRA = 14
RHYTHM_BANDS = 10
RHYTHM_FRAMES = 256  # about 3 s: the slowest rhythm told apart is 0.33 Hz
RHYTHM_EDGES = (1, 2, 4, 8, 16, 32, 64, 128)  # in units of 0.33 Hz
ACTIVE_NEPER = 8.0  # frames within 35 dB of the loudest count as sounding
LOUD_NEPER = 5.0  # frames within 22 dB: what stands clear of room and noise


def sound_recipe(config: ExcerptConfig, value_range: tuple[float, float]) -> Recipe:
    """The recipe of a clip's feature vector; sizes follow from the configuration alone."""

    def decode(example: Example) -> Floats:
        wave, rate = sound(example, config.seconds, value_range)
        return describe(wave, rate, config)

    low, high = value_range
    key = f"sound@{config.name}:{config.seconds:g}:{config.segments}:{low:g}:{high:g}"
    return Recipe(key, (width(config),), "float32", decode)


@lru_cache(maxsize=8)
def width(config: ExcerptConfig) -> int:
    """Length of the feature vector."""
    return len(describe(np.zeros(8000, np.float32), 8000, config))


@lru_cache(maxsize=8)
def layout(config: ExcerptConfig) -> Mapping[str, slice]:
    """Where each block lies in the feature vector."""
    sizes = {name: len(block) for name, block in blocks(np.zeros(8000, np.float32), 8000, config).items()}
    ends = np.cumsum(list(sizes.values()))
    return {name: slice(int(end) - size, int(end)) for (name, size), end in zip(sizes.items(), ends, strict=True)}


def describe(wave: Floats, rate: int, config: ExcerptConfig) -> Floats:
    """(width,) float32 feature vector of a mono clip; infinities never, NaN where the clip cannot tell."""
    return np.concatenate(list(blocks(wave, rate, config).values()))


def blocks(wave: Floats, rate: int, config: ExcerptConfig) -> dict[str, Floats]:
    """The named blocks of `describe`, in order."""
    heard = spectrum(wave, rate)
    loud = heard.mel.max(1)
    active = loud > loud.max() - ACTIVE_NEPER
    clear = loud > loud.max() - LOUD_NEPER
    first, last = int(active.argmax()), len(active) - int(active[::-1].argmax())
    inner = heard.mel[first:last]
    cepstra = product(heard.mel, cosine_basis(BANDS, CEPSTRA))
    found = {
        "level": _level(heard, active, last - first),
        "mel": _mel_statistics(heard, clear),
        "cepstrum": _cepstrum_statistics(cepstra[clear], cepstra[first:last]),
        "shape": _shape(heard, clear),
        "pitch": pitch(heard.wave, heard.rate),
        "rhythm": _rhythm(heard),
        "map": _map(inner, config.segments),
    }
    return {name: np.asarray(block, np.float32).ravel() for name, block in found.items()}


def _level(heard: Spectrum, active: NDArray[np.bool_], sounding: int) -> list[float]:
    energy = heard.energy
    low, mid, high = quantiles(energy, (0.05, 0.5, 0.95))
    power = float(np.mean(heard.wave * heard.wave)) + 1e-12
    return [
        np.log(len(heard.wave) / heard.rate),
        np.log(sounding * HOP_S),
        np.log(heard.peak + 1e-6),
        np.log(power),
        float(active.mean()),
        float(high - low),
        float(mid - low),
        heard.held / BANDS,
        float(np.abs(np.diff(energy)).mean()),
        float(np.diff(active.astype(np.int8)).clip(0).sum()) / (len(active) * HOP_S),
    ]


def _mel_statistics(heard: Spectrum, clear: NDArray[np.bool_]) -> Floats:
    mel = heard.mel[clear]
    level = mel.mean()
    step = np.diff(heard.mel, axis=0)
    spread = quantiles(heard.mel, (0.1, 0.5, 0.9)) - level
    out = np.vstack([mel.mean(0) - level, mel.std(0), spread, np.abs(step).mean(0), step.std(0)])
    out[:, heard.held :] = np.nan
    return out


def _cepstrum_statistics(cepstra: Floats, inner: Floats) -> Floats:
    step = _slope(inner)
    second = _slope(step)
    return np.vstack([cepstra.mean(0), cepstra.std(0), step.mean(0), step.std(0), second.std(0)])


def _shape(heard: Spectrum, clear: NDArray[np.bool_]) -> Floats:
    """Mean, spread and quantiles (4, 6) of centre, width, flatness, roll-off, flux and zero crossings."""
    flux = np.sqrt(np.square(np.diff(heard.mel, axis=0, prepend=heard.mel[:1])).mean(1))[clear]
    crossings = _zero_crossings(heard, len(clear))[clear]
    values = np.hstack([heard.shape[clear], flux[:, None], crossings[:, None]])
    return np.vstack([values.mean(0), values.std(0), quantiles(values, (0.1, 0.9))])


def _zero_crossings(heard: Spectrum, frames: int) -> Floats:
    signs = np.signbit(heard.wave)
    changes = np.concatenate([[0], np.cumsum(signs[1:] != signs[:-1])])
    starts = (np.arange(frames) * max(1, round(HOP_S * heard.rate))).clip(0, len(changes) - 1)
    ends = (starts + round(FRAME_S * heard.rate)).clip(0, len(changes) - 1)
    return np.asarray(np.log((changes[ends] - changes[starts]) / FRAME_S + 20), np.float32)


def _rhythm(heard: Spectrum) -> Floats:
    """Log power of each group of bands' envelope in octaves of modulation frequency, relative to its own total."""
    grouped = heard.mel.reshape(len(heard.mel), RHYTHM_BANDS, -1).mean(2)
    pieces = max(1, len(grouped) // RHYTHM_FRAMES)
    total = np.zeros((RHYTHM_FRAMES // 2 + 1, RHYTHM_BANDS), np.float32)
    for piece in np.array_split(grouped, pieces):
        centred = piece[:RHYTHM_FRAMES] - piece[:RHYTHM_FRAMES].mean(0)
        total += np.square(np.abs(np.fft.rfft(centred, RHYTHM_FRAMES, axis=0))) / len(centred)
    octaves = np.add.reduceat(total, RHYTHM_EDGES[:-1], axis=0)
    return np.asarray(np.log(octaves / pieces + np.float32(1e-2)), np.float32)


def _map(inner: Floats, segments: int) -> Floats:
    """Cepstra in `segments` equal parts of the sounding stretch, each less its mean over the clip, and their mean."""
    summed = np.concatenate([np.zeros((1, BANDS), np.float32), np.cumsum(inner, axis=0)])
    edges = np.linspace(0, len(inner), segments + 1)
    whole = edges.astype(int)
    part = (edges - whole).astype(np.float32)[:, None]
    after = summed[np.minimum(whole + 1, len(inner))]
    at = summed[whole] * (1 - part) + after * part
    means = np.diff(at, axis=0) / np.float32(len(inner) / segments)
    cepstra = means @ cosine_basis(BANDS, MAP_CEPSTRA)
    return np.asarray(cepstra - cepstra.mean(0), np.float32)


def _slope(values: Floats) -> Floats:
    """Rate of change over five frames (regression), edges repeated."""
    padded = np.concatenate([values[:1], values[:1], values, values[-1:], values[-1:]])
    slope = 2 * (padded[4:] - padded[:-4]) + (padded[3:-1] - padded[1:-3])
    return np.asarray(slope / np.float32(10), np.float32)
