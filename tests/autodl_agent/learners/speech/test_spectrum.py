"""Spectra: the same hertz scale at every rate, gain taken out, nothing breaks on odd clips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.learners.speech.spectrum import (
    BANDS,
    HIGHEST_HZ,
    HOP_S,
    LOWEST_HZ,
    MIN_FRAMES,
    RANGE_NEPER,
    cosine_basis,
    mel_bank,
    product,
    quantiles,
    spectrum,
)


def tone(hertz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_a_tone_lies_in_the_same_band_at_every_rate(rate):
    mel = np.linspace(2595 * np.log10(1 + LOWEST_HZ / 700), 2595 * np.log10(1 + HIGHEST_HZ / 700), BANDS + 2)
    centres = 700 * (10 ** (mel[1:-1] / 2595) - 1)
    for hertz in (400.0, 1000.0, 3000.0):
        loudest = spectrum(tone(hertz, rate), rate).mel.mean(0).argmax()
        assert abs(loudest - np.abs(centres - hertz).argmin()) <= 1


@pytest.mark.parametrize(("rate", "fft"), [(1000, 32), (8000, 256), (16000, 512), (44100, 2048)])
def test_filters_have_unit_sum_and_the_held_ones_are_counted(rate, fft):
    bank, held = mel_bank(rate, fft)
    assert np.allclose(bank.sum(0), 1, atol=1e-5)
    assert bank.min() >= 0
    assert (held == BANDS) == (rate >= 16000)
    assert np.array_equal(bank[:, held:], np.repeat(bank[:, held - 1 : held], BANDS - held, axis=1))


def test_loudness_and_offset_change_nothing_but_the_peak():
    wave = tone(700, 16000) * np.linspace(0.2, 1, 16000, dtype=np.float32)
    plain, loud = spectrum(wave, 16000), spectrum(wave * 0.01 + 0.5, 16000)
    assert np.allclose(plain.mel, loud.mel, atol=0.05)
    assert loud.peak == pytest.approx(plain.peak * 0.01, rel=0.01)


def test_spectral_shape_of_noise_and_tone():
    rng = np.random.default_rng(0)
    noise, pure = spectrum(rng.normal(size=16000).astype(np.float32), 16000), spectrum(tone(500, 16000), 16000)
    assert np.exp(pure.shape[:, 0].mean()) - 50 == pytest.approx(500, rel=0.05)
    assert noise.shape[:, 1].mean() > 3 * pure.shape[:, 1].mean()
    assert noise.shape[:, 2].mean() > pure.shape[:, 2].mean() + 3
    assert np.exp(noise.shape[:, 3].mean()) == pytest.approx(0.85 * 8000, rel=0.1)


def test_silence_empty_and_short_clips_are_padded_and_flat():
    for wave in (np.zeros(0), np.zeros(5000), np.full(20, 0.1), np.full(4000, np.nan)):
        heard = spectrum(wave.astype(np.float32), 16000)
        assert len(heard.mel) >= MIN_FRAMES
        assert np.all(heard.mel == -RANGE_NEPER)
        assert heard.peak == 0


@settings(max_examples=25, deadline=None)
@given(
    samples=st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=400),
    rate=st.sampled_from([100, 4000, 8000, 11025, 16000, 44100, 96000]),
)
def test_any_samples_give_finite_spectra(samples, rate):
    heard = spectrum(np.array(samples, np.float32).clip(-1e18, 1e18), rate)
    for part in (heard.mel, heard.energy, heard.shape, heard.wave):
        assert np.isfinite(part).all()
    assert heard.mel.min() >= -RANGE_NEPER and heard.mel.max() <= 0


def test_cosine_basis_is_orthonormal():
    basis = cosine_basis(40, 20)
    assert np.allclose(basis.T @ basis, np.eye(20), atol=1e-5)


def test_product_in_pieces_equals_the_whole():
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(301, 257)).astype(np.float32), rng.normal(size=(257, 40)).astype(np.float32)
    assert np.allclose(product(left, right), left @ right, atol=1e-3)


def test_quantiles_are_order_statistics():
    values = np.arange(11.0)[::-1, None] * np.array([1, 10])
    assert quantiles(values, (0.0, 0.5, 1.0)).tolist() == [[0, 0], [5, 50], [10, 100]]


@pytest.mark.parametrize(("rate", "fft"), [(8000, 256), (16000, 512), (22050, 1024), (44100, 2048)])
@pytest.mark.filterwarnings("ignore:Empty filters")
def test_filters_are_those_of_librosa_but_for_their_sum(rate, fft):
    from librosa.filters import mel

    bank, held = mel_bank(rate, fft)
    theirs = mel(sr=rate, n_fft=fft, n_mels=BANDS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, htk=True, norm=None).T[: len(bank)]
    wide = (theirs.sum(0) >= 0.5) & (np.arange(BANDS) < held)  # others are filled from a neighbour
    assert wide.sum() > BANDS / 2
    assert np.allclose(bank[:, wide], (theirs / np.maximum(theirs.sum(0), 1e-9))[:, wide], atol=1e-6)


@pytest.mark.parametrize("name", ["noise", "tone", "chord", "clicks"])
def test_spectra_are_those_of_librosa(sounds, name):
    """Log-mel and log-flatness to .01 neper, centre and width to .001 in log hertz, roll-off to the bin."""
    import librosa

    rate, fft = 16000, 512
    heard, (bank, _) = spectrum(sounds[name], rate), mel_bank(rate, fft)
    window = np.hanning(fft + 2)[1:-1]
    bins = librosa.stft(heard.wave, n_fft=fft, hop_length=round(HOP_S * rate), window=window, center=False)
    power = (np.abs(bins) ** 2 + 1e-12)[: len(bank)]
    mel = np.log(bank.T @ power)
    assert np.allclose(heard.mel, np.maximum(mel - mel.max(), -RANGE_NEPER).T, atol=0.01)
    hertz = np.log(np.arange(len(bank)) * rate / fft + 50)
    centre = librosa.feature.spectral_centroid(S=power, freq=hertz)[0]
    width = librosa.feature.spectral_bandwidth(S=power, freq=hertz)[0]
    flatness = np.log(librosa.feature.spectral_flatness(S=power, power=1.0, amin=1e-30)[0])
    rolloff = librosa.feature.spectral_rolloff(S=power, freq=hertz)[0]
    for column, theirs, near in ((0, centre, 1e-3), (1, width, 1e-3), (2, flatness, 0.01), (3, rolloff, 1e-5)):
        assert np.allclose(heard.shape[:, column], theirs, atol=near)


def test_cepstra_are_those_of_librosa(sounds):
    from librosa.feature import mfcc

    mel = spectrum(sounds["chord"], 16000).mel
    assert np.allclose(product(mel, cosine_basis(BANDS, 20)), mfcc(S=mel.T, n_mfcc=20).T, atol=1e-3)
