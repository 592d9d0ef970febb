"""The encoder of Whisper tiny.en (4 layers of 384) in numpy: a sound to what every layer makes of it.

A clip is encoded by itself, in the thread that decoded it: its 50 steps a second are rows enough for fast products.
Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision"; mel scale after Slaney 1998.
"""

from functools import cache
from pathlib import Path

import numpy as np

from autodl_agent.pretrained.formats.ctranslate2 import CTranslateFileError, read_floats
from autodl_agent.pretrained.models.transformer import Attention, Floats, gelu, standardised

RATE = 16_000
LAYERS, WIDTH, HEADS = 4, 384, 6
BANDS, WINDOW, HOP = 80, 400, 160
LONGEST_S = 30.0  # the encoder knows the places of so many seconds
FEWEST = 480  # samples: three steps of sound
EPS = np.float32(1e-5)


class WhisperEncoder:
    """Sounds to moments of every layer. Safe to call from several threads. Raises CTranslateFileError, OSError."""

    def __init__(self, path: Path) -> None:
        w = read_floats(path, "encoder/")
        try:
            self._filters = [(_columns(w[f"conv{k}/weight"]), w[f"conv{k}/bias"]) for k in (1, 2)]
            self._places = w["position_encodings/encodings"]
            self._last = w["layer_norm/gamma"], w["layer_norm/beta"]
            self._layers = [_Layer(w, f"layer_{k}/") for k in range(LAYERS)]
        except KeyError as error:
            raise CTranslateFileError(f"{path}: the encoder's variable {error} expected") from error

    def moments(self, wave: Floats) -> Floats:
        """(layers, 2 · 384): mean and standard deviation over time after each layer, of 16 kHz samples (n,)."""
        x = mel_frames(wave)
        for (filters, bias), step in zip(self._filters, (1, 2), strict=True):
            x = gelu(_three(x, step) @ filters + bias)
        x = x + self._places[: len(x)]
        out = np.empty((LAYERS, 2 * WIDTH), np.float32)
        for number, layer in enumerate(self._layers):
            x = layer(x)
            told = standardised(x.copy(), *self._last, EPS) if number == LAYERS - 1 else x
            out[number] = np.concatenate([told.mean(0), told.std(0)])
        return out


class _Layer:
    def __init__(self, w: dict[str, Floats], name: str) -> None:
        attention, network = f"{name}self_attention/", f"{name}ffn/"
        self._norms = [(w[f"{part}layer_norm/gamma"], w[f"{part}layer_norm/beta"]) for part in (attention, network)]
        enter, leave = (
            (np.ascontiguousarray(w[f"{attention}linear_{k}/weight"].T), w[f"{attention}linear_{k}/bias"])
            for k in (0, 1)
        )
        self._attention = Attention(*enter, *leave, HEADS)
        self._enter, self._leave = (
            (np.ascontiguousarray(w[f"{network}linear_{k}/weight"].T), w[f"{network}linear_{k}/bias"]) for k in (0, 1)
        )

    def __call__(self, x: Floats) -> Floats:
        """(steps, width) of one sound."""
        whole = np.array([0]), np.array([len(x)])
        x = x + self._attention(standardised(x.copy(), *self._norms[0], EPS), *whole)
        inner = standardised(x.copy(), *self._norms[1], EPS) @ self._enter[0]
        inner += self._enter[1]
        x += gelu(inner) @ self._leave[0]
        x += self._leave[1]
        return x


def mel_frames(wave: Floats) -> Floats:
    """(frames, 80) of 16 kHz samples (n,), LONGEST_S at most; what is too short is filled up with silence."""
    x = np.concatenate([wave, np.zeros(max(0, FEWEST - len(wave)), np.float32)])
    return log_mel(x[: int(LONGEST_S * RATE)])


def log_mel(wave: Floats) -> Floats:
    """(frames, 80) as Whisper takes them: log10 power of mel bands, 10 ms a frame, at most 8 below the loudest."""
    padded = np.pad(wave, WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][: len(wave) // HOP]
    bins = np.fft.rfft(frames * _hann(), axis=1)
    power = np.asarray(bins.real**2 + bins.imag**2, np.float32) @ mel_bank()
    out = np.log10(np.maximum(power, np.float32(1e-10)))
    out = np.maximum(out, out.max() - 8)
    return np.asarray((out + 4) / 4, np.float32)


@cache
def mel_bank() -> Floats:
    """(201, 80) triangles of unit area, after Slaney. Raises ImportError; call it once before threads do.

    The one thing of librosa that is cheap to call (decision 0021): nothing of it is compiled.
    """
    from librosa.filters import mel

    # Rounded once, at the end: quantised layers make much of the last bit.
    return np.ascontiguousarray(mel(sr=RATE, n_fft=WINDOW, n_mels=BANDS, dtype=np.float64).T, np.float32)


@cache
def _hann() -> Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


def _columns(filters: Floats) -> Floats:
    """Filters (out, in, 3) as a matrix (3 · in, out) for rows of three neighbours."""
    return np.ascontiguousarray(filters.transpose(2, 1, 0).reshape(-1, len(filters)))


def _three(x: Floats, step: int) -> Floats:
    """(rows, 3 · width): every `step`-th row between its neighbours, zeros beyond the ends."""
    nothing = np.zeros((1, x.shape[1]), np.float32)
    padded = np.concatenate([nothing, x, nothing])
    return np.concatenate([padded[k : len(x) + k : step] for k in range(3)], axis=1)
