"""Feature vectors: fixed length, blocks in place, what each block hears, safe on any clip."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.learners.speech.config import DEFAULT
from autodl_agent.learners.speech.features import (
    _slope,
    _zero_crossings,
    blocks,
    describe,
    layout,
    sound_recipe,
    width,
)
from autodl_agent.learners.speech.spectrum import FRAME_S, HOP_S, spectrum
from data_format.examples import Dense

FIRST, FULL = DEFAULT.first, DEFAULT.full


def noise(seconds: float, rate: int = 16000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=int(seconds * rate)).astype(np.float32)


def test_layout_covers_the_vector_without_gaps():
    for config in (FIRST, FULL):
        places = list(layout(config).values())
        assert places[0].start == 0
        assert all(a.stop == b.start for a, b in zip(places, places[1:], strict=False))
        assert places[-1].stop == width(config)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("seconds", [0.0, 0.0005, 0.02, 0.3, 4.0])
def test_every_length_and_rate_has_the_same_width(rate, seconds):
    found = describe(noise(seconds, rate), rate, FIRST)
    assert found.shape == (width(FIRST),)
    assert found.dtype == np.float32
    assert not np.isinf(found).any()


@settings(max_examples=20, deadline=None)
@given(
    kind=st.sampled_from(["silence", "nan", "click", "constant", "clipped"]),
    n=st.integers(0, 30000),
    rate=st.sampled_from([200, 8000, 16000, 48000]),
)
def test_odd_clips_give_vectors_without_infinities(kind, n, rate):
    wave = np.zeros(n, np.float32)
    if kind == "nan":
        wave[::3] = np.nan
    elif kind == "click" and n:
        wave[n // 2] = 1.0
    elif kind == "constant":
        wave += 0.3
    elif kind == "clipped":
        wave = np.sign(np.sin(np.arange(n))).astype(np.float32)
    found = describe(wave, rate, FULL)
    assert found.shape == (width(FULL),)
    assert not np.isinf(found).any()


def test_bands_above_half_the_rate_are_unknown_only_in_the_band_statistics():
    found = blocks(noise(1, 8000), 8000, FIRST)
    whole = blocks(noise(1, 16000), 16000, FIRST)
    assert np.isnan(found["mel"]).any() and not np.isnan(whole["mel"]).any()
    assert not np.isnan(found["cepstrum"]).any() and not np.isnan(found["map"]).any()
    assert found["level"][7] < whole["level"][7] == 1


def test_gain_moves_the_level_only():
    wave = noise(1) * np.repeat(np.linspace(0.1, 1, 100, dtype=np.float32), 160)
    plain, soft = blocks(wave, 16000, FIRST), blocks(wave / 50, 16000, FIRST)
    for name in set(plain) - {"level", "pitch"}:
        assert np.allclose(plain[name], soft[name], atol=0.02), name
    assert plain["level"][2] - soft["level"][2] == pytest.approx(np.log(50), abs=0.01)


def test_the_map_hears_the_order_of_sounds_and_not_the_silence_around():
    t = np.arange(8000) / 16000
    low, high = (np.sin(2 * np.pi * f * t).astype(np.float32) for f in (300, 2500))
    rising, falling = np.r_[low, high], np.r_[high, low]
    quiet = np.zeros(6000, np.float32)
    up, down = (blocks(wave, 16000, FIRST)["map"] for wave in (rising, falling))
    shifted = blocks(np.r_[quiet, rising, quiet], 16000, FIRST)["map"]
    assert np.linalg.norm(up - shifted) < 0.3 * np.linalg.norm(up - down)


def test_the_rhythm_of_a_beat_lies_in_its_octave():
    t = np.arange(48000) / 16000
    carrier = noise(3)
    places = layout(FIRST)["rhythm"]
    octave = {}
    for beat in (2.0, 12.0):
        wave = carrier * (0.55 + 0.45 * np.sin(2 * np.pi * beat * t)).astype(np.float32)
        octave[beat] = describe(wave, 16000, FIRST)[places].reshape(-1, 10).mean(1).argmax()
    assert octave[2.0] < octave[12.0]


def test_duration_is_that_of_the_clip():
    found = blocks(noise(1.5), 16000, FIRST)["level"]
    assert np.exp(found[0]) == pytest.approx(1.5, rel=0.01)


def test_the_recipe_hears_no_more_than_its_seconds():
    long, cut = noise(6), noise(6)[: int(16000 * FIRST.seconds)]
    recipe = sound_recipe(FIRST, (-1.0, 1.0))
    assert recipe.decode is not None and recipe.shape == (width(FIRST),)
    found = [recipe.decode(Dense(w.reshape(-1, 1, 1, 1))) for w in (long, cut)]
    assert np.array_equal(found[0], found[1], equal_nan=True)
    assert sound_recipe(FULL, (-1.0, 1.0)).key != recipe.key
    assert sound_recipe(FIRST, (0.0, 0.0)).key != recipe.key


def test_slopes_are_those_of_librosa():
    from librosa.feature import delta

    values = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    assert np.allclose(_slope(values), delta(values, width=5, axis=0, mode="nearest"), atol=1e-5)


@pytest.mark.parametrize("name", ["noise", "tone", "chord", "clicks"])
def test_zero_crossings_are_those_of_librosa(sounds, name):
    """But for one in a frame: they do not see the step into it."""
    from librosa.feature import zero_crossing_rate

    heard = spectrum(sounds[name], 16000)
    frame = round(FRAME_S * 16000)
    theirs = zero_crossing_rate(heard.wave, frame_length=frame, hop_length=round(HOP_S * 16000), center=False)[0]
    ours = (np.exp(_zero_crossings(heard, len(heard.mel))) - 20) * FRAME_S
    assert np.abs(ours - theirs * frame).max() < 1.01
