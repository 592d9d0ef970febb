import numpy as np
import pytest

from autodl_agent.learners.speech.config import TREES
from autodl_agent.learners.speech.music_features import _chroma, _contrast, _power, _tempo, _two_parts, music

RATE = 16_000
TIME = np.arange(2 * RATE) / RATE


def tone(hertz):
    return np.sin(2 * np.pi * hertz * TIME).astype(np.float32)


def clicks(every_s):
    wave = np.zeros(2 * RATE, np.float32)
    wave[:: round(every_s * RATE)] = 1
    return wave


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.02, 3.0])
@pytest.mark.parametrize("rate", [4_000, 16_000, 48_000])
def test_any_length_and_rate_give_as_many_numbers(seconds, rate):
    wave = np.random.default_rng(0).normal(size=round(seconds * rate)).astype(np.float32)
    found = music(wave, rate)
    assert found.shape == music(tone(440), RATE).shape
    assert not np.isinf(found).any()


def test_silence_and_broken_samples_are_heard_as_nothing():
    assert not np.isinf(music(np.zeros(RATE, np.float32), RATE)).any()
    broken = tone(440)
    broken[::100] = np.nan
    assert not np.isinf(music(broken, RATE)).any()


def test_loudness_does_not_matter():
    assert np.allclose(music(tone(440), RATE), music(tone(440) * 0.01, RATE), atol=1e-2, equal_nan=True)


def test_octaves_share_a_pitch_class():
    classes = [int(_chroma(_power(tone(hertz)), RATE).mean(0).argmax()) for hertz in (440, 880, 660)]
    assert classes[0] == classes[1] == 0
    assert classes[2] == 7  # a fifth above


def test_a_tone_has_more_contrast_than_noise():
    noise = np.random.default_rng(0).normal(size=2 * RATE).astype(np.float32)
    tall = [np.log(_power(wave) + 1e-9) for wave in (tone(1000), noise)]
    assert _contrast(tall[0], RATE)[:, 3].mean() > _contrast(tall[1], RATE)[:, 3].mean() + 1


def test_tones_are_harmonic_and_clicks_percussive():
    steady, sudden = ([part.sum() for part in _two_parts(_power(wave))] for wave in (tone(1000), clicks(0.25)))
    assert steady[0] > steady[1]
    assert sudden[1] > sudden[0]


def test_the_beat_is_found():
    onset = np.zeros(400)
    onset[::25] = 1
    assert abs(np.exp(_tempo(onset, 50.0)[-2]) - 0.5) < 0.03
    assert np.isnan(_tempo(onset[:5], 50.0)[-1])


def test_the_settings_hear_long_clips():
    assert TREES.hear.seconds >= 10
