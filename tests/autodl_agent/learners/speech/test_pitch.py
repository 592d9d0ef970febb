"""Pitch of voices made of pulses, of noise and of silence."""

import numpy as np
import pytest

from autodl_agent.learners.speech.pitch import HIGHEST_HZ, LOWEST_HZ, NAMES, pitch


def voice(hertz: float, rate: int, seconds: float = 1.0, noise: float = 0.01) -> np.ndarray:
    """Harmonics up to 3 kHz that fall with frequency, as in a vowel."""
    t = np.arange(int(rate * seconds)) / rate
    harmonics = range(1, int(3000 / hertz) + 1)
    wave = sum(np.sin(2 * np.pi * hertz * k * t + k) / k for k in harmonics)
    return (wave + noise * np.random.default_rng(0).normal(size=len(t))).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
@pytest.mark.parametrize("hertz", [85.0, 120.0, 210.0, 340.0])
def test_the_pitch_of_a_vowel_is_found_at_every_rate(rate, hertz):
    found = pitch(voice(hertz, rate), rate)
    assert np.exp(found[0]) == pytest.approx(hertz, rel=0.03)
    assert found[6] > 0.9


def test_a_gliding_voice_has_spread_and_a_steady_one_none():
    t = np.arange(16000) / 16000
    phase = 2 * np.pi * (120 * t + 40 * t**2)
    glide = sum(np.sin(k * phase) / k for k in range(1, 10)).astype(np.float32)
    found, steady = pitch(glide, 16000), pitch(voice(120, 16000), 16000)
    assert found[2] > 10 * steady[2]
    assert np.exp(found[4]) > 1.3 * np.exp(found[3])


def test_noise_has_no_voice_and_silence_no_pitch():
    noise = np.random.default_rng(0).normal(size=16000).astype(np.float32)
    assert pitch(noise, 16000)[6] < 0.2
    for wave in (np.zeros(16000, np.float32), np.zeros(10, np.float32)):
        found = pitch(wave, 16000)
        assert len(found) == NAMES
        assert np.isnan(found[:6]).all()
        assert np.isfinite(found[6:]).all()


@pytest.mark.parametrize("hertz", [85.0, 120.0, 210.0, 340.0])
def test_the_pitch_of_a_vowel_is_that_of_librosa(hertz):
    from librosa import yin

    wave = voice(hertz, 16000)
    theirs = float(np.median(yin(wave, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=16000)))
    assert np.exp(pitch(wave, 16000)[0]) == pytest.approx(theirs, rel=0.02)
