"""Pictures of more than 8 bits keep their depth, grey or in colour, however they are stored and turned."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from data_format.examples import Encoded
from data_format.media.high_bit_depth import deep_colour, may_be_deep, upright
from data_format.media.images import deep_values, image_at

RANDOM = np.random.default_rng(0)
RANGE = (0.0, 4095.0)


def coloured(form: str = ".png", high: int = 4096) -> tuple[np.ndarray, bytes]:
    values = RANDOM.integers(0, high, (24, 32, 3), np.uint16)
    return values, cv2.imencode(form, values[..., ::-1])[1].tobytes()


def saved(image: Image.Image, form: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bit_colour_is_scaled_by_the_range_of_its_set(form: str, channels: int) -> None:
    values, blob = coloured(form)
    pixels = image_at(Encoded((blob,)), 24, 32, channels, RANGE).astype(int)
    exact = values * (255 / 4095)
    expected = exact if channels == 3 else exact @ np.array([[0.299], [0.587], [0.114]])
    assert np.abs(pixels - expected).max() <= 1.1
    found = deep_values(Encoded((blob,)))
    assert found is not None and np.array_equal(found, values)


def test_without_a_range_colour_is_scaled_by_the_format() -> None:
    values, blob = coloured()
    assert np.array_equal(image_at(Encoded((blob,)), 24, 32, 3), values >> 8)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_by_the_range_of_its_set(form: str) -> None:
    values = RANDOM.integers(0, 4096, (24, 32), np.uint16)
    blob = saved(Image.fromarray(values), form)
    pixels = image_at(Encoded((blob,)), 24, 32, 3, RANGE)
    assert np.abs(pixels - values[..., None] * (255 / 4095)).max() <= 0.51
    dark = image_at(Encoded((saved(Image.fromarray(values // 8), form),)), 24, 32, 1, RANGE)
    assert dark.max() <= 32  # dark stays dark
    assert len(np.unique(pixels)) > 200


def test_floats_and_32_bit_integers_follow_the_range_too() -> None:
    ramp = np.linspace(0, 4095, 24 * 32).reshape(24, 32)
    for values in (ramp.astype(np.float32), ramp.astype(np.int32)):
        blob = saved(Image.fromarray(values), "TIFF")
        assert np.abs(image_at(Encoded((blob,)), 24, 32, 1, RANGE)[..., 0] - ramp * (255 / 4095)).max() <= 0.6
        assert image_at(Encoded((blob,)), 24, 32, 1, (0, 8190)).max() in (127, 128)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF", "BMP"])
def test_eight_bits_know_no_range(form: str) -> None:
    blob = saved(Image.fromarray(RANDOM.integers(0, 256, (24, 32, 3), np.uint8)), form)
    assert deep_values(Encoded((blob,))) is None
    assert np.array_equal(image_at(Encoded((blob,)), 24, 32, 3, RANGE), image_at(Encoded((blob,)), 24, 32, 3))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_colour_is_turned_like_any_other(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = RANDOM.integers(0, 16, (24, 36, 3), np.uint8)
    plain = image_at(Encoded((saved(Image.fromarray(pixels), "PNG", exif=exif),)), 24, 24, 3)
    assert np.array_equal(
        image_at(Encoded((saved(Image.fromarray(upright(pixels, orientation)), "PNG"),)), 24, 24, 3), plain
    )
    deep = cv2.imencode(".png", pixels[..., ::-1].astype(np.uint16) * 256)[1].tobytes()
    # The chunk that holds the orientation, put behind the header.
    with_exif = saved(Image.fromarray(pixels), "PNG", exif=exif)
    start = with_exif.index(b"eXIf") - 4
    chunk = with_exif[start : start + 12 + int.from_bytes(with_exif[start : start + 4])]
    turned = deep[:33] + chunk + deep[33:]
    found = image_at(Encoded((turned,)), 24, 24, 3, (0.0, 255 * 256.0))
    assert np.abs(found.astype(int) - plain).max() <= 1


def test_heads_tell_what_may_be_deep() -> None:
    _, deep = coloured()
    shallow = saved(Image.new("L", (9, 9)), "PNG")
    assert (
        may_be_deep(deep[:64])
        and not may_be_deep(shallow[:64])
        and not may_be_deep(b"\xff\xd8\xff")
        and not may_be_deep(b"")
    )
    assert may_be_deep(saved(Image.new("L", (9, 9)), "TIFF")[:64])


def test_colour_that_opencv_cannot_read_is_left_to_pillow() -> None:
    _, blob = coloured()
    with Image.open(io.BytesIO(blob)) as image:
        assert deep_colour(image, b"no picture") is None
        assert deep_colour(image, saved(Image.new("L", (9, 9)), "PNG")) is None
