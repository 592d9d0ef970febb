import numpy as np
import pytest

from autodl_agent.data.task import Domain, Task
from autodl_agent.learners.image.config import BankConfig
from autodl_agent.learners.image.patches import (
    few_channels,
    make_bank,
    patch_feature,
    pooling,
    responses,
    unit_contrast,
)
from autodl_agent.learners.vision.features import image_recipe

SMALL = BankConfig(filters=12, pools=3, stride_px=2)


def task(channels: int) -> Task:
    return Task("t", Domain.IMAGE, "", ("a", "b"), 4, 2, (1, -1, -1, channels), False, (2, 2))


def pictures(n: int, channels: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 200, (n, 8, 8, channels))
    return (coarse.repeat(4, 1).repeat(4, 2) + rng.integers(0, 40, (n, 32, 32, channels))).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4, 9])
@pytest.mark.parametrize("pools", [2, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_mirrored_pictures_have_permuted_responses(channels, pools, stride):
    images = pictures(5, channels)
    bank = make_bank(images, BankConfig(filters=12, pools=pools, stride_px=stride), 500, (0, 0))
    feature = patch_feature(task(channels), bank)
    plain, mirrored = responses(images, bank), responses(images[:, :, ::-1], bank)
    assert plain.shape == (5, *feature.recipe.shape) and plain.any()
    np.testing.assert_allclose(mirrored, plain[:, feature.mirror], atol=2e-3)


def test_responses_agree_with_the_definition_written_out():
    images = pictures(2, 3)
    bank = make_bank(images, BankConfig(filters=4, pools=1, stride_px=1), 300, (0, 0))
    total = np.zeros((2, 4))
    for top in range(27):
        for left in range(27):
            patch = images[:, top : top + 6, left : left + 6].transpose(0, 3, 1, 2).reshape(2, -1)
            total += np.maximum(unit_contrast(patch) @ bank.filters + bank.bias, 0)
    np.testing.assert_allclose(responses(images, bank), np.sqrt(total / 27**2), rtol=1e-3, atol=1e-4)


def test_responses_do_not_depend_on_the_company():
    images = pictures(9, 3)
    bank = make_bank(images, SMALL, 300, (0, 0))
    together = responses(images, bank)
    np.testing.assert_allclose(np.concatenate([responses(i[None], bank) for i in images]), together, atol=1e-4)


def test_banks_are_seeded_and_named_by_their_content():
    images = pictures(6, 3)
    first, again, other = (make_bank(images, SMALL, 300, seed) for seed in ((0, 0), (0, 0), (0, 1)))
    np.testing.assert_array_equal(first.filters, again.filters)
    keys = [patch_feature(task(3), bank).recipe.key for bank in (first, again, other)]
    assert keys[0] == keys[1] != keys[2]
    assert patch_feature(task(3), first).recipe.source == image_recipe(task(3), 32) or keys[0].startswith(
        "image@32x32x3/"
    )


def test_no_picture_and_flat_pictures_give_finite_responses():
    nothing = make_bank(pictures(0, 3), SMALL, 100, (0, 0))
    flat = make_bank(np.full((3, 32, 32, 3), 7, np.uint8), SMALL, 100, (0, 0))
    for bank in (nothing, flat):
        assert np.isfinite(responses(pictures(2, 3), bank)).all()
    assert np.isfinite(flat.filters).all()


@pytest.mark.parametrize("across", [14, 27])
@pytest.mark.parametrize("pools", [1, 2, 3])
def test_pooling_averages_and_is_symmetric(across, pools):
    weights = pooling(across, pools).reshape(pools, pools, across, across)
    np.testing.assert_allclose(weights.sum((2, 3)), 1, rtol=1e-5)
    np.testing.assert_allclose(weights[:, ::-1, :, ::-1], weights, atol=1e-6)


def test_many_channels_become_four_means():
    images = np.arange(10, dtype=np.uint8).reshape(1, 1, 1, 10)
    assert few_channels(images).ravel().tolist() == [0, 3, 6, 8]
    assert few_channels(images[..., :4]).ravel().tolist() == [0, 1, 2, 3]
