import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data_format.errors import Unreadable
from data_format.examples import Dense, Encoded, MediaFile, Text
from data_format.media.images import animation, decode_frame, frames_of, image_at, image_size

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(0, 255, (24, 32, 3), dtype=np.uint8)


def encoded(pixels: np.ndarray | Image.Image, form: str = "PNG", **options) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def smooth(rows: int, columns: int) -> Image.Image:
    coarse = RANDOM.integers(0, 255, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((columns, rows), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "JPEG", "ICO", "JPEG2000"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_format_gives_the_same_picture_whatever_the_name(tmp_path: Path, form: str, channels: int):
    picture = smooth(24, 32).convert("RGB")
    file = tmp_path / "picture.jpg"
    file.write_bytes(encoded(picture, form, **({"sizes": [(32, 24)]} if form == "ICO" else {})))
    pixels = image_at(MediaFile(file), 24, 32, channels)
    expected = np.array(picture.convert("L" if channels == 1 else "RGB")).reshape(24, 32, channels)
    assert pixels.dtype == np.uint8 and pixels.shape == (24, 32, channels)
    assert np.abs(pixels.astype(int) - expected).mean() < 8
    assert image_size(MediaFile(file)) == (24, 32, 3)


def test_lossless_pixels_are_exact():
    assert (decode_frame(encoded(NOISE), 3) == NOISE).all()
    assert (decode_frame(encoded(NOISE[..., 0]), 1)[..., 0] == NOISE[..., 0]).all()
    assert (decode_frame(encoded(NOISE[..., 0]), 3) == NOISE[..., :1]).all()


@pytest.mark.parametrize("quality", [95, 100])
def test_cmyk_red_stays_red(quality: int):
    cmyk = Image.new("RGB", (32, 24), (255, 0, 0)).convert("CMYK")
    for blob in (encoded(cmyk, "JPEG", quality=quality), encoded(cmyk, "TIFF")):
        assert np.abs(decode_frame(blob, 3).astype(int) - (255, 0, 0)).max() <= 5


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_in_every_format(form: str, orientation: int):
    picture = smooth(24, 36).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    blob = encoded(picture, form, exif=exif)
    turned = decode_frame(blob, 3)
    upright = np.array(Image.open(io.BytesIO(encoded(picture, form))).convert("RGB"))
    expected = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, -1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright),
    }[orientation]
    assert turned.shape == expected.shape == image_size(Encoded((blob,)))
    assert np.abs(turned.astype(int) - expected).mean() < 2


def test_up_and_turned_by_tag_alone_are_told_apart():
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[:12] = 200
    exif = Image.Exif()
    exif[0x0112] = 6
    up = image_at(Encoded((encoded(pixels, "JPEG"),)), 16, 16, 1)
    turned = image_at(Encoded((encoded(pixels, "JPEG", exif=exif),)), 16, 16, 1)
    assert up[2].mean() > 180 and up[-3].mean() < 20
    assert turned[:, -3].mean() > 180 and turned[:, 2].mean() < 20


