"""A sound at another sample rate, by soxr: the library behind `librosa.resample`, without librosa's import.

Models of version 0.1.0 were fitted on sounds resampled by way of their spectrum, which differs a little; they go on so.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Resampler = Literal["soxr", "spectrum"]
MARGIN = 128  # samples of the lower rate mirrored beyond either end, against the jump from and to silence
SPECTRUM_MARGIN = 256  # samples mirrored beyond either end by the older way


def resampled(wave: Floats, rate: int, wanted: int, by: Resampler = "soxr") -> Floats:
    """(n · wanted / rate,) samples of a mono sound (n,) recorded at `rate` hertz, n >= 1."""
    if rate == wanted:
        return wave
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    if by == "spectrum":
        return _by_spectrum(wave, up, down, max(1, round(len(wave) * wanted / rate)))
    import soxr

    margin = -(-MARGIN // min(up, down)) * down  # whole periods of both rates, so that nothing is shifted
    found = soxr.resample(np.pad(wave, margin, mode="symmetric"), rate, wanted)
    start = margin // down * up
    return np.ascontiguousarray(found[start : start + max(1, round(len(wave) * wanted / rate))], np.float32)


def _by_spectrum(wave: Floats, up: int, down: int, length: int) -> Floats:
    """As version 0.1.0 did it: the bins of the padded sound's spectrum that both rates can hold."""
    before = -(-SPECTRUM_MARGIN // down) * down
    total = -(-(len(wave) + before + SPECTRUM_MARGIN) // down) * down
    bins = np.fft.rfft(np.pad(wave, (before, total - before - len(wave)), mode="symmetric"))
    n = total // down * up
    out = np.fft.irfft(bins[: n // 2 + 1], n) * (n / total)
    start = before // down * up
    return np.ascontiguousarray(out[start : start + length], np.float32)
