"""Sound that is not speech: chroma, spectral contrast, harmonic and percussive parts, tempo, high bands (numpy only).

What the quick learner's blocks leave out: they stop at 8 kHz and describe voices. librosa measures the same things, and
tests hold ours against its values; but its first call takes a second, or a quarter of a minute where numba has compiled
nothing yet (decision 0021). Sources: chroma, Fujishima 1999; spectral contrast, Jiang et al. 2002; median-filtered
harmonic/percussive separation, FitzGerald 2010; tempo from the autocorrelation of the onset strength, Ellis 2007.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from autodl_agent.data.tensor_store import Recipe
from autodl_agent.learners.speech.config import ExcerptConfig
from autodl_agent.learners.speech.features import describe
from autodl_agent.learners.speech.spectrum import Floats, product, quantiles
from data_format.examples import Example
from data_format.media.sounds import sound

FRAME, HOP = 1024, 512
WIDE_BANDS = 32  # log-spaced from 50 Hz to half the sample rate
OCTAVES_HZ = (0.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12_800.0)
CONTRAST_SHARE = 0.1
MEDIAN = 9  # frames and bins of the median filters
MOST_FRAMES = 1200
LAG_S = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.3, 1.6, 2.0)
FEWEST_FRAMES = 12


def music_recipe(config: ExcerptConfig, value_range: tuple[float, float]) -> Recipe:
    """The quick learner's blocks, then those of `music`; (features,) float32 a clip, NaN where it cannot tell."""

    def decode(example: Example) -> Floats:
        wave, rate = sound(example, config.seconds, value_range)
        return np.concatenate([describe(wave, rate, config), music(wave, rate)])

    low, high = value_range
    key = f"music@{config.name}:{config.seconds:g}:{config.segments}:{low:g}:{high:g}"
    return Recipe(key, (_width(config),), "float32", decode)


def music(wave: Floats, rate: int) -> Floats:
    """(features,) float32 of mono samples (n,) at `rate` hertz."""
    power = _power(wave)
    bands = np.log(product(power, _wide_bank(rate)) + np.float32(1e-9))
    onset = np.maximum(np.diff(bands, axis=0, prepend=bands[:1]), 0).mean(1)
    tall = np.log(power + np.float32(1e-9))
    harmonic, percussive = _two_parts(power)
    parts = [
        _moments(bands - bands.mean()),
        _moments(_chroma(power, rate)),
        _moments(_contrast(tall, rate)),
        _tempo(onset, rate / HOP),
        np.array([np.log(harmonic.sum() + 1e-9) - np.log(percussive.sum() + 1e-9)]),
        np.log(
            (product(harmonic, _wide_bank(rate)).mean(0) + 1e-9)
            / (product(percussive, _wide_bank(rate)).mean(0) + 1e-9)
        ),
        np.array([onset.mean(), onset.std(), *quantiles(onset, (0.5, 0.9, 0.99)), rate / 16_000]),
    ]
    return np.asarray(np.concatenate([np.ravel(part) for part in parts]), np.float32)


@lru_cache(maxsize=4)
def _width(config: ExcerptConfig) -> int:
    still = np.zeros(8000, np.float32)
    return len(describe(still, 8000, config)) + len(music(still, 8000))


