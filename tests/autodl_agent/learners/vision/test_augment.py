import numpy as np
import pytest

from autodl_agent.learners.vision.augment import Augmentation, augmented, cut_mixed, square_masks, warped

STILL = Augmentation(False, shift=0, zoom=0, turn_degrees=0, shear=0, light=0, contrast=0, tint=0, cutout=0, mix=0)


def rng(seed=0):
    return np.random.default_rng(seed)


def pictures(n=6, side=12, channels=3):
    return rng(1).normal(size=(n, side, side, channels)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3, 4, 7])
def test_nothing_allowed_nothing_changed(channels):
    seen = pictures(channels=channels)
    labels = np.eye(6, dtype=np.float32)
    found, same = augmented(seen, labels, STILL, rng())
    assert np.allclose(found, seen, atol=1e-5) and same is labels


def test_flips_exchange_left_and_right_of_about_half():
    seen = pictures(n=64)
    found = warped(seen, Augmentation(True, shift=0, zoom=0, turn_degrees=0, shear=0), rng())
    kept = np.isclose(found, seen, atol=1e-4).all((1, 2, 3))
    turned = np.isclose(found, seen[:, :, ::-1], atol=1e-4).all((1, 2, 3))
    assert (kept | turned).all() and 16 < kept.sum() < 48


def test_without_leave_nothing_is_mirrored():
    ramp = np.tile(np.linspace(-1, 1, 16, dtype=np.float32)[None, None, :, None], (40, 16, 1, 1))
    found = warped(ramp, Augmentation(False), rng())
    assert (found[:, 8, -3, 0] > found[:, 8, 2, 0]).all()


def test_shifts_stay_within_bounds():
    dot = np.zeros((50, 21, 21, 1), np.float32)
    dot[:, 10, 10] = 1
    found = warped(dot, Augmentation(False, shift=0.1, zoom=0, turn_degrees=0, shear=0), rng())
    places = np.array([np.unravel_index(image.argmax(), (21, 21)) for image in found[..., 0]])
    assert np.abs(places - 10).max() <= 3 and np.abs(places - 10).max() >= 1


def test_the_input_is_left_alone():
    seen, labels = pictures(), np.eye(6, dtype=np.float32)
    before = seen.copy(), labels.copy()
    augmented(seen, labels, Augmentation(True, mix=1.0), rng())
    assert np.array_equal(seen, before[0]) and np.array_equal(labels, before[1])


def test_the_same_seed_gives_the_same_pictures():
    seen, labels = pictures(), np.eye(6, dtype=np.float32)
    first, second = (augmented(seen, labels, Augmentation(True), rng(4)) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])


def test_masks_are_squares_within_the_picture():
    masks = square_masks(200, 20, 0.5, rng())
    assert masks.shape == (200, 20, 20) and masks.any((1, 2)).mean() > 0.5
    rows, columns = masks.any(2).sum(1), masks.any(1).sum(1)
    assert max(rows.max(), columns.max()) <= 11 and (masks.sum((1, 2)) == rows * columns).all()


def test_labels_follow_the_area_that_came_from_elsewhere():
    seen = np.arange(8, dtype=np.float32)[:, None, None, None] * np.ones((8, 10, 10, 2), np.float32)
    found, labels = cut_mixed(seen, np.eye(8, dtype=np.float32), rng())
    assert np.allclose(labels.sum(1), 1, atol=1e-5) and (np.diag(labels) >= 0.5).all()
    shares = np.stack([(found[..., 0] == k).mean((1, 2)) for k in range(8)], 1)
    assert np.allclose(shares, labels, atol=1e-5) and (np.diag(labels) < 1).any()


def test_easing_takes_changes_back_and_no_more():
    whole = Augmentation(True)
    eased = whole.eased(0.5)
    assert (eased.cutout, eased.mix, eased.light) == (whole.cutout / 2, whole.mix / 2, whole.light / 2)
    assert eased.shift == whole.shift / 2 and eased.flip
    assert whole.eased(7.0) == whole
    least = whole.eased(-1)
    assert least.mix == least.tint == 0 and np.isclose(least.zoom, whole.zoom / 3)


def test_one_pixel_pictures_do_no_harm():
    found, _ = augmented(np.ones((2, 1, 1, 1), np.float32), np.eye(2, dtype=np.float32), Augmentation(True), rng())
    assert np.isfinite(found).all()
