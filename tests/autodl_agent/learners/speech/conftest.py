"""Sounds on which our own measurements are held against librosa's values (decision 0021)."""

import numpy as np
import pytest

RATE = 16_000


@pytest.fixture
def sounds() -> dict[str, np.ndarray]:
    """Two seconds each at RATE: noise, a tone, a chord and clicks over faint noise, silence; (samples,) float32."""
    rng, time = np.random.default_rng(0), np.arange(2 * RATE) / RATE
    faint = 1e-3 * rng.normal(size=len(time))
    made = {
        "noise": rng.normal(size=len(time)),
        "tone": np.sin(2 * np.pi * 440 * time),
        "chord": sum(np.sin(2 * np.pi * hertz * time + hertz) for hertz in (261.63, 329.63, 392.0)) / 3 + faint,
        "clicks": (np.arange(len(time)) % (RATE // 4) == 0) + faint,
        "silence": np.zeros(len(time)),
    }
    return {name: np.asarray(wave, np.float32) for name, wave in made.items()}
