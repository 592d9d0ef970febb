import io
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from data_format.errors import Unreadable
from data_format.examples import Dense, Encoded, MediaFile, Text
from data_format.media.sounds import sound

RATE = 16000
TONE = (0.5 * np.sin(2 * np.pi * 220 * np.arange(RATE // 2) / RATE)).astype(np.float32)


def written(path: Path, samples: np.ndarray = TONE, rate: int = RATE, **options) -> Path:
    soundfile.write(path, samples, rate, **options)
    return path


def coded(path: Path, codec: str, samples: np.ndarray = TONE, rate: int = RATE, picture: bool = False) -> Path:
    """Write a sound with FFmpeg, with or without a picture track before it."""
    container = av.open(str(path), "w")
    if picture:
        view = container.add_stream("libx264", rate=10)
        view.width, view.height, view.pix_fmt = 32, 32, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
    stream = container.add_stream(codec, rate=rate, layout="mono")
    if picture:
        container.mux(view.encode(frame))
        container.mux(view.encode())
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
    for part in resampler.resample(frame):
        container.mux(stream.encode(part))
    container.mux(stream.encode())
    container.close()
    return path


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def pitch(samples: np.ndarray, rate: int) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


def same_tone(path: Path, hz: float = 220) -> None:
    samples, rate = sound(MediaFile(path))
    assert samples.ndim == 1 and samples.dtype == np.float32 and samples.flags.c_contiguous
    assert rate == RATE and np.isfinite(samples).all() and np.abs(samples).max() < 0.6
    assert abs(len(samples) - len(TONE)) < 4000
    assert abs(loudness(samples) - loudness(TONE)) < 0.06 and abs(pitch(samples, rate) - hz) < 8


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"]
)
def test_every_wav_coding_has_the_same_range(tmp_path: Path, subtype: str):
    same_tone(written(tmp_path / "a.wav", subtype=subtype))


@pytest.mark.parametrize("form", ["FLAC", "OGG", "MP3", "AIFF", "AU", "WAVEX", "W64", "RF64", "CAF"])
def test_content_decides_whatever_the_name(tmp_path: Path, form: str):
    for name in ("a.wav", "a.mp3", "a.raw", "a", "[ä] é.flac"):
        same_tone(written(tmp_path / "made", format=form).rename(tmp_path / name))


def test_streaming_size_and_junk_chunk(tmp_path: Path):
    plain = written(tmp_path / "a.wav").read_bytes()
    stream, junk = tmp_path / "stream.wav", tmp_path / "junk.wav"
    stream.write_bytes(plain[:4] + b"\xff" * 4 + plain[8:40] + b"\xff" * 4 + plain[44:])
    junk.write_bytes(plain[:12] + b"JUNK" + struct.pack("<I", 28) + bytes(28) + plain[12:])
    expected = sound(MediaFile(tmp_path / "a.wav"))[0]
    for path in (stream, junk):
        assert np.array_equal(sound(MediaFile(path))[0], expected)


@pytest.mark.parametrize(
    "name, codec", [("a.m4a", "aac"), ("a.webm", "libopus"), ("a.mka", "libopus"), ("a.ts", "aac"), ("a.mp4", "aac")]
)
def test_what_libsndfile_refuses_goes_to_ffmpeg(tmp_path: Path, name: str, codec: str):
    rate = 48000 if codec == "libopus" else RATE
    samples = np.interp(np.arange(rate // 2) / rate, np.arange(RATE // 2) / RATE, TONE).astype(np.float32)
    path = coded(tmp_path / name, codec, samples, rate, picture=name == "a.mp4").rename(tmp_path / "x.wav")
    got, got_rate = sound(MediaFile(path))
    assert got_rate == rate and abs(loudness(got) - loudness(TONE)) < 0.06 and abs(pitch(got, rate) - 220) < 8
    assert len(sound(MediaFile(path), seconds=0.1)[0]) == rate // 10


def test_broken_mp3_frames_are_bridged(tmp_path: Path):
    blob = bytearray(written(tmp_path / "a.mp3").read_bytes())
    blob[200:260] = bytes(60)
    (tmp_path / "a.mp3").write_bytes(blob)
    samples, rate = sound(MediaFile(tmp_path / "a.mp3"))
    assert rate == RATE and np.isfinite(samples).all() and loudness(samples) > 0.1


def test_no_samples_is_silence_but_no_bytes_is_unreadable(tmp_path: Path):
    empty = sound(MediaFile(written(tmp_path / "none.wav", np.zeros(0))))
    assert empty[0].tolist() == [0.0] and empty[1] == RATE
    header = (tmp_path / "none.wav").read_bytes()
    cases = {
        b"": r"empty file \(0 bytes\)",
        b"<html>404</html>": "looks like text",
        b"\x89PNG\r\n\x1a\n" + bytes(90): "looks like image",
        bytes(range(128, 256)) * 9: "broken sound",
        header[:20]: "broken sound",
    }
    for blob, reason in cases.items():
        (tmp_path / "x.wav").write_bytes(blob)
        for example in (MediaFile(tmp_path / "x.wav"), Encoded((blob,))):
            with pytest.raises(Unreadable, match=reason):
                sound(example)
    for example in (MediaFile(tmp_path / "gone.wav"), MediaFile(tmp_path), Text("x"), Encoded(())):
        with pytest.raises(Unreadable):
            sound(example)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
def test_cut_short_gives_what_is_there(tmp_path: Path, form: str):
    noise = np.random.default_rng(0).normal(0, 0.1, RATE * 4)
    path = written(tmp_path / "a", noise, format=form)
    whole = len(sound(MediaFile(path))[0])
    blob = path.read_bytes()
    path.write_bytes(blob[: len(blob) // 2])
    assert 0.15 * whole < len(sound(MediaFile(path))[0]) < 0.7 * whole
    if form == "WAV":
        path.write_bytes(blob[:100])
        assert len(sound(MediaFile(path))[0]) == 28


def test_not_a_number_counts_as_silence(tmp_path: Path):
    samples = TONE.copy()
    samples[[5, 9, 11]] = np.nan, np.inf, -np.inf
    got, _ = sound(MediaFile(written(tmp_path / "nan.wav", samples, subtype="FLOAT")))
    assert got[[5, 9, 11]].tolist() == [0, 0, 0] and np.isfinite(got).all() and got[100] == TONE[100]


def test_floats_on_an_integer_scale_are_divided_and_loud_ones_are_not(tmp_path: Path):
    same_tone(written(tmp_path / "integers.wav", TONE * 32768, subtype="FLOAT"))
    loud, _ = sound(MediaFile(written(tmp_path / "loud.wav", TONE * 3, subtype="FLOAT")))
    assert np.allclose(loud, TONE * 3)


def test_channels_do_not_cancel_out(tmp_path: Path):
    noise = np.random.default_rng(0).normal(0, 0.05, len(TONE)).astype(np.float32)
    opposed = np.stack([TONE, -TONE], 1)
    one_sided = np.stack([np.zeros_like(TONE), TONE], 1)
    same = np.stack([TONE, TONE], 1)
    noisy = np.stack([TONE + noise, TONE - noise], 1)
    for stereo, tolerance in ((opposed, 1e-6), (one_sided, 1e-6), (same, 1e-6), (noisy, 0.4)):
        got, _ = sound(MediaFile(written(tmp_path / "s.wav", stereo, subtype="FLOAT")))
        assert np.abs(got - TONE).max() <= tolerance
    six, _ = sound(MediaFile(written(tmp_path / "six.wav", np.stack([TONE] * 6, 1))))
    assert loudness(six) == pytest.approx(loudness(TONE), abs=1e-3)


def test_only_the_wanted_seconds_are_decoded(tmp_path: Path):
    path = written(tmp_path / "a.flac", np.tile(TONE, 20))
    whole, _ = sound(MediaFile(path))
    part, _ = sound(MediaFile(path), seconds=1.5)
    assert len(whole) == 20 * len(TONE) and len(part) == 24000 and np.array_equal(part, whole[:24000])
    assert len(sound(MediaFile(path), seconds=0)[0]) == 1
    assert len(sound(MediaFile(path), seconds=1e9)[0]) == len(whole)


def test_dense_sounds():
    column = TONE.reshape(-1, 1, 1, 1)
    assert np.array_equal(sound(Dense(column))[0], TONE) and sound(Dense(column))[1] == 16000
    assert np.allclose(sound(Dense(column * 32768))[0], TONE, atol=1e-6)
    # a quiet example of a data set on the integer scale
    assert np.allclose(sound(Dense(column * 2), value_range=(-30000, 30000))[0], TONE * 2 / 32768)
    assert len(sound(Dense(column), seconds=0.25)[0]) == 4000
    assert np.array_equal(sound(Dense(TONE.reshape(1, -1, 1, 1)))[0], TONE)
    pair = np.stack([TONE, -TONE], 1).reshape(-1, 1, 1, 2)
    assert loudness(sound(Dense(pair))[0]) == pytest.approx(loudness(TONE))
    bad = column.copy()
    bad[3] = np.nan
    assert sound(Dense(bad))[0][3] == 0
    assert sound(Dense(column[:0]))[0].tolist() == [0]


def test_records_of_encoded_sound(tmp_path: Path):
    blob = written(tmp_path / "a.flac").read_bytes()
    assert np.array_equal(sound(Encoded((blob,)))[0], sound(MediaFile(tmp_path / "a.flac"))[0])
    blob = coded(tmp_path / "a.m4a", "aac").read_bytes()
    assert len(sound(Encoded((blob,)))[0]) > 7000


@settings(max_examples=40, deadline=None)
@given(
    form=st.sampled_from(["WAV", "FLAC", "OGG", "AIFF"]), at=st.floats(0, 1), junk=st.binary(min_size=1, max_size=40)
)
def test_damage_gives_samples_or_unreadable_and_nothing_else(form: str, at: float, junk: bytes):
    out = io.BytesIO()
    soundfile.write(out, TONE[:2000], RATE, format=form)
    blob = bytearray(out.getvalue())
    start = int(at * len(blob))
    blob[start : start + len(junk)] = junk
    try:
        samples, rate = sound(Encoded((bytes(blob),)), seconds=2)
    except Unreadable as error:
        assert 5 < len(str(error)) < 120
    else:
        assert len(samples) >= 1 and rate > 0 and np.isfinite(samples).all()


def test_threads_agree(tmp_path: Path):
    paths = [written(tmp_path / f"{n}.ogg", TONE[: 4000 + n]) for n in range(20)]
    with ThreadPoolExecutor(4) as pool:
        parallel = list(pool.map(lambda path: sound(MediaFile(path))[0], paths))
    assert all(np.array_equal(sound(MediaFile(p))[0], got) for p, got in zip(paths, parallel, strict=True))


def test_sounds_import_no_image_or_video_library(tmp_path: Path):
    written(tmp_path / "a.wav")
    code = (
        "import sys; from pathlib import Path; from data_format.media.sounds import sound;"
        "from data_format.examples import MediaFile;"
        f"sound(MediaFile(Path({str(tmp_path / 'a.wav')!r})));"
        "print([m for m in ('PIL', 'cv2', 'av', 'scipy', 'librosa', 'tensorflow') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert run.stdout.strip() == "[]"
