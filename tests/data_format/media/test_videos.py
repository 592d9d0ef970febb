import io
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from data_format.errors import Unreadable
from data_format.examples import Dense, Encoded, MediaFile, Text
from data_format.media import video_reader
from data_format.media.videos import clip_at, clip_info


def video(
    path: Path,
    n: int = 20,
    codec: str = "libx264",
    pix: str = "yuv420p",
    pts: list[int] | None = None,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """Write `n` flat frames; frame i has grey level 5·i."""
    container = av.open(str(path), "w", options=options or {})
    stream = container.add_stream(codec, rate=10, options=codec_options or {})
    stream.width, stream.height, stream.pix_fmt = 64, 48, pix
    stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
    if n == 0:
        container.start_encoding()
    for index in range(n):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * index % 256, np.uint8), format="rgb24")
        frame.pts, frame.time_base = (pts[index] if pts else 100 * index), Fraction(1, 1000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
    container.close()
    return path


def levels(path: Path, frames: int, channels: int = 1) -> list[float]:
    """Index of each frame shown, read back from its grey level."""
    clip = clip_at(MediaFile(path), frames, 16, 16, channels)
    assert clip.shape == (frames, 16, 16, channels) and clip.dtype == np.uint8
    return [float(frame.mean()) / 5 for frame in clip]


MAKERS = {
    "mp4": ("a.mp4", {}),
    "fragmented": ("f.mp4", {"options": {"movflags": "frag_keyframe+empty_moov"}}),
    "webm": ("w.webm", {"codec": "libvpx-vp9"}),
    "mkv": ("m.mkv", {}),
    "avi mjpeg": ("m.avi", {"codec": "mjpeg", "pix": "yuvj420p"}),
    "avi mpeg4": ("x.avi", {"codec": "mpeg4"}),
    "ts": ("t.ts", {}),
    "mp4 hevc": ("h.mp4", {"codec": "libx265", "codec_options": {"x265-params": "keyint=6:log-level=none"}}),
    "mp4 av1": ("a.mp4", {"codec": "libsvtav1"}),
    "webm vp8 hidden frames": ("v.webm", {"codec": "libvpx", "codec_options": {"auto-alt-ref": "1"}}),
    "wmv": ("w.wmv", {"codec": "wmv2"}),
    "mov": ("p.mov", {"codec": "prores_ks", "pix": "yuv422p10le"}),
    "raw": ("r.avi", {"codec": "rawvideo"}),
    "avi B frames without times": ("m.avi", {"codec": "libx264", "codec_options": {"bf": "3"}}),
    "open GOP": ("o.ts", {"codec_options": {"x264-params": "open-gop=1:keyint=5:bframes=3"}}),
    "uneven key frames": ("f.flv", {"codec": "flv1"}),
    "one key frame": ("k.mp4", {"codec_options": {"g": "1000"}}),
    "key frames only": ("i.mp4", {"codec_options": {"g": "1"}}),
    "many B frames": ("b.mp4", {"codec_options": {"bf": "8", "b-pyramid": "normal"}}),
}


@pytest.mark.parametrize("name", MAKERS)
def test_frames_spread_over_the_whole_clip(tmp_path: Path, name: str):
    file, options = MAKERS[name]
    path = video(tmp_path / file, **options)
    assert np.allclose(levels(path, 20), np.arange(20), atol=1.2)
    assert np.allclose(levels(path, 4), [2, 7, 12, 17], atol=2.4)
    assert np.allclose(levels(path, 1, channels=3), [10], atol=5.2)
    assert np.allclose(levels(path, 40), np.repeat(np.arange(20), 2), atol=1.2)


def test_many_key_frames_stay_evenly_spread(tmp_path: Path):
    path = video(tmp_path / "a.mp4", n=50, codec_options={"g": "5", "bf": "0"})
    assert np.allclose(levels(path, 5), [5, 15, 25, 35, 45], atol=3)
    assert np.allclose(levels(path, 10), np.arange(10) * 5 + 2, atol=1.2)


def test_variable_frame_rate_counts_frames(tmp_path: Path):
    path = video(tmp_path / "v.mp4", n=6, pts=[0, 100, 200, 2000, 2100, 9000])
    assert np.allclose(levels(path, 6), np.arange(6), atol=1)
    assert clip_info(path).frames == 6


def test_the_header_is_not_trusted(tmp_path: Path):
    whole = video(tmp_path / "m.avi", codec="mjpeg", pix="yuvj420p").read_bytes()
    at = whole.index(b"avih") + 8 + 16
    for claimed in (0, 2000, 0xFFFFFFFF):
        path = tmp_path / f"{claimed}.avi"
        path.write_bytes(whole[:at] + struct.pack("<I", claimed) + whole[at + 4 :])
        assert np.allclose(levels(path, 4), [2, 7, 12, 17], atol=1)
        assert clip_info(path).frames == 20


@pytest.mark.parametrize("name", ["avi mjpeg", "fragmented", "webm", "ts", "mkv"])
def test_cut_clips_give_what_is_left(tmp_path: Path, name: str):
    file, options = MAKERS[name]
    path = video(tmp_path / file, n=40, codec_options={"g": "5"}, **options)
    blob = path.read_bytes()
    path.write_bytes(blob[: len(blob) * 2 // 3])
    shown = levels(path, 4)
    assert shown == sorted(shown) and shown[0] < 12 and 8 < shown[-1] < 40


def test_damage_inside_a_stream_is_bridged(tmp_path: Path):
    path = video(tmp_path / "d.mp4", n=40)
    blob = bytearray(path.read_bytes())
    at = blob.index(b"mdat") + 900
    blob[at : at + 60] = bytes(range(60))
    path.write_bytes(blob)
    assert clip_at(MediaFile(path), 8, 16, 16, 3).shape == (8, 16, 16, 3)


def test_what_has_no_frames_is_unreadable(tmp_path: Path):
    good = video(tmp_path / "good.mp4").read_bytes()
    (tmp_path / "nomoov.mp4").write_bytes(good[: good.find(b"moov") - 4])
    (tmp_path / "zero.mp4").write_bytes(b"")
    (tmp_path / "page.mp4").write_bytes(b"<html>404 Not Found</html>")
    (tmp_path / "list.mp4").write_bytes(
        b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n" + str(tmp_path / "good.mp4").encode()
    )
    (tmp_path / "garbage.mp4").write_bytes(bytes(range(128, 256)) * 20)
    video(tmp_path / "noframes.avi", n=0, codec="mjpeg", pix="yuvj420p")
    reasons = {
        "nomoov.mp4": "broken video",
        "zero.mp4": r"empty file \(0 bytes\)",
        "page.mp4": "looks like text",
        "list.mp4": "looks like text",
        "garbage.mp4": "broken video",
        "noframes.avi": "0 frames|no video stream|broken video",
        "soundonly.mp4": "no video stream among 1 streams",
        "gone.mp4": "cannot be read",
    }
    sound_only(tmp_path / "soundonly.mp4")
    for name, reason in reasons.items():
        with pytest.raises(Unreadable, match=reason):
            clip_at(MediaFile(tmp_path / name), 4, 16, 16, 3)


def sound_only(path: Path) -> None:
    container = av.open(str(path), "w")
    stream = container.add_stream("aac", rate=16000)
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
    frame.sample_rate = 16000
    container.mux(stream.encode(frame))
    container.mux(stream.encode())
    container.close()


def test_one_frame_repeats(tmp_path: Path):
    assert levels(video(tmp_path / "one.mp4", n=1), 3) == [0, 0, 0]


def test_display_rotation_is_applied(tmp_path: Path):
    path = tmp_path / "r.mp4"
    container = av.open(str(path), "w")
    stream = container.add_stream("libx264", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24] = 200  # bright above
    for _ in range(3):
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    container.mux(stream.encode())
    container.close()
    upright = clip_at(MediaFile(path), 1, 16, 16, 1)[0, ..., 0]
    assert upright[2].mean() > 180 > 50 > upright[-3].mean()
    # The track's matrix turned a quarter clockwise: (a b u c d v x y w) = (0 1 0 -1 0 0 48 0 1) in fixed point.
    blob = bytearray(path.read_bytes())
    at = blob.index(b"tkhd") + 4 + 40
    blob[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(blob)
    turned = clip_at(MediaFile(path), 1, 16, 16, 1)[0, ..., 0]
    assert turned[:, -3].mean() > 180 > 50 > turned[:, 2].mean()


@pytest.mark.parametrize("name", ["mp4", "mkv", "webm", "avi mjpeg", "ts", "fragmented"])
def test_large_files_are_sought_in(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    file, options = MAKERS[name]
    path = video(tmp_path / file, n=50, codec_options={"g": "5"}, **options)
    monkeypatch.setattr(video_reader, "INDEXED_BYTES", 0)
    shown = levels(path, 5)
    assert np.allclose(shown, [5, 15, 25, 35, 45], atol=6) and shown == sorted(shown)
    assert abs(clip_info(path).seconds - 5) < 1 or np.isnan(clip_info(path).seconds)


@pytest.mark.parametrize("name", ["a.mp4", "m.mkv", "t.ts"])
def test_seeking_needs_no_reading_through(tmp_path: Path, name: str):
    path = video(tmp_path / name, n=200, codec_options={"g": "10"})
    with video_reader._opened(path) as (container, stream):
        shown = video_reader._sought(container, stream, 4, video_reader._Scaler(8, 8))
    assert len(shown) == 4


def test_large_files_with_a_wrong_duration_are_read_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = video(tmp_path / "m.mkv", n=50, codec_options={"g": "5", "x264-params": "cabac=0"})
    blob = path.read_bytes()
    at = blob.index(b"\x44\x89\x88") + 3
    assert struct.unpack(">d", blob[at : at + 8])[0] == pytest.approx(5000, abs=200)
    monkeypatch.setattr(video_reader, "INDEXED_BYTES", 0)
    for claimed in (0.0, 5e6, 500.0):
        path.write_bytes(blob[:at] + struct.pack(">d", claimed) + blob[at + 8 :])
        assert np.allclose(levels(path, 5), [5, 15, 25, 35, 45], atol=3)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_animations_and_stills(tmp_path: Path, form: str):
    frames = [Image.fromarray(np.full((24, 32, 3), 50 * level, np.uint8)) for level in range(5)]
    path = tmp_path / "clip.mp4"
    frames[0].save(path, form, save_all=True, append_images=frames[1:], duration=100)
    assert np.allclose(levels(path, 5), np.arange(5) * 10, atol=1)
    assert np.allclose(levels(path, 10), np.repeat(np.arange(5), 2) * 10, atol=1)
    assert clip_info(path)[0] == 5 and clip_info(path)[2:] == (24, 32)
    frames[3].save(path, form)
    assert np.allclose(levels(path, 3), [30, 30, 30], atol=1)


def test_cut_gif_gives_the_frames_before_the_cut(tmp_path: Path):
    random = np.random.default_rng(0)
    frames = [Image.fromarray(random.integers(0, 255, (24, 32, 3), dtype=np.uint8)) for _ in range(8)]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert clip_at(MediaFile(path), 6, 16, 16, 3).shape == (6, 16, 16, 3)


def jpeg(level: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((24, 32, 3), level, np.uint8)).save(out, "JPEG")
    return out.getvalue()


def test_records_of_images():
    example = Encoded(tuple(jpeg(20 * index) for index in range(6)))
    assert clip_at(example, 3, 8, 8, 3)[:, 0, 0, 0].tolist() == [20, 60, 100]
    assert clip_at(example, 12, 8, 8, 1)[::2, 0, 0, 0].tolist() == [0, 20, 40, 60, 80, 100]
    broken = Encoded((example.frames[0], b"", example.frames[2][:100], example.frames[3]))
    assert clip_at(broken, 4, 8, 8, 1)[:, 0, 0, 0].tolist() == [0, 0, 60, 60]
    with pytest.raises(Unreadable, match="empty file"):
        clip_at(Encoded((b"",)), 2, 8, 8, 3)
    with pytest.raises(Unreadable, match="record with 0 images"):
        clip_at(Encoded(()), 2, 8, 8, 3)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_dense_clips(channels: int):
    ramp = np.arange(10, dtype=np.float32).reshape(10, 1, 1, 1) * np.ones((1, 6, 7, channels), np.float32)
    clip = clip_at(Dense(ramp), 5, 6, 7, 3, (0, 9))
    assert np.abs(clip[:, 0, 0, 0] - np.array([1, 3, 5, 7, 9]) * 255 / 9).max() <= 1
    assert clip_at(Dense(ramp), 3, 12, 5, 1).shape == (3, 12, 5, 1)
    with pytest.raises(Unreadable, match="array without values"):
        clip_at(Dense(ramp[:0]), 5, 6, 7, 3)


def deep(values: np.ndarray, form: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, form, **options)
    return file.getvalue()


def test_deep_frames_are_scaled_by_the_range_of_their_set(tmp_path: Path):
    frames = [np.full((8, 8), 1000 * index, np.uint16) for index in range(4)]
    limits, expected = (0.0, 4000.0), [0, 64, 128, 191]
    example = Encoded(tuple(deep(frame, "PNG") for frame in frames))
    assert clip_at(example, 4, 8, 8, 1, limits)[:, 0, 0, 0].tolist() == expected
    rest = [Image.fromarray(frame) for frame in frames[1:]]
    (tmp_path / "stack").write_bytes(deep(frames[0], "TIFF", save_all=True, append_images=rest))
    assert clip_at(MediaFile(tmp_path / "stack"), 4, 8, 8, 1, limits)[:, 0, 0, 0].tolist() == expected


def test_refusals():
    with pytest.raises(ValueError, match="frames must be 1 or more, not 0"):
        clip_at(Encoded((jpeg(3),)), 0, 8, 8, 3)
    with pytest.raises(Unreadable, match="Text"):
        clip_at(Text("x"), 1, 8, 8, 3)


def test_info(tmp_path: Path):
    info = clip_info(video(tmp_path / "f.mp4", options={"movflags": "frag_keyframe+empty_moov"}))
    assert info == (20, pytest.approx(2.0), 48, 64)


def test_names_are_paths_not_addresses(tmp_path: Path):
    path = video(tmp_path / "good.mp4").rename(tmp_path / "concat:a|b é [1].mp4")
    assert len(levels(path, 2)) == 2


def test_threads_agree(tmp_path: Path):
    paths = [video(tmp_path / f"{n}.mp4", n=n) for n in range(10, 20)]
    with ThreadPoolExecutor(4) as pool:
        parallel = list(pool.map(lambda path: levels(path, 4), paths))
    assert parallel == [levels(path, 4) for path in paths]


def test_videos_import_no_image_or_sound_library(tmp_path: Path):
    video(tmp_path / "a.mp4")
    code = (
        "import sys; from pathlib import Path; from data_format.media.videos import clip_at;"
        "from data_format.examples import MediaFile;"
        f"clip_at(MediaFile(Path({str(tmp_path / 'a.mp4')!r})), 2, 8, 8, 3);"
        "print([m for m in ('PIL', 'cv2', 'soundfile', 'scipy', 'tensorflow') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert run.stdout.strip() == "[]" and run.stderr == ""
