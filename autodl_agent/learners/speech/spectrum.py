"""From a waveform to short-time spectra on a mel scale in hertz that is the same for every sample rate (numpy only).

Frames of 32 ms every 12 ms, Hann window, mel bands after O'Shaughnessy 1987 (2595·log10(1 + f/700)). Bands a clip's
sample rate cannot hold are filled from the highest band it can, and `held` says which those are.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BANDS = 40
LOWEST_HZ, HIGHEST_HZ = 50.0, 8000.0
FRAME_S, HOP_S = 0.032, 0.012
MIN_FRAMES = 4
SMALL_PRODUCT = 200_000  # multiplications that OpenBLAS does without waking its threads
PIECE = 64  # frames at once: larger arrays leave the cache and cost three times as much
RANGE_NEPER = 18.0  # dynamic range kept below the loudest band, about 80 dB


@dataclass(frozen=True)
class Spectrum:
    """Short-time spectra of one clip, gain taken out.

    mel: (frames, BANDS) natural log of band power, 0 at the loudest value, -RANGE_NEPER at the floor.
    energy: (frames,) log of the power up to HIGHEST_HZ, relative to the clip's peak.
    shape: (frames, 4) centre and width of the spectrum in log hertz, flatness (log), 85 % roll-off in log hertz.
    held: how many of the BANDS lie below half the sample rate.
    wave: the samples, cleaned, peak 1 (all zeros for silence). peak: what they were divided by. rate: in hertz.
    """

    mel: Floats
    energy: Floats
    shape: Floats
    held: int
    wave: Floats
    peak: float
    rate: int


def spectrum(wave: Floats, rate: int) -> Spectrum:
    """Spectra of a mono clip (samples,); non-finite samples count as zero, short clips are padded with zeros."""
    rate = max(int(rate), 1000)
    wave, peak = _clean(wave)
    window = max(16, round(FRAME_S * rate))
    hop = max(1, round(HOP_S * rate))
    shortest = window + (MIN_FRAMES - 1) * hop
    if len(wave) < shortest:
        wave = np.concatenate([wave, np.zeros(shortest - len(wave), np.float32)])
    fft = 1 << (window - 1).bit_length()
    bank, held = mel_bank(rate, fft)
    frames = np.lib.stride_tricks.sliding_window_view(wave, window)[::hop]
    hertz = np.log(np.arange(len(bank), dtype=np.float32) * np.float32(rate / fft) + np.float32(50))
    mel = np.empty((len(frames), BANDS), np.float32)
    energy = np.empty(len(frames), np.float32)
    shape = np.empty((len(frames), 4), np.float32)
    for start in range(0, len(frames), PIECE):
        piece = slice(start, start + PIECE)
        bins = np.fft.rfft(frames[piece] * _hann(window), fft, axis=1)[:, : len(bank)]
        power = np.asarray(bins.real**2 + bins.imag**2 + np.float32(1e-12), np.float32)
        mel[piece] = np.log(product(power, bank))
        energy[piece], shape[piece] = _shape(power, hertz)
    mel = np.maximum(mel - mel.max(), -RANGE_NEPER) if peak else np.full_like(mel, -RANGE_NEPER)
    return Spectrum(mel, energy, shape, held, wave, peak, rate)


@lru_cache(maxsize=32)
def mel_bank(rate: int, fft: int) -> tuple[Floats, int]:
    """Triangular filters (bins, BANDS), each of unit sum, and the number of bands the sample rate can hold.

    Narrow low bands that fall between two bins take the nearest one; bands too high repeat the highest held one.
    """
    centres = _mel_to_hz(np.linspace(_hz_to_mel(LOWEST_HZ), _hz_to_mel(HIGHEST_HZ), BANDS + 2))
    bin_hz = rate / fft
    n_bins = min(fft // 2 + 1, int(HIGHEST_HZ / bin_hz) + 2)
    hertz = np.arange(n_bins) * bin_hz
    low, mid, high = centres[:-2], centres[1:-1], centres[2:]
    rise = (hertz[:, None] - low) / (mid - low)
    fall = (high - hertz[:, None]) / (high - mid)
    bank = np.minimum(rise, fall).clip(0)
    nearest = np.rint(mid / bin_hz).astype(int).clip(0, n_bins - 1)
    empty = bank.sum(0) < 0.5
    bank[nearest[empty], np.flatnonzero(empty)] = 1.0
    bank /= bank.sum(0)
    held = max(1, int(np.sum(mid <= rate / 2 * 0.99)))
    bank[:, held:] = bank[:, held - 1 : held]
    return bank.astype(np.float32), held


@lru_cache(maxsize=8)
def cosine_basis(size: int, count: int) -> Floats:
    """Orthonormal DCT-II basis (size, count): values (…, size) @ basis are its first `count` coefficients."""
    places = (np.arange(size) + 0.5)[:, None] * np.arange(count)
    basis = np.cos(np.pi / size * places) * np.sqrt(2 / size)
    basis[:, 0] *= np.sqrt(0.5)
    return np.asarray(basis, np.float32)


def product(left: Floats, right: Floats) -> Floats:
    """left (n, k) @ right (k, m) in pieces too small for BLAS threads, which would fight with the decoding threads."""
    rows = max(1, SMALL_PRODUCT // right.size)
    return np.concatenate([left[start : start + rows] @ right for start in range(0, len(left), rows)])


def quantiles(values: NDArray[np.floating], shares: tuple[float, ...]) -> Floats:
    """Order statistics (shares, …) nearest to the asked shares along the first axis."""
    ordered = np.sort(values, axis=0)
    return np.asarray(ordered[[round(share * (len(ordered) - 1)) for share in shares]], np.float32)


def _shape(power: Floats, hertz: Floats) -> tuple[Floats, Floats]:
    """Log energy (frames,) and centre, width, flatness and roll-off (frames, 4) of power spectra (frames, bins)."""
    total = power.sum(1)
    moments = product(power, np.stack([hertz, hertz * hertz], axis=1)) / total[:, None]
    width = np.sqrt((moments[:, 1] - moments[:, 0] ** 2).clip(0))
    flatness = np.log(power).mean(1) - np.log(total / np.float32(power.shape[1]))
    below = np.cumsum(power, axis=1) < np.float32(0.85) * total[:, None]
    rolloff = hertz[below.sum(1).clip(0, len(hertz) - 1)]
    return np.log(total), np.stack([moments[:, 0], width, flatness, rolloff], axis=1)


def _clean(wave: Floats) -> tuple[Floats, float]:
    wave = np.nan_to_num(np.asarray(wave, np.float32).ravel(), nan=0.0, posinf=0.0, neginf=0.0)
    if len(wave):
        wave = wave - wave.mean(dtype=np.float64).astype(np.float32)
    peak = float(np.abs(wave).max(initial=0.0))
    if peak < 1e-9:
        return np.zeros_like(wave), 0.0
    return wave / np.float32(peak), peak


@lru_cache(maxsize=32)
def _hann(window: int) -> Floats:
    return np.hanning(window + 2)[1:-1].astype(np.float32)


def _hz_to_mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))
