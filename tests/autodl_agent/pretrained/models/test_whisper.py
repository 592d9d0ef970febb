"""What Whisper's encoder is given, held against librosa; the encoder itself: test_tflite_encoders.py."""

import sys

import numpy as np
import pytest

from autodl_agent.pretrained import encoders
from autodl_agent.pretrained.models.whisper import BANDS, HOP, RATE, WINDOW, log_mel, mel_bank
from autodl_agent.pretrained.networks import MissingWeightsError

WAVES = {
    "noise": np.random.default_rng(0).normal(size=RATE),
    "tone": np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE),
    "silence": np.zeros(RATE),
}


def test_filters_have_unit_area_and_rise_with_the_pitch() -> None:
    bank = mel_bank()
    assert bank.shape == (WINDOW // 2 + 1, BANDS) and bank.dtype == np.float32
    assert np.allclose(bank[:, 40:].sum(0) * RATE / WINDOW, 1, atol=0.1)
    assert (np.diff(bank.argmax(0)) >= 0).all()


def test_without_librosa_it_cannot_be_used_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    mel_bank.cache_clear()
    monkeypatch.setattr(encoders, "_loaded", {})
    monkeypatch.setitem(sys.modules, "librosa.filters", None)
    with pytest.raises(MissingWeightsError, match="librosa"):
        encoders.whisper()


@pytest.mark.parametrize("name", sorted(WAVES))
def test_the_picture_of_a_sound_is_that_of_librosa(name: str) -> None:
    from librosa.feature import melspectrogram

    wave = WAVES[name].astype(np.float32)
    power = melspectrogram(y=wave, sr=RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS, pad_mode="reflect")
    theirs = np.log10(np.maximum(power, 1e-10)).T[: len(wave) // HOP]
    assert np.allclose(log_mel(wave), (np.maximum(theirs, theirs.max() - 8) + 4) / 4, atol=1e-4)
