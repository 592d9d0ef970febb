"""Arithmetic on pixels, against plain references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_format.media.pixels import _matrix_resize, as_bytes, crop_size, fit_to, pad_size, resize, with_channels

SIDES = st.integers(1, 40)


@pytest.mark.parametrize(
    ("values", "pixels"),
    [
        ([0, 0.5, 1], [0, 128, 255]),
        ([0, 128, 255], [0, 128, 255]),
        ([-1, 0, 1], [0, 128, 255]),
        ([-10, 0, 10], [0, 128, 255]),
        ([0, 1, 256], [0, 1, 255]),
        ([7, 7], [7, 7]),
        ([300, 300], [128, 128]),
        ([0, np.nan, 1], [0, 0, 255]),
        ([0, np.inf, -np.inf, 1], [0, 255, 0, 255]),
        ([np.nan, np.nan], [0, 0]),
        ([], []),
    ],
)
def test_values_are_spread_over_the_range_that_they_show(values: list[float], pixels: list[int]) -> None:
    assert as_bytes(np.array(values, np.float32)).tolist() == pixels


def test_a_given_range_beats_the_values() -> None:
    assert as_bytes(np.array([-5, 0, 5, 10, 20], np.float32), (0, 10)).tolist() == [0, 0, 128, 255, 255]


def test_every_channel_may_have_its_range() -> None:
    values = np.array([[[0, 10, -1, 5, 100], [1, 20, 1, 6, 300]]], np.float32)
    pairs = ((0.0, 1.0), (10.0, 20.0), (-1.0, 1.0), (0.0, 10.0), (100.0, 200.0))
    assert as_bytes(values, pairs).tolist() == [[[0, 0, 0, 128, 0], [255, 255, 255, 153, 255]]]
    clip = np.stack([values, values[:, ::-1]])
    assert np.array_equal(as_bytes(clip, pairs)[0], as_bytes(values, pairs))
    # Another number of channels: the lowest and the highest of all.
    assert as_bytes(np.array([[[-1.0], [200.0]]], np.float32), pairs).ravel().tolist() == [0, 255]


@pytest.mark.parametrize("nothing", [(0, 0), (3, 3), (5, 1)])
def test_an_empty_range_is_no_range(nothing: tuple[float, float]) -> None:
    assert as_bytes(np.array([0, 1], np.float32), nothing).tolist() == [0, 255]


def test_grey_is_luma_of_three_channels_and_the_mean_of_others() -> None:
    pure = np.eye(3, dtype=np.uint8)[None] * 255
    assert with_channels(pure, 1).ravel().tolist() == [76, 150, 29]
    assert with_channels(np.array([[[10, 20, 30, 40]]], np.uint8), 1).tolist() == [[[25]]]
    assert with_channels(np.array([[[10, 20]]], np.uint8), 1).tolist() == [[[15]]]


@pytest.mark.parametrize(("have", "want", "found"), [(1, 3, "000"), (2, 5, "01010"), (4, 3, "012"), (3, 3, "012")])
def test_channels_are_cycled_or_cut(have: int, want: int, found: str) -> None:
    pixels = np.arange(have, dtype=np.uint8).reshape(1, 1, have)
    assert "".join(map(str, with_channels(pixels, want).ravel())) == found


def test_channels_of_a_whole_clip_change_alike() -> None:
    clip = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3), np.uint8)
    assert np.array_equal(with_channels(clip, 1)[1], with_channels(clip[1], 1))


@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 255), st.sampled_from(["squash", "pad", "crop"]))
def test_a_flat_picture_stays_flat_at_any_size(h: int, w: int, to_h: int, to_w: int, level: int, fit: str) -> None:
    flat = np.full((h, w, 3), level, np.uint8)
    found = fit_to(flat, to_h, to_w, fit)
    assert found.shape == (to_h, to_w, 3)
    assert (found == level).all()


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 4), st.integers(1, 4))
def test_shrinking_by_whole_steps_is_the_mean_of_blocks(h: int, w: int, down: int, across: int) -> None:
    picture = np.random.default_rng(h * 8 + w).integers(0, 256, (h * down, w * across, 2), np.uint8)
    means = picture.reshape(h, down, w, across, 2).mean((1, 3))
    # Both may round half-way means either way.
    assert np.abs(resize(picture, h, w) - means).max() <= 0.5 + 1e-4
    assert np.abs(_matrix_resize(picture, h, w) - means).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 13, 600])
@pytest.mark.parametrize(("height", "width"), [(3, 9), (48, 48), (9, 2)])
def test_any_number_of_channels_is_resized_as_each_alone(channels: int, height: int, width: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, channels), np.uint8)
    found = resize(picture, height, width)
    assert found.shape == (height, width, channels)
    alone = resize(np.ascontiguousarray(picture[..., -1:]), height, width)
    assert np.abs(found[..., -1:].astype(int) - alone).max() <= 1


@given(SIDES, SIDES, SIDES, SIDES)
def test_a_crop_lies_inside_and_a_pad_inside_the_frame(h: int, w: int, to_h: int, to_w: int) -> None:
    tall, wide = crop_size(h, w, to_h, to_w)
    assert 1 <= tall <= h and 1 <= wide <= w and (tall == h or wide == w)
    assert abs(tall * to_w - wide * to_h) <= max(to_h, to_w)
    tall, wide = pad_size(h, w, to_h, to_w)
    assert 1 <= tall <= to_h and 1 <= wide <= to_w and (tall == to_h or wide == to_w)


def test_a_crop_takes_the_middle_and_a_pad_fills_with_the_mean() -> None:
    picture = np.zeros((2, 6, 1), np.uint8)
    picture[:, 2:4] = 90
    assert (fit_to(picture, 2, 2, "crop") == 90).all()
    padded = fit_to(picture, 6, 6, "pad")
    assert np.array_equal(padded[2:4], picture)
    assert (padded[[0, 1, 4, 5]] == 30).all()


def test_an_unknown_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="stretch"):
        fit_to(np.zeros((2, 3, 1), np.uint8), 4, 4, "stretch")
