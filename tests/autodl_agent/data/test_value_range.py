"""The range of a set's values: extremes where they are typical, without outliers, a channel at a time of many."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autodl_agent.data import value_range as module
from autodl_agent.data.task import Domain
from autodl_agent.data.value_range import estimate_value_range
from data_format.dataset import Split
from data_format.errors import Unreadable
from data_format.examples import Dense, Encoded, MediaFile, Text
from data_format.memory_source import MemorySource

RANDOM = np.random.default_rng(0)


def split(examples):
    return Split(
        [str(k) for k in range(len(examples))], np.zeros((len(examples), 1), np.float32), MemorySource(examples)
    )


def arrays(values, domain=Domain.IMAGE):
    return estimate_value_range(split([Dense(np.asarray(each, np.float32)[None]) for each in values]), domain)


def encoded(values, form="PNG"):
    file = io.BytesIO()
    Image.fromarray(values).save(file, form)
    return Encoded((file.getvalue(),))


def files(values, form="PNG"):
    return estimate_value_range(split([encoded(each, form) for each in values]), Domain.IMAGE)


def noise(low, high, shape=(20, 20, 1), n=8):
    return RANDOM.uniform(low, high, (n, *shape)).astype(np.float32)


@pytest.mark.parametrize("limits", [(0, 1), (0, 255), (-1, 1), (0, 0.02), (-3, 900), (1000, 4000)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_arrays_of_few_channels_keep_their_extremes(limits, channels):
    values = noise(*limits, (20, 20, channels))
    assert arrays(values) == ((values.min(), values.max()), ())


def test_a_hot_pixel_does_not_spoil_a_set_but_dark_pictures_stay_dark():
    values = noise(200, 4000)
    values[0] /= 10
    values[3, 5, 5] = 1e9
    value_range, (level,) = arrays(values)
    assert value_range == (values.min(), 1e9)
    assert level[0] == values.min() and 4000 <= level[1] < 8000


@pytest.mark.parametrize("limits", [(0, 1), (0, 255)])
def test_usual_ranges_keep_their_few_bright_pixels(limits):
    values = noise(limits[0], limits[1] / 20)
    values[0, 0, 0] = limits[1]
    assert arrays(values)[1] == ()


def test_many_channels_have_a_range_each():
    scales = np.array([1, 10, 100, 1000, 10_000, 0.001])
    values = noise(0, 1, (20, 20, 6)) * scales
    values[:, :, :, 5] = 7.0
    values[2, 3, 3, 0] = np.nan
    value_range, levels = arrays(values)
    assert len(levels) == 6
    for k, scale in enumerate(scales[:5]):
        assert 0 <= levels[k][0] < 0.01 * scale and 0.98 * scale < levels[k][1] <= scale
    assert levels[5] == value_range  # it shows one value only


def test_many_channels_of_whole_bytes_and_changing_channels_stay_as_they_are():
    assert arrays(np.rint(noise(0, 200, (9, 9, 7))))[1] == ()
    assert arrays([np.full((2, 2, 5), 3.5), np.full((2, 2, 6), 9.5)])[1] == ()


def test_clips_are_looked_at_as_pictures_are_and_sounds_are_not():
    values = [np.where(RANDOM.random((30, 30, 1)) < 0.0002, 1e6, RANDOM.uniform(0, 900, (30, 30, 1))) for _ in range(9)]
    values[0][0, 0] = 1e6
    assert len(arrays(values, Domain.VIDEO)[1]) == 1
    assert arrays(values, Domain.SPEECH)[1] == ()


def test_nothing_is_told_by_no_values_and_by_texts():
    assert arrays([]) == arrays([np.full((2, 2, 1), np.nan)]) == ((0, 0), ())
    assert estimate_value_range(split([Text("x")]), Domain.TEXT) == ((0, 0), ())


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_twelve_bits_in_files_of_sixteen_have_their_own_range(form):
    values = RANDOM.integers(100, 4096, (6, 30, 30), np.uint16)
    values[0, 0, 0] = 65_535
    value_range, (level,) = files(values, form)
    assert value_range == (0, 0) and level[0] == values.min() and 4000 < level[1] < 6500


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (RANDOM.integers(0, 65_536, (5, 9, 9), np.uint16), ()),  # as ever: by the range of the format
        (RANDOM.integers(0, 200, (5, 9, 9), np.uint16), ((0.0, 255.0),)),
        (RANDOM.integers(0, 256, (5, 9, 9), np.uint8), ()),
        (RANDOM.integers(0, 256, (5, 9, 9, 3), np.uint8), ()),
        (np.full((5, 9, 9), 700, np.uint16), ()),
    ],
)
def test_other_files_are_scaled_as_ever(values, levels):
    assert files(values)[1] == levels


def test_floats_in_files_have_one_range_unless_they_fit_a_usual_one():
    assert files(noise(0, 1, (20, 20)), "TIFF")[1] == ()
    values = noise(0, 3000, (20, 20))
    assert files(values, "TIFF")[1] == ((values.min(), values.max()),)


def test_a_few_heads_tell_that_no_picture_is_deep(tmp_path: Path, monkeypatch):
    (tmp_path / "p.png").write_bytes(encoded(np.zeros((4, 4), np.uint8)).frames[0])
    asked = []
    monkeypatch.setattr(
        "data_format.media.images.read_file", lambda path, most=None: asked.append(most) or path.read_bytes()
    )
    assert estimate_value_range(split([MediaFile(tmp_path / "p.png")] * 50), Domain.IMAGE)[1] == ()
    assert len(asked) == module.HEADS and all(most and most <= 64 for most in asked)


def test_large_deep_pictures_are_not_all_decoded(monkeypatch):
    monkeypatch.setattr(module, "MOST_PIXELS", 1000)
    decoded = []
    deep = np.full((40, 40, 1), 3000, np.uint16)
    monkeypatch.setattr("data_format.media.images.deep_values", lambda example: decoded.append(1) or deep)
    estimate_value_range(split([Encoded((b"x",))] * 50), Domain.IMAGE)
    assert len(decoded) == module.FEWEST


def test_pictures_that_cannot_be_read_are_passed_over(monkeypatch):
    good, bad = encoded(RANDOM.integers(0, 4000, (9, 9), np.uint16)), encoded(np.full((9, 9), 9, np.uint16)).frames[0]
    broken = Encoded((bad[:45],))
    assert len(estimate_value_range(split([broken, good, broken, good]), Domain.IMAGE)[1]) == 1
    with pytest.raises(Unreadable):
        from data_format.media.images import deep_values

        deep_values(broken)