def _power(wave: Floats) -> Floats:
    """(frames, bins) power relative to the clip's peak, at most MOST_FRAMES frames, evenly chosen in stretches."""
    wave = np.nan_to_num(np.asarray(wave, np.float32).ravel(), nan=0.0, posinf=0.0, neginf=0.0)
    wave = wave / np.float32(max(float(np.abs(wave).max(initial=0.0)), 1e-6))
    shortest = FRAME + (FEWEST_FRAMES - 1) * HOP
    if len(wave) < shortest:
        wave = np.pad(wave, (0, shortest - len(wave)))
    frames = np.lib.stride_tricks.sliding_window_view(wave, FRAME)[::HOP][:MOST_FRAMES]
    out = np.empty((len(frames), FRAME // 2 + 1), np.float32)
    shape = np.hanning(FRAME + 2)[1:-1].astype(np.float32)
    for at in range(0, len(frames), 64):
        bins = np.fft.rfft(frames[at : at + 64] * shape, axis=1)
        out[at : at + 64] = bins.real**2 + bins.imag**2
    return out


def _moments(values: Floats) -> Floats:
    """Mean, spread, and the 10 % and 90 % quantiles over time of every column."""
    return np.vstack([values.mean(0), values.std(0), quantiles(values, (0.1, 0.9))])


@lru_cache(maxsize=16)
def _wide_bank(rate: int) -> Floats:
    """(bins, WIDE_BANDS) even weights of log-spaced bands up to half the sample rate; every band has a bin."""
    edges = np.geomspace(50.0, max(rate / 2, 100.0), WIDE_BANDS + 1)
    bins = FRAME // 2 + 1
    places = np.clip(np.rint(edges * FRAME / rate).astype(int), 0, bins - 1)
    bank = np.zeros((bins, WIDE_BANDS), np.float32)
    for band, (low, high) in enumerate(zip(places, places[1:], strict=False)):
        bank[low : max(high, low + 1), band] = 1 / max(1, high - low)
    return bank


def _chroma(power: Floats, rate: int) -> Floats:
    """(frames, 12) shares of the twelve pitch classes between 60 Hz and 5 kHz."""
    total = product(power, _chroma_bank(rate))
    return np.asarray(total / (total.sum(1, keepdims=True) + np.float32(1e-9)), np.float32)


@lru_cache(maxsize=16)
def _chroma_bank(rate: int) -> Floats:
    hertz = np.arange(FRAME // 2 + 1) * rate / FRAME
    bank = np.zeros((len(hertz), 12), np.float32)
    heard = np.flatnonzero((hertz >= 60) & (hertz <= 5000))
    bank[heard, np.rint(12 * np.log2(hertz[heard] / 440)).astype(int) % 12] = 1
    return bank


def _contrast(tall: Floats, rate: int) -> Floats:
    """(frames, octaves) log power of peaks over valleys in each octave; 0 above half the sample rate."""
    edges = np.clip(np.rint(np.array(OCTAVES_HZ) * FRAME / rate).astype(int), 0, tall.shape[1])
    out = np.zeros((len(tall), len(edges) - 1), np.float32)
    for band, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
        if high - low < 3:
            continue
        ordered = np.sort(tall[:, low:high], axis=1)
        few = max(1, round(CONTRAST_SHARE * (high - low)))
        out[:, band] = ordered[:, -few:].mean(1) - ordered[:, :few].mean(1)
    return out


def _two_parts(power: Floats) -> tuple[Floats, Floats]:
    """What is steady in time and what is steady in frequency: power masked by running medians along either axis."""
    from scipy.ndimage import median_filter

    some = np.ascontiguousarray(power[:: max(1, len(power) // 300), ::4])
    steady = median_filter(some, (MEDIAN, 1))
    sudden = median_filter(some, (1, MEDIAN))
    mask = steady / (steady + sudden + np.float32(1e-12))
    whole = np.repeat(mask, 4, axis=1)[:, : power.shape[1]]
    rows = power[:: max(1, len(power) // 300)]
    return rows * whole, rows * (1 - whole)


def _tempo(onset: Floats, frames_s: float) -> NDArray[np.float64]:
    """Autocorrelation of the onset strength at fixed lags, its best lag above 0.2 s and how strong that is."""
    centred = onset - onset.mean()
    size = 1 << (2 * len(centred) - 1).bit_length()
    bins = np.fft.rfft(centred, size)
    own = np.fft.irfft(bins.real**2 + bins.imag**2, size)[: len(centred)]
    own = own / (own[0] + 1e-9)
    places = np.rint(np.array(LAG_S) * frames_s).astype(int)
    at_lags = np.where(places < len(own), own[np.minimum(places, len(own) - 1)], np.nan)
    first = round(0.2 * frames_s)
    if len(own) <= first + 2:
        return np.concatenate([at_lags, [np.nan, np.nan]])
    best = first + int(own[first:].argmax())
    return np.concatenate([at_lags, [np.log(best / frames_s), own[best]]])
