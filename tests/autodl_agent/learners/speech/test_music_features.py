import numpy as np
import pytest

from autodl_agent.learners.speech.config import TREES
from autodl_agent.learners.speech.music_features import (
    FRAME,
    HOP,
    LAG_S,
    MEDIAN,
    _chroma,
    _contrast,
    _power,
    _tempo,
    _two_parts,
    music,
)

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


def test_the_settings_take_long_excerpts():
    assert TREES.excerpt.seconds >= 10


@pytest.mark.parametrize("name", ["tone", "chord"])
def test_pitch_classes_are_those_of_librosa(sounds, name):
    """Ours start at A, theirs at C, and theirs spread a bin over its neighbours."""
    from librosa.feature import chroma_stft

    power = _power(sounds[name])
    ours = np.roll(_chroma(power, RATE), 9, axis=1).mean(0)
    theirs = chroma_stft(S=power.T, sr=RATE, n_fft=FRAME, tuning=0.0, norm=1).mean(1)
    assert ours.argmax() == theirs.argmax()
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95


@pytest.mark.parametrize(("name", "near"), [("noise", 0.5), ("clicks", 0.5), ("tone", 1.5), ("chord", 1.5)])
def test_contrast_is_that_of_librosa(sounds, name, near):
    """In neper of 1 to 20, averaged over time: their octaves take in one bin more."""
    from librosa.feature import spectral_contrast

    tall = np.log(_power(sounds[name]) + 1e-9)
    ours = _contrast(tall, RATE)[:, :6].mean(0)
    theirs = spectral_contrast(S=tall.T, sr=RATE, n_fft=FRAME, n_bands=5, quantile=0.1, linear=True).mean(1)
    assert np.abs(ours - theirs).max() < near


@pytest.mark.parametrize("name", ["noise", "tone", "chord", "clicks"])
def test_two_parts_are_those_of_librosa_on_every_fourth_bin(sounds, name):
    from librosa.decompose import hpss

    power = _power(sounds[name])
    harmonic, percussive = _two_parts(power)
    theirs, _ = hpss(power[:, ::4].T, kernel_size=MEDIAN, power=1.0)
    assert np.allclose(harmonic[:, ::4], theirs.T, rtol=1e-3, atol=1e-6)
    assert np.allclose(harmonic + percussive, power, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["noise", "chord", "clicks"])
def test_onsets_repeat_as_they_do_for_librosa(sounds, name):
    from librosa import autocorrelate

    onset = np.maximum(np.diff(_power(sounds[name]).sum(1), prepend=0), 0)
    theirs = autocorrelate(onset - onset.mean())
    frames_s = RATE / HOP
    places = np.rint(np.array(LAG_S) * frames_s).astype(int)
    there = places < len(theirs)
    assert np.allclose(_tempo(onset, frames_s)[: len(LAG_S)][there], (theirs / theirs[0])[places[there]], atol=1e-4)


def test_librosa_finds_the_same_beat():
    from librosa.feature import tempo

    onset = np.zeros(400)
    onset[::25] = 1
    theirs = 60 / tempo(onset_envelope=onset, sr=RATE, hop_length=RATE // 50)[0]
    assert np.exp(_tempo(onset, 50.0)[-2]) == pytest.approx(theirs, rel=0.05)
