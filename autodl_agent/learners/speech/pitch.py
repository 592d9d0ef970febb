"""Pitch of a clip: autocorrelation of 48 ms frames over the window's own (Boersma 1993), on about 5.5 kHz."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from autodl_agent.learners.speech.spectrum import PIECE, Floats, quantiles

NAMES = 10
RATE_HZ = 5500
FRAME_S, HOP_S = 0.048, 0.024
LOWEST_HZ, HIGHEST_HZ = 60.0, 450.0
ACTIVE_NEPER = 7.0  # frames within 30 dB of the loudest
VOICED = 0.5
OCTAVE_COST = 0.03  # twice the period must win by this much: keeps the estimate from falling an octave


def pitch(wave: Floats, rate: int) -> list[float]:
    """Median, mean, spread, 10 % and 90 % quantile and mean step of log f0 (in log hertz), share of voiced frames,
    mean, spread and maximum of the periodicity. The first six are NaN with less than three voiced frames.
    """
    step = max(1, round(rate / RATE_HZ))
    wave = wave[: len(wave) // step * step].reshape(-1, step).mean(1)
    slow = rate / step
    window = round(FRAME_S * slow)
    if len(wave) < window:
        wave = np.concatenate([wave, np.zeros(window - len(wave), np.float32)])
    shape, own, fft = _window(window)
    frames = np.lib.stride_tricks.sliding_window_view(wave, window)[:: max(1, round(HOP_S * slow))]
    energy = np.log(np.einsum("fs,fs->f", frames, frames) + np.float32(1e-12))
    frames = frames[energy > energy.max() - ACTIVE_NEPER]
    lags = np.arange(int(slow / HIGHEST_HZ), min(int(slow / LOWEST_HZ) + 1, window - 2))
    pieces = []
    for start in range(0, len(frames), PIECE):
        piece = frames[start : start + PIECE]
        bins = np.fft.rfft((piece - piece.mean(1, keepdims=True)) * shape, fft, axis=1)
        correlation = np.fft.irfft(bins.real**2 + bins.imag**2, fft, axis=1)
        part = correlation[:, lags[0] - 1 : lags[-1] + 2] / own[lags[0] - 1 : lags[-1] + 2]
        pieces.append(part / (correlation[:, :1] + np.float32(1e-9)))
    lag, strength = _best(np.concatenate(pieces), lags)
    return _summary(np.log(np.float32(slow) / lag), strength)


def _best(part: Floats, lags: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Lag (frames,) with a parabola's precision and its correlation; part has one lag more on either side.

    Peaks are compared by the height of their parabolas: at so low a rate the samples beside a peak stand far below it.
    """
    left, middle, right = part[:, :-2], part[:, 1:-1], part[:, 2:]
    bend = np.minimum(left - 2 * middle + right, np.float32(-1e-6))
    shift = (np.float32(0.5) * (left - right) / bend).clip(-0.5, 0.5)
    height = middle - np.float32(0.25) * (left - right) * shift
    cost = OCTAVE_COST * np.log2(lags / lags[0]).astype(np.float32)
    best = np.where((middle >= left) & (middle >= right), height - cost, -1).argmax(1)
    rows = np.arange(len(part))
    return (lags[best] + shift[rows, best]).astype(np.float32), height[rows, best].clip(0, 1)


def _summary(told: Floats, strength: Floats) -> list[float]:
    voiced = strength > VOICED
    weak = [float(voiced.mean()), float(strength.mean()), float(strength.std()), float(strength.max())]
    if voiced.sum() < 3:
        return [float("nan")] * 6 + weak
    told = told[voiced]
    low, mid, high = quantiles(told, (0.1, 0.5, 0.9))
    moved = float(np.abs(np.diff(told)).mean())
    return [float(mid), float(told.mean()), float(told.std()), float(low), float(high), moved, *weak]


@lru_cache(maxsize=16)
def _window(size: int) -> tuple[Floats, Floats, int]:
    """The Hann window, its normalised autocorrelation and the FFT size that keeps correlations from wrapping."""
    shape = np.hanning(size + 2)[1:-1]
    fft = 1 << (2 * size - 1).bit_length()
    own = np.fft.irfft(np.abs(np.fft.rfft(shape, fft)) ** 2, fft)
    return shape.astype(np.float32), np.maximum(own / own[0], 0.05).astype(np.float32), fft
