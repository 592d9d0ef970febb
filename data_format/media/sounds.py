"""Decode sounds to mono float32 samples.

The same rules for every reader, file name and coding:

- the content decides the format: libsndfile first (WAV of any subtype, FLAC, Ogg, MP3, AIFF …), then FFmpeg (AAC in
  MP4, WebM, the sound track of a video);
- integer codings of any depth come out in [-1, 1), floats as they are, floats on an integer scale are divided;
- several channels become whichever of their mean and the single channels has most energy, so that channels of
  opposite phase do not cancel out;
- NaN and infinite samples count as 0; a file cut short gives what is there; a sound of no samples gives one sample
  of silence; an empty file or one that is not a sound raises `Unreadable`.

The sample rate is the file's own; dense arrays have 16 kHz. soundfile is imported when the first file is read, PyAV
only when libsndfile refuses one.
"""

import io
import os
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data_format.errors import Unreadable
from data_format.examples import Dense, Encoded, Example, MediaFile
from data_format.media.file_types import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from soundfile import SoundFile

Samples = NDArray[np.float32]

DENSE_RATE = 16000
MAX_SAMPLES = 3600 * 48000  # an hour of 48 kHz, all channels together: 690 MB
_BLOCK = 1 << 20
_INTEGER_SCALE = 32768.0


def sound(
    example: Example, seconds: float | None = None, value_range: tuple[float, float] = (0, 0)
) -> tuple[Samples, int]:
    """Decode to (samples, rate): mono float32 of shape (n,), n >= 1, in about [-1, 1]; rate in Hz.

    seconds: decode no more than this from the start; None decodes all (an hour at most).
    value_range: extremes over the data set, for Dense arrays: beyond ±2 the samples are taken as 16-bit integers;
    (0, 0) looks at the array itself.
    Raises Unreadable(reason).
    """
    if isinstance(example, Dense):
        return _dense(example, seconds, value_range), DENSE_RATE
    if isinstance(example, MediaFile):
        try:
            with example.path.open("rb", buffering=0) as file:
                samples, rate = _decode(file, seconds)
        except OSError as error:
            raise Unreadable(f"cannot be read: {error.strerror or type(error).__name__}") from error
    elif isinstance(example, Encoded) and example.frames:
        samples, rate = _decode(io.BytesIO(example.frames[0]), seconds)
    else:
        raise Unreadable(f"no sound in this {type(example).__name__} example")
    return _mono(samples), rate


def _dense(example: Dense, seconds: float | None, value_range: tuple[float, float]) -> Samples:
    array = example.array.reshape(-1, example.array.shape[-1] if example.array.ndim == 4 else 1)
    if seconds is not None:
        array = array[: max(1, round(seconds * DENSE_RATE))]
    mono = _mono(np.asarray(array, np.float32), rescale=False)
    peak = max(abs(value_range[0]), abs(value_range[1])) or float(np.abs(mono).max())
    return mono / np.float32(_INTEGER_SCALE) if peak > 2 else mono


def _mono(samples: Samples, rescale: bool = True) -> Samples:
    """Bring (n, channels) to (n,), finite; the mean or the channel with most energy."""
    if not samples.size:
        return np.zeros(1, np.float32)
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    if samples.shape[1] == 1:
        mono = samples[:, 0]
    else:
        mean = samples.mean(1, dtype=np.float32)
        energy = np.einsum("nc,nc->c", samples, samples, dtype=np.float64)
        loudest = int(energy.argmax())
        # The margin keeps the mean where all channels are the same but for rounding.
        mono = samples[:, loudest] if energy[loudest] > 1.001 * np.vdot(mean, mean) else mean
    # Floats beyond this are integers stored as floats; less is merely loud.
    if rescale and np.abs(mono).max() > 256:
        mono = mono / np.float32(_INTEGER_SCALE)
    return np.ascontiguousarray(mono, np.float32)


def _decode(file: IO[bytes], seconds: float | None) -> tuple[Samples, int]:
    """Decode an open file to ((n, channels) float32, rate)."""
    import soundfile

    # By descriptor where there is one: with a name, soundfile would go by its extension.
    source = file if isinstance(file, io.BytesIO) else file.fileno()
    try:
        with soundfile.SoundFile(source, closefd=False) as opened:
            return _libsndfile(opened, seconds), int(opened.samplerate)
    except soundfile.SoundFileError:
        return _ffmpeg(file, seconds)


def _libsndfile(opened: "SoundFile", seconds: float | None) -> Samples:
    import soundfile

    channels, limit = opened.channels, MAX_SAMPLES // opened.channels
    if seconds is not None:
        limit = min(limit, max(1, round(seconds * opened.samplerate)))
    blocks: list[Samples] = []
    have = 0
    while have < limit:
        asked = min(limit - have, max(1, _BLOCK // channels))
        try:
            block = opened.read(asked, dtype="float32", always_2d=True)
        except soundfile.SoundFileError:
            if not blocks:
                raise
            break  # damaged further on: keep what came before
        blocks.append(block)
        have += len(block)
        if len(block) < asked:
            break
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _rewound(file: IO[bytes]) -> None:
    """Refuse what cannot be a sound before FFmpeg guesses, and go back to the start."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise Unreadable("empty file (0 bytes)")
    kind = sniff(head)
    if kind in ("text", "image"):
        raise Unreadable(f"no sound (looks like {kind})")
    file.seek(0, os.SEEK_SET)


def _ffmpeg(file: IO[bytes], seconds: float | None) -> tuple[Samples, int]:
    """Decode the first sound stream with FFmpeg."""
    import av

    _rewound(file)
    blocks: list[Samples] = []
    try:
        with av.open(file) as container:
            stream = _sound_stream(container)
            rate, channels = stream.rate or 0, max(1, stream.channels)
            limit = MAX_SAMPLES // channels
            if seconds is not None:
                limit = min(limit, max(1, round(seconds * rate)))
            resampler, have = av.AudioResampler(format="fltp"), 0
            for frame in container.decode(stream):
                for part in resampler.resample(frame):
                    blocks.append(part.to_ndarray().T)
                    have += len(blocks[-1])
                if have >= limit:
                    break
    except (av.FFmpegError, ValueError) as error:
        if not blocks:
            raise Unreadable(f"broken sound ({type(error).__name__})") from error
    if not blocks:
        return np.zeros((0, 1), np.float32), int(rate)
    same = [block for block in blocks if block.shape[1] == blocks[0].shape[1]]
    return np.concatenate(same)[:limit], int(rate)


def _sound_stream(container: "InputContainer") -> "AudioStream":
    if not container.streams.audio:
        raise Unreadable(f"no sound among {len(container.streams)} streams")
    return container.streams.audio[0]
