"""Sound features: ours against librosa's, first calls in fresh processes and milliseconds a second of sound.

    python benchmarks/sound_features.py [--seconds 3] [--rounds 5] [--rates 8000,16000,22050,44100] [--no-first]

All in processor time. First calls: in fresh processes, imports included, with numba's cache empty and then full; NumPy
and `scipy.ndimage`, which a run has anyway, are loaded before. Features: medians of the rounds, everything imported and
compiled; librosa is given our power spectra wherever it takes any (decision 0021).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autodl_agent.learners.speech import music_features as music
from autodl_agent.learners.speech.config import TREES
from autodl_agent.learners.speech.features import blocks
from autodl_agent.learners.speech.pitch import pitch
from autodl_agent.learners.speech.spectrum import BANDS, spectrum
from autodl_agent.pretrained.models.resampling import resampled
from autodl_agent.system.resources import limit_blas_threads

Wave = NDArray[np.float32]
Call = Callable[[], Any]
Pair = tuple[str, Call | None, Call | None]
BEFORE = """
import time, resource
import numpy as np, scipy.ndimage
sound = np.random.default_rng(0).normal(size=48_000).astype(np.float32)
power = (np.random.default_rng(0).random((513, 93)) + 0.1).astype(np.float32)
began = time.process_time()
"""
AFTER = """
print(f"{time.process_time() - began:.2f} s {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")
"""
FIRST_CALLS = {
    "none of them": "",
    "soxr.resample": "import soxr; soxr.resample(sound, 44100, 16000)",
    "filters.mel": "from librosa.filters import mel; mel(sr=16000, n_fft=400)",
    "resample": "from librosa import resample; resample(sound, orig_sr=44100, target_sr=16000)",
    "feature.chroma_stft": "from librosa.feature import chroma_stft; chroma_stft(S=power, n_fft=1024, tuning=0.0)",
    "feature.spectral_contrast": "from librosa.feature import spectral_contrast; spectral_contrast(S=power)",
    "feature.tempo": "from librosa.feature import tempo; tempo(onset_envelope=power[0])",
    "decompose.hpss": "from librosa.decompose import hpss; hpss(power)",
}


def first_calls() -> Iterator[str]:
    for name, code in FIRST_CALLS.items():
        with tempfile.TemporaryDirectory() as cache:
            told = [_fresh(code, cache) for _ in ("empty", "full")]
        yield f"| {name} | {' | '.join(told)} |"


def _fresh(code: str, cache: str) -> str:
    command = [sys.executable, "-c", BEFORE + code + AFTER]
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def pairs(wave: Wave, rate: int) -> Iterator[Pair]:
    """(name, ours, librosa's) on one clip."""
    import librosa
    from librosa import feature

    power = music._power(wave)
    turned, tall = np.ascontiguousarray(power.T), np.log(power.T + 1e-9)
    onset = np.maximum(np.diff(tall.T, axis=0, prepend=tall.T[:1]), 0).mean(1)
    chroma = music._chroma(power, rate)
    octaves = sum(200 * 2**k < rate / 2 for k in range(7)) - 1
    other = 22050 if rate == 16000 else 16000
    frame = {"n_fft": 1 << (round(0.032 * rate) - 1).bit_length(), "hop_length": round(0.012 * rate)}
    yield "log-mel and its shape", lambda: spectrum(wave, rate), lambda: _mel(wave, rate, frame)
    yield "chroma", lambda: music._chroma(power, rate), lambda: feature.chroma_stft(S=turned, sr=rate, tuning=0.0)
    yield (
        "contrast",
        lambda: music._contrast(tall.T, rate),
        lambda: feature.spectral_contrast(S=tall, sr=rate, n_bands=octaves, quantile=0.1, linear=True),
    )
    yield "tonnetz", None, lambda: feature.tonnetz(chroma=chroma.T, sr=rate)
    yield "two parts", lambda: music._two_parts(power), lambda: librosa.decompose.hpss(turned, kernel_size=9)
    yield "tempo", lambda: music._tempo(onset, rate / 512), lambda: feature.tempo(onset_envelope=onset, sr=rate)
    yield "pitch", lambda: pitch(wave, rate), lambda: librosa.yin(wave, fmin=60, fmax=450, sr=rate)
    yield (
        "resample",
        lambda: resampled(wave, rate, other),
        lambda: librosa.resample(wave, orig_sr=rate, target_sr=other),
    )
    yield "all blocks of sound-trees", lambda: (blocks(wave, rate, TREES.excerpt), music.music(wave, rate)), None


def _mel(wave: Wave, rate: int, frame: dict[str, int]) -> None:
    from librosa import feature, stft

    power = np.abs(stft(wave, **frame)) ** 2
    feature.melspectrogram(S=power, sr=rate, n_mels=BANDS, fmax=min(8000, rate / 2))
    feature.spectral_centroid(S=power, sr=rate)
    feature.spectral_bandwidth(S=power, sr=rate)
    feature.spectral_rolloff(S=power, sr=rate)
    feature.spectral_flatness(S=power)


def milliseconds(call: Call | None, rounds: int, seconds: float) -> str:
    """Of processor time, which a busy machine changes least."""
    if call is None:
        return "-"
    call()
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        spent.append(1000 * (time.process_time() - began))
    return f"{median(spent) / seconds:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rates", default="8000,16000,22050,44100")
    parser.add_argument("--no-first", action="store_true", help="leave out the first calls, which take a minute or two")
    options = parser.parse_args()
    if not options.no_first:
        print("| first call, processor time and memory | numba's cache empty | full |\n|---|---|---|")
        for line in first_calls():
            print(line, flush=True)
    limit_blas_threads()
    rates, found = [int(rate) for rate in options.rates.split(",")], dict[str, list[str]]()
    for rate in rates:
        wave = np.random.default_rng(0).normal(size=round(options.seconds * rate)).astype(np.float32)
        for name, ours, theirs in pairs(wave, rate):
            cell = " / ".join(milliseconds(call, options.rounds, options.seconds) for call in (ours, theirs))
            found.setdefault(name, []).append(cell)
    print(f"\n| ms a second of sound: ours / librosa | {' | '.join(f'{rate} Hz' for rate in rates)} |")
    print("|---|" + "---|" * len(rates))
    for name, cells in found.items():
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
