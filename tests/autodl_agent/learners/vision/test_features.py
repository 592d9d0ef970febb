from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodl_agent.data.task import Domain, Task
from autodl_agent.learners.vision.config import ViewConfig
from autodl_agent.learners.vision.features import (
    BINS,
    colour_mirror,
    colours,
    gradient_cells,
    gradient_feature,
    gradient_mirror,
    gradients,
    image_recipe,
)
from autodl_agent.learners.vision.frozen_features import pixel_recipe
from data_format.examples import Dense, Encoded


def task(channels: int) -> Task:
    return Task("t", Domain.IMAGE, "", ("a", "b"), 4, 2, (1, -1, -1, channels), False, (2, 2))


def pictures(n: int, side: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, channels), np.uint8)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([1, 2, 3, 4, 7]), st.sampled_from([32, 48, 64]), st.integers(0, 5))
def test_mirrored_pictures_have_permuted_features(channels, side, seed):
    images = pictures(3, side, channels, seed)
    for make, mirror in ((gradients, gradient_mirror(channels)), (colours, colour_mirror(channels))):
        plain, mirrored = make(images), make(images[:, :, ::-1])
        assert plain.shape == (3, len(mirror))
        np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))
        np.testing.assert_allclose(mirrored, plain[:, mirror], atol=2e-3)


def test_an_edge_falls_into_the_bin_of_its_direction():
    ramp = np.tile(np.arange(0, 160, 5, dtype=np.uint8), (32, 1))
    cells = gradient_cells(np.stack([ramp, ramp.T])[..., None], 8)
    assert cells.shape == (2, 8, 8, BINS)
    across, down = cells.sum((1, 2))
    assert across.argmax() == 0 and across[0] == pytest.approx(across.sum())  # brighter to the right: 0 degrees
    assert down[4:6].sum() == pytest.approx(down.sum())  # brighter downwards: 90 degrees, between bins 4 and 5
    np.testing.assert_allclose(across.sum(), 10 * 30 * 32, rtol=1e-5)  # twice the step of 5, over 30 columns


def test_the_steepest_channel_speaks_and_odd_channels_speak_for_themselves():
    images = np.zeros((1, 32, 32, 3), np.uint8)
    images[0, :, 16:, 1] = 200
    only = gradients(images[..., 1:2])
    np.testing.assert_allclose(gradients(images), only)
    four = gradients(np.concatenate([images, images[..., :1]], 3))
    assert four.shape[1] == 4 * only.shape[1]
    np.testing.assert_allclose(four[:, only.shape[1] : 2 * only.shape[1]], only)
    assert not four[:, : only.shape[1]].any()


def test_colours_of_a_flat_picture():
    images = np.full((2, 32, 32, 3), 255, np.uint8)
    images[1] = (0, 64, 128)
    features = colours(images)
    np.testing.assert_allclose(features[0, :192], 1)
    assert np.flatnonzero(features[0, 192:]).tolist() == [63]
    assert np.flatnonzero(features[1, 192:]).tolist() == [0 * 16 + 1 * 4 + 2]


def test_flat_pictures_give_finite_zeros():
    assert not gradients(np.full((2, 32, 32, 3), 9, np.uint8)).any()


def test_recipes_are_named_by_what_they_depend_on():
    assert image_recipe(task(3), 32).key == "image@32x32x3"
    assert gradient_feature(task(1), 32).recipe.key != gradient_feature(task(1), 64).recipe.key
    assert gradient_feature(task(3), 32).recipe.source.shape == (32, 32, 3)


def test_recipes_show_the_levels_of_the_task():
    values = np.linspace(0, 4095, 32 * 32).reshape(32, 32).astype(np.uint16)
    deep = Encoded((cv2.imencode(".png", values)[1].tobytes(),))
    bands = Dense((values[None, ..., None] * np.array([1, 0.01, 10, 1, 1])).astype(np.float32))
    limits = ((0.0, 4095.0), (0.0, 40.95), (0.0, 40_950.0), (0.0, 4095.0), (0.0, 4095.0))
    view = partial(pixel_recipe, view=ViewConfig("efficientnet-lite0", 32), aspect=1.0)
    for example, channels, levels in ((deep, 1, limits[:1]), (bands, 5, limits)):
        made = replace(task(channels), levels=levels)
        for recipe in (image_recipe(made, 32), view(made)):
            found = recipe.decode(example)
            assert all(len(np.unique(found[..., band])) > 200 for band in range(found.shape[2]))
