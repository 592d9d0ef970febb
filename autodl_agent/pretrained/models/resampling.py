"""A sound at another sample rate, by soxr: the library behind `librosa.resample`, without librosa's import."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
MARGIN = 128  # samples of the lower rate mirrored beyond either end, against the jump from and to silence


def resampled(wave: Floats, rate: int, wanted: int) -> Floats:
    """(n · wanted / rate,) samples of a mono sound (n,) recorded at `rate` hertz, n >= 1."""
    if rate == wanted:
        return wave
    import soxr

    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    margin = -(-MARGIN // min(up, down)) * down  # whole periods of both rates, so that nothing is shifted
    found = soxr.resample(np.pad(wave, margin, mode="symmetric"), rate, wanted)
    start = margin // down * up
    return np.ascontiguousarray(found[start : start + max(1, round(len(wave) * wanted / rate))], np.float32)
