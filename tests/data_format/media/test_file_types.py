import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data_format.media.file_types import image_format, sniff, sniff_file

PIXELS = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO", "JPEG2000", "AVIF"])
def test_images(form: str):
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, form)
    assert image_format(out.getvalue()[:64]) == form and sniff(out.getvalue()[:64]) == "image"


@pytest.mark.parametrize("form", ["WAV", "WAVEX", "FLAC", "OGG", "MP3", "AIFF", "AU", "RF64", "CAF"])
def test_sounds(form: str):
    out = io.BytesIO()
    soundfile.write(out, np.zeros(4000), 16000, format=form)
    assert sniff(out.getvalue()[:4096]) == "sound"
    assert sniff(out.getvalue()[:64]) == "sound"


@pytest.mark.parametrize(
    "name, picture, codec, kind",
    [
        ("a.mp4", True, "libx264", "video"), ("a.mov", True, "libx264", "video"), ("a.avi", True, "mpeg4", "video"),
        ("a.webm", True, "libvpx", "video"), ("a.mkv", True, "libx264", "video"), ("a.ts", True, "libx264", "video"),
        ("a.mpg", True, "mpeg2video", "video"), ("a.flv", True, "flv1", "video"), ("a.m4a", False, "aac", "sound"),
        ("a.webm", False, "libopus", "sound"), ("a.ogg", False, "libopus", "sound"), ("a.mp3", False, "mp3", "sound"),
        ("a.aac", False, "aac", "sound"), ("a.m2ts", True, "libx264", "video"),
    ],
)  # fmt: skip
def test_containers(tmp_path: Path, name: str, picture: bool, codec: str, kind: str):
    path = tmp_path / name
    form = {"a.m4a": "ipod", "a.m2ts": "mpegts"}.get(name)
    container = av.open(str(path), "w", format=form, options={"mpegts_m2ts_mode": "1"} if name == "a.m2ts" else {})
    if picture:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        frames = [av.VideoFrame.from_ndarray(PIXELS, format="rgb24") for _ in range(30)]
    else:
        stream = container.add_stream(codec, rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        frames = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=48000).resample(frame)
    for frame in frames:
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
    container.close()
    assert sniff_file(path) == kind
    # the name plays no part
    assert sniff_file(path.rename(tmp_path / "x.jpg")) == kind


def test_ogg_with_pictures_is_video():
    page = b"OggS\0\2" + bytes(20) + b"\1\x2a"
    assert sniff(page + b"\x80theora\3\2\1") == "video"
    assert sniff(page + b"\x01vorbis") == "sound"
    assert sniff(page + b"OpusHead\1") == "sound"


@pytest.mark.parametrize(
    "text",
    ["BM is two letters", "P5 is a name", "ID card", "hello", "a,b,y\n1,2,3\n", "<html>", "今天天气很好", "café"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "latin-1"])
def test_texts(text: str, encoding: str):
    if encoding == "latin-1" and not text.isascii() and "é" not in text:
        pytest.skip("not in Latin-1")
    for size in (1, 30):
        assert sniff((text * size).encode(encoding)[:4096]) == "text"


def test_a_head_that_ends_inside_a_character_is_text():
    for shift in range(3):
        assert sniff((b"x" * shift + "天".encode() * 2000)[:4096]) == "text"


@pytest.mark.parametrize(
    "head", [b"", bytes(64), b"\0\5\26\7\0\2\0\0Mac OS X", b"RIFF\0\0\0\0XXXX", b"FORM\0\0\0\0XXXX", b"\x7fELF\2\1\1\0"]
)
def test_unknown(head: bytes):
    assert sniff(head) == "unknown"


def test_sniff_file_raises_where_there_is_nothing_to_open(tmp_path: Path):
    (tmp_path / "empty").write_bytes(b"")
    assert sniff_file(tmp_path / "empty") == "unknown"
    with pytest.raises(FileNotFoundError):
        sniff_file(tmp_path / "gone")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=500))
def test_any_bytes_get_an_answer(head: bytes):
    assert sniff(head) in ("image", "video", "sound", "text", "unknown")