def test_sixteen_bits_scale_to_eight():
    deep = np.linspace(0, 65535, 24 * 32).reshape(24, 32).astype(np.uint16)
    pixels = decode_frame(encoded(deep), 1)[..., 0]
    assert pixels.min() == 0 and pixels.max() == 255
    assert np.abs(pixels - deep / 257).max() <= 1
    assert (decode_frame(encoded(deep, "TIFF"), 3)[..., 2] == pixels).all()
    # the scale is the format's, not the picture's: dark stays dark
    assert decode_frame(encoded(deep // 16), 1).max() <= 16


def test_transparency_lies_on_white():
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[:4] = (10, 20, 30, 255)
    for form in ("PNG", "WEBP"):
        pixels = decode_frame(encoded(clear, form, **({"lossless": True} if form == "WEBP" else {})), 3)
        assert (pixels[:4] == (10, 20, 30)).all() and (pixels[4:] == 255).all()
    palette = Image.fromarray(NOISE // 2).quantize(8)
    palette.info["transparency"] = 0
    pixels = decode_frame(encoded(palette, "GIF"), 3)
    assert (pixels[np.array(palette) == 0] == 255).all()
    grey = Image.merge("LA", (Image.new("L", (4, 4), 7), Image.new("L", (4, 4), 0)))
    assert (decode_frame(encoded(grey), 1) == 255).all()


def test_palette_and_bilevel_are_expanded():
    palette = Image.fromarray(NOISE).quantize(32)
    assert (decode_frame(encoded(palette), 3) == np.array(palette.convert("RGB"))).all()
    bits = Image.fromarray(NOISE[..., 0] > 127)
    assert (decode_frame(encoded(bits), 1)[..., 0] == (NOISE[..., 0] > 127) * 255).all()


def test_other_channel_counts():
    rgba = np.dstack([NOISE, NOISE[..., :1]])
    assert (decode_frame(encoded(rgba), 4) == rgba).all()
    for form in ("PNG", "JPEG"):
        assert (decode_frame(encoded(NOISE, form), 4)[..., 3] == 255).all()
        assert decode_frame(encoded(NOISE, form), 2).shape == (24, 32, 2)
        six = decode_frame(encoded(NOISE, form), 6)
        assert (six[..., 4:] == six[..., :2]).all()
    with pytest.raises(ValueError, match="channels must be 1 or more, not 0"):
        decode_frame(encoded(NOISE), 0)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_cut_short_is_unreadable_not_half_a_picture(form: str):
    blob = encoded(RANDOM.integers(0, 255, (90, 90, 3), dtype=np.uint8), form)
    for share in (0.5, 0.9):
        with pytest.raises(Unreadable, match="cut short|broken"):
            decode_frame(blob[: int(len(blob) * share)], 3)


@pytest.mark.parametrize(
    "blob, reason",
    [
        (b"", r"empty file \(0 bytes\)"),
        (b"<html>404 Not Found</html>", "no known image format .looks like text"),
        (b"\0\5\26\7\0\2\0\0Mac OS X", "no known image format .looks like unknown"),
        (b"\xff\xd8\xff\xe0" + bytes(40) + b"\xff\xd9", "broken JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "broken PNG"),
    ],
)
def test_what_is_no_image_says_so(blob: bytes, reason: str, tmp_path: Path):
    (tmp_path / "x.jpg").write_bytes(blob)
    for example in (MediaFile(tmp_path / "x.jpg"), Encoded((blob,))):
        with pytest.raises(Unreadable, match=reason) as caught:
            image_at(example, 8, 8, 3)
        assert "x.jpg" not in str(caught.value)


def test_what_holds_no_image_says_so(tmp_path: Path):
    for example in (Encoded(()), Text("x"), MediaFile(tmp_path / "gone.png"), MediaFile(tmp_path)):
        with pytest.raises(Unreadable):
            image_at(example, 8, 8, 3)


def test_declared_size_is_checked_before_decoding():
    huge = bytearray(encoded(NOISE))
    huge[16:24] = (1 << 16).to_bytes(4, "big") * 2
    with pytest.raises(Unreadable):
        decode_frame(bytes(huge), 3)


def test_trailing_bytes_do_not_matter():
    blob = encoded(NOISE, "JPEG")
    assert (decode_frame(blob + bytes(20), 3) == decode_frame(blob, 3)).mean() > 0.95


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_animation_first_frame_or_spread(form: str):
    shades = [np.full((24, 32, 3), 50 * level, np.uint8) for level in range(5)]
    first, *rest = (Image.fromarray(shade) for shade in shades)
    blob = encoded(first, form, save_all=True, append_images=rest, duration=100)
    assert decode_frame(blob, 3).shape == (24, 32, 3) and decode_frame(blob, 3).max() < 5
    assert frames_of(Encoded((blob,))) == 1
    levels = [round(float(frame.mean()) / 50) for frame in animation(blob, 5, 3)]
    assert levels == [0, 1, 2, 3, 4]
    assert [round(float(frame.mean()) / 50) for frame in animation(blob, 1, 1)] == [2]


def test_frames_of(tmp_path: Path):
    first = Image.fromarray(NOISE)
    (tmp_path / "a").write_bytes(encoded(first, "GIF", save_all=True, append_images=[first.rotate(90)] * 2))
    (tmp_path / "b").write_bytes(encoded(first))
    assert frames_of(MediaFile(tmp_path / "a")) >= 2 and frames_of(MediaFile(tmp_path / "b")) == 1
    assert frames_of(Dense(np.zeros((7, 2, 2, 1), np.float32))) == 7
    assert frames_of(Encoded((b"", b""))) == 2


@pytest.mark.parametrize("fit", ["squash", "pad", "crop"])
@pytest.mark.parametrize("size", [(8, 8), (33, 20), (24, 90), (200, 10), (256, 256)])
def test_reduced_decoding_shows_the_same_picture(fit: str, size: tuple[int, int]):
    picture = smooth(240, 330)
    full = image_at(Encoded((encoded(picture),)), *size, 3, fit=fit)
    reduced = image_at(Encoded((encoded(picture, "JPEG", quality=98),)), *size, 3, fit=fit)
    assert full.shape == reduced.shape == (*size, 3)
    assert np.abs(full.astype(int) - reduced).mean() < 6


def test_fits_keep_or_drop_the_aspect():
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, 10:30] = 255
    example = Encoded((encoded(pixels),))
    assert (image_at(example, 20, 20, 1, fit="crop") == 255).all()
    padded = image_at(example, 40, 40, 1, fit="pad")[..., 0]
    assert (padded[:9] == padded[0, 0]).all() and abs(int(padded[0, 0]) - 128) < 3
    assert (padded[12:28, 12:28] == 255).all() and (padded[12:28, :8] == 0).all()
    assert image_at(example, 10, 10, 1)[:, 4].mean() == 255
    with pytest.raises(ValueError, match="stretch"):
        image_at(example, 8, 8, 3, fit="stretch")


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("wanted", [1, 3, 4])
def test_dense_of_any_channel_count(channels: int, wanted: int):
    array = RANDOM.uniform(0, 1, (1, 9, 11, channels)).astype(np.float32)
    pixels = image_at(Dense(array), 9, 11, wanted)
    assert pixels.shape == (9, 11, wanted)
    if wanted <= channels and wanted > 1:
        assert np.abs(pixels - array[0, ..., :wanted] * 255).max() <= 0.51
    assert image_size(Dense(array)) == (9, 11, channels)
    assert image_at(Dense(array), 4, 30, wanted).shape == (4, 30, wanted)


def test_dense_scaling():
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(1, 16, 16, 1)
    expected = np.arange(256).reshape(16, 16, 1)
    for array, limits in (
        (ramp, (0, 0)), (ramp, (0, 1)), (ramp * 255, (0, 0)), (ramp * 2 - 1, (0, 0)),
        (ramp * 3000 - 1000, (0, 0)), (ramp * 3000 - 1000, (-1000, 2000)),
    ):  # fmt: skip
        assert np.abs(image_at(Dense(array), 16, 16, 1, limits) - expected.astype(int)).max() <= 1
    assert image_at(Dense(ramp), 16, 16, 1, (0, 4)).max() == 64


def test_dense_not_a_number_and_infinity():
    array = np.full((1, 4, 4, 1), 0.5, np.float32)
    array[0, 0, :3, 0] = np.nan, np.inf, -np.inf
    before = array.copy()
    assert image_at(Dense(array), 4, 4, 1)[0, :3, 0].tolist() == [0, 255, 0]
    assert np.array_equal(before, array, equal_nan=True)
    assert (image_at(Dense(np.full((1, 2, 2, 1), np.nan, np.float32)), 2, 2, 3) == 0).all()
    with pytest.raises(Unreadable, match="array without values"):
        image_at(Dense(np.zeros((0, 2, 2, 1), np.float32)), 2, 2, 3)


@settings(max_examples=60, deadline=None)
@given(
    form=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"]), at=st.floats(0, 1), junk=st.binary(max_size=30)
)
def test_damage_gives_pixels_or_unreadable_and_nothing_else(form: str, at: float, junk: bytes):
    blob = bytearray(encoded(NOISE, form))
    start = int(at * len(blob))
    blob[start : start + len(junk)] = junk
    try:
        assert image_at(Encoded((bytes(blob),)), 12, 12, 3).shape == (12, 12, 3)
    except Unreadable as error:
        assert 5 < len(str(error)) < 120


def test_threads_agree():
    blobs = [encoded(smooth(60, 80), form) for form in ("JPEG", "PNG", "GIF", "WEBP") for _ in range(10)]
    work = [Encoded((blob,)) for blob in blobs]
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(lambda example: image_at(example, 16, 16, 3), work))
    assert all((image_at(example, 16, 16, 3) == pixels).all() for example, pixels in zip(work, parallel, strict=True))


def test_plain_images_import_neither_pillow_nor_sound_nor_video(tmp_path: Path):
    for name, form in (("a", "JPEG"), ("b", "PNG")):
        (tmp_path / name).write_bytes(encoded(NOISE, form))
    code = (
        "import sys; from pathlib import Path; from data_format.media.images import image_at;"
        "from data_format.examples import MediaFile; import data_format.media.videos, data_format.media.sounds;"
        f"[image_at(MediaFile(Path({str(tmp_path)!r}, n)), 8, 8, 3) for n in 'ab'];"
        "print([m for m in ('PIL', 'av', 'soundfile', 'scipy', 'tensorflow') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(("height", "width"), [(8, 5), (30, 41), (8, 41), (1, 1), (20, 27)])
def test_resizing_without_opencv_follows_the_same_rule(height, width):
    from data_format.media import pixels

    picture = np.random.default_rng(0).integers(0, 256, (20, 27, 3)).astype(np.uint8)
    ours, theirs = pixels._matrix_resize(picture, height, width), pixels.resize(picture, height, width)
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 2
