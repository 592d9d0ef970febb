"""Sounds at another rate: tones stay tones at their places, lengths are exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodl_agent.pretrained.models.resampling import resampled

RATES = [8000, 11025, 16000, 22050, 44100, 48000]


def tone(rate: int, hertz: float, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_that_both_rates_hold_stays_in_its_place(rate: int) -> None:
    found, expected = resampled(tone(rate, 440.0), rate, 16000), tone(16000, 440.0)
    middle = slice(500, len(expected) - 500)
    assert abs(len(found) - len(expected)) <= 1
    assert np.abs(found[middle] - expected[middle]).max() < 0.02


def test_a_tone_beyond_the_lower_rate_is_gone() -> None:
    found = resampled(tone(48000, 12000.0), 48000, 16000)
    assert np.abs(found[500:-500]).max() < 0.02


@given(st.integers(1, 400), st.sampled_from(RATES), st.sampled_from(RATES))
def test_lengths_and_levels(n: int, rate: int, wanted: int) -> None:
    found = resampled(np.full(n, 0.25, np.float32), rate, wanted)
    assert len(found) == max(1, round(n * wanted / rate)) and found.dtype == np.float32
    assert np.allclose(found, 0.25, atol=1e-4)


def test_the_same_rate_is_the_same_sound() -> None:
    wave = tone(16000, 100.0)
    assert resampled(wave, 16000, 16000) is wave


@pytest.mark.parametrize("rate", [8000, 44100])
def test_a_single_sample_is_a_sound(rate: int) -> None:
    assert np.allclose(resampled(np.array([0.5], np.float32), rate, 16000), 0.5, atol=1e-4)


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 16000), (22050, 16000), (44100, 16000), (48000, 16000)])
def test_away_from_the_ends_it_is_what_librosa_gives(rate: int, wanted: int) -> None:
    """At the ends librosa goes on with silence, and we with the sound's mirror image."""
    from librosa import resample

    wave = np.random.default_rng(0).normal(size=rate).astype(np.float32)
    found, theirs = resampled(wave, rate, wanted), resample(wave, orig_sr=rate, target_sr=wanted)
    assert len(found) == len(theirs)
    assert np.abs(found - theirs)[300:-300].max() < 1e-4
