"""Displacements: signs, mirrors and rest, on clips whose movement is known."""

import numpy as np
import pytest

from autodl_agent.learners.video.motion import (
    RADII,
    SECTORS,
    _rings,
    flow,
    grey_frames,
    grid_means,
    movement,
    movement_mirror,
    phase_map,
    track,
)


def drifting(across: int, down: int, frames: int = 6, side: int = 32, seed: int = 0) -> np.ndarray:
    """A smooth ground that moves by whole pixels a frame."""
    ground = np.random.default_rng(seed).random((side, side))
    for axis in (0, 1):
        ground = (np.roll(ground, 1, axis) + ground + np.roll(ground, -1, axis)) / 3
    clip = np.stack([np.roll(ground, (t * down, t * across), (0, 1)) for t in range(frames)])
    return np.uint8(255 * (clip - clip.min()) / np.ptp(clip))[None, ..., None]


@pytest.mark.parametrize(("across", "down"), [(2, 0), (-2, 0), (0, 2), (0, -2), (1, 1)])
def test_the_mean_displacement_has_the_sign_of_the_movement(across: int, down: int) -> None:
    rings = SECTORS * len(RADII)
    found = phase_map(grey_frames(drifting(across, down)))[0]
    drift = found[rings : rings + 2]
    assert np.array_equal(np.sign(np.round(drift, 1)), np.sign([across, down]))
    cells = flow(grey_frames(drifting(across, down)))[0].reshape(6, -1)
    assert np.array_equal(np.sign(np.round(cells[:2, -1], 1)), np.sign([across, down]))


def test_a_clip_that_stands_still_says_so() -> None:
    still = np.repeat(drifting(0, 0, frames=1), 5, axis=1)
    found = phase_map(grey_frames(still))[0]
    assert found[-2] > 0.9  # the share of the surface at no displacement
    assert np.abs(flow(grey_frames(still))).max() < 1e-3
    assert np.abs(track(grey_frames(still)))[0, [0, 1, 3, 4, 5, 7]].max() < 1e-4


@pytest.mark.parametrize(("across", "down"), [(2, 0), (1, -2), (0, 0)])
def test_a_mirrored_clip_has_the_mirrored_numbers(across: int, down: int) -> None:
    clip = drifting(across, down)
    mirror, signs = movement_mirror()
    plain, turned = movement(clip)[0], movement(clip[:, :, :, ::-1])[0]
    assert np.allclose(turned, signs * plain[mirror], atol=2e-2)


def test_a_mirror_is_its_own_inverse() -> None:
    mirror, signs = movement_mirror()
    assert np.array_equal(mirror[mirror], np.arange(len(mirror)))
    assert np.array_equal(signs * signs[mirror], np.ones(len(mirror)))
    assert len(mirror) == movement(drifting(1, 0)).shape[1]


def test_the_track_follows_the_thing_that_moves() -> None:
    clip = np.zeros((1, 8, 32, 32), np.float32)
    for t in range(8):
        clip[0, t, 12:16, 2 + 3 * t : 6 + 3 * t] = 200
    across, down = track(clip)[0].reshape(2, 4)
    assert across[0] > 0 and across[1] > 0.5 and across[3] >= abs(across[1])
    assert np.abs(down[:2]).max() < 0.05


@pytest.mark.parametrize("level", [0, 255])
def test_a_flat_clip_gives_finite_numbers(level: int) -> None:
    assert np.isfinite(movement(np.full((2, 2, 32, 32, 3), level, np.uint8))).all()


def test_means_of_cells_leave_out_what_does_not_fit() -> None:
    frames = np.arange(2 * 25, dtype=np.float32).reshape(1, 2, 5, 5)
    assert np.allclose(grid_means(frames, 2), frames[:, :, :4, :4].reshape(1, 2, 2, 2, 2, 2).mean((3, 5)))


@pytest.mark.parametrize("side", [16, 32, 33])
def test_every_displacement_has_one_ring_at_most_and_rest_has_none(side: int) -> None:
    bins, across, down = _rings(side)
    assert set(bins.sum(1)) <= {0.0, 1.0}
    assert not bins[0].any() and across[0] == down[0] == 0
    # What points one way is matched by what points the other.
    assert across.sum() == down.sum() == 0


def test_the_largest_shift_of_an_even_grid_has_no_direction() -> None:
    bins = _rings(32)[0].reshape(32, 32, -1)
    assert not bins[16].any() and not bins[:, 16].any()
    assert bins[15].any() and bins[:, 17].any()


def test_grain_without_texture_stands_still() -> None:
    grain = np.random.default_rng(0).integers(98, 107, (1, 6, 32, 32)).astype(np.float32)
    assert np.abs(flow(grain)).max() < 0.1
