"""A sound at another sample rate, by way of its spectrum (numpy only): exact for what both rates can hold."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
MARGIN = 256  # samples mirrored beyond either end, against the jump from the end back to the start


def resampled(wave: Floats, rate: int, wanted: int) -> Floats:
    """(n · wanted / rate,) samples of a mono sound (n,) recorded at `rate` hertz, n >= 1."""
    if rate == wanted:
        return wave
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    before = -(-MARGIN // down) * down  # whole periods of both rates, so that nothing is shifted
    total = -(-(len(wave) + before + MARGIN) // down) * down
    padded = np.pad(wave, (before, total - before - len(wave)), mode="symmetric")
    bins = np.fft.rfft(padded)
    n = total // down * up
    out = np.fft.irfft(bins[: n // 2 + 1], n) * (n / total)
    start = before // down * up
    many = max(1, round(len(wave) * wanted / rate))
    return np.ascontiguousarray(out[start : start + many], np.float32)
