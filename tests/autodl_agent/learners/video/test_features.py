import numpy as np
import pytest

from autodl_agent.data.task import Domain, Task
from autodl_agent.learners.video.features import (
    changes,
    changes_feature,
    clip_recipe,
    feature_views,
    looks_feature,
    movement_feature,
)
from autodl_agent.learners.video.motion import FLOW_GRID, RADII, SECTORS, flow, grey_frames, movement, phase_map, track


def task(channels: int) -> Task:
    return Task("t", Domain.VIDEO, "", ("a", "b"), 4, 2, (-1, -1, -1, channels), False, (2, 2))


def moving(step: tuple[int, int], frames: int = 8, side: int = 32, texture: bool = False) -> np.ndarray:
    """A square (or with `texture` the whole ground) that moves by `step` pixels (across, down) a frame."""
    rng = np.random.default_rng(3)
    ground = rng.integers(0, 255, (side * 2, side * 2)).astype(np.uint8)
    clip = np.zeros((1, frames, side, side, 1), np.uint8)
    for t in range(frames):
        across, down = (t * s for s in step)
        if texture:
            clip[0, t, :, :, 0] = np.roll(ground, (down, across), (0, 1))[
                side // 2 : -side // 2, side // 2 : -side // 2
            ]
        else:
            top, left = 13 + down - step[1] * 4, 13 + across - step[0] * 4
            clip[0, t, max(0, top) : top + 6, max(0, left) : left + 6] = 220
    return clip


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize(("frames", "side"), [(8, 32), (5, 48)])
def test_mirrored_clips_have_permuted_and_signed_features(channels, frames, side):
    clips = np.random.default_rng(1).integers(0, 256, (3, frames, side, side, channels), np.uint8)
    clips[2] = moving((2, 1), frames, side)[0]
    makers = ((looks_feature, feature_views), (changes_feature, changes), (movement_feature, movement))
    for make, compute in makers:
        feature = make(task(channels), frames, side)
        plain, mirrored = compute(clips), compute(clips[:, :, :, ::-1])
        assert plain.shape == (3, *feature.recipe.shape) == (3, len(feature.mirror))
        np.testing.assert_array_equal(feature.mirror[feature.mirror], np.arange(len(feature.mirror)))
        np.testing.assert_allclose(mirrored, feature.signs * plain[:, feature.mirror], atol=5e-3)


@pytest.mark.parametrize("step", [(2, 0), (-2, 0), (0, 2), (0, -3), (3, 3)])
def test_phase_map_finds_the_displacement_of_the_ground(step):
    found = phase_map(grey_frames(moving(step, texture=True)))[0]
    shares = found[: SECTORS * len(RADII)].reshape(SECTORS, len(RADII)).sum(1)
    assert shares.argmax() == round(np.degrees(np.arctan2(step[1], step[0])) / 45) % SECTORS
    across, down = found[SECTORS * len(RADII) :][:2]
    for value, wanted in ((across, step[0]), (down, step[1])):
        assert value * wanted >= 0 and abs(value - wanted) < max(1.0, 0.6 * abs(wanted))


@pytest.mark.parametrize("step", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_flow_and_track_follow_the_direction(step):
    grey = grey_frames(moving(step))
    path = track(grey)[0]
    whole = flow(grey).reshape(6, FLOW_GRID**2 + 1)[:, -1]
    for k in (0, 1):
        assert np.sign(round(float(path[4 * k]), 3)) == step[k]
        assert np.sign(round(float(path[4 * k + 1]), 2)) == step[k]
        assert abs(whole[k]) < 0.05 if step[k] == 0 else whole[k] * step[k] > 0.05


def test_still_clips_do_not_move_or_change():
    still = np.repeat(moving((0, 0), 1), 8, 1)
    grey = grey_frames(still)
    assert not np.abs(flow(grey)).any() and np.abs(track(grey)[:, [0, 1, 3, 4, 5, 7]]).max() < 1e-5
    assert not changes(still)[0, : 3 * 64].any()
    for compute in (feature_views, changes, movement):
        assert np.isfinite(compute(np.zeros((1, 8, 32, 32, 3), np.uint8))).all()


def test_changes_say_where_it_moves():
    clip = np.zeros((1, 8, 32, 32, 1), np.uint8)
    clip[0, ::2, 4:8, 20:24] = 200
    energy = changes(clip)[0, :64].reshape(8, 8)
    assert np.argwhere(energy > 1).tolist() == [[1, 5]]


def test_looks_know_beginning_from_end():
    clip = np.zeros((1, 8, 32, 32, 1), np.uint8)
    clip[0, 4:] = 200
    forward, backward = feature_views(clip), feature_views(clip[:, ::-1])
    third = forward.shape[1] // 3
    np.testing.assert_allclose(forward[:, : 2 * third], backward[:, : 2 * third], atol=1e-5)
    np.testing.assert_allclose(forward[:, 2 * third :], -backward[:, 2 * third :], atol=1e-5)
    assert forward[:, 2 * third :].any()


def test_recipes_are_named_by_what_they_depend_on():
    assert clip_recipe(task(3), 8, 32).key == "clip@8x32x32x3"
    keys = {make(task(3), 8, 32).recipe.key for make in (looks_feature, changes_feature, movement_feature)}
    assert len(keys) == 3
