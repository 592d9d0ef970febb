from dataclasses import replace

import numpy as np
import pytest

from autodl_agent.learners.speech.config import SoundNetworkConfig
from autodl_agent.learners.speech.mel_crops import (
    crop_frames,
    even_crops,
    masked,
    mel_recipe,
    random_crops,
    scale_of,
    usual_frames,
)
from autodl_agent.learners.speech.spectrum import BANDS, RANGE_NEPER
from autodl_agent.learners.testing.contract import examples_of, memory_dataset

CONFIG = SoundNetworkConfig()
STILL = replace(CONFIG, stretch=0.0, shift_bands=0, tilt=0.0)


def stored(lengths, frames=40):
    """Clips whose frame k is k everywhere."""
    out = np.zeros((len(lengths), 1 + frames, BANDS), np.float16)
    for row, length in enumerate(lengths):
        out[row, 0] = length
        out[row, 1 : 1 + length] = np.arange(length)[:, None]
    return out


def test_the_recipe_keeps_the_length_before_the_frames():
    train, _ = examples_of(memory_dataset("speech")[0])
    frames = usual_frames(train.store, 10.0)
    assert 25 < frames < 50  # a third to half a second
    clips = train.array(mel_recipe(frames, train.task.value_range))
    lengths = clips[:, 0, 0].astype(int)
    assert clips.shape == (60, 1 + frames, BANDS) and lengths.min() > 20 and lengths.max() == frames
    short = lengths.argmin()
    assert (clips[short, 1 + lengths[short] :] == 0).all() and (clips[short, 1 : lengths[short]] < 0).any()


@pytest.mark.parametrize(("usual", "crop"), [(3, 16), (40, 40), (41, 48), (5000, 208)])
def test_crops_are_no_longer_than_clips_or_than_asked(usual, crop):
    assert crop_frames(usual, CONFIG) == crop


def test_crops_of_long_clips_lie_inside():
    crops = random_crops(stored([40] * 60), 16, STILL, np.random.default_rng(0))
    first = crops[:, 0, 0]
    assert (crops >= 0).all() and np.allclose(crops[:, :, 0] - first[:, None], np.arange(16), atol=1e-3)
    assert first.min() <= 3 and first.max() >= 21


def test_short_clips_are_kept_whole_with_silence_around():
    crops = random_crops(stored([10] * 60), 16, STILL, np.random.default_rng(0))
    sounding = crops[:, :, 0] > -RANGE_NEPER
    assert (sounding.sum(1) == 10).all() and len(np.unique(sounding.argmax(1))) > 4


def test_a_faster_clip_passes_more_frames():
    config = replace(STILL, stretch=0.5)
    crops = random_crops(stored([40] * 100), 16, config, np.random.default_rng(0))
    spans = crops[:, -1, 0] - crops[:, 0, 0]
    assert spans.min() < 12 and spans.max() > 18


def test_bands_move_together():
    clips = np.zeros((30, 5, BANDS), np.float16)
    clips[:, 0], clips[:, 1:, 20] = 4, 1
    crops = random_crops(clips, 4, replace(STILL, shift_bands=2), np.random.default_rng(0))
    places = crops[:, 2].argmax(1)
    assert set(places) == {18, 19, 20, 21, 22}


def test_even_crops_span_the_clip_and_short_ones_lie_in_the_middle():
    crops = even_crops(stored([40, 10]), 16, 3)
    assert crops.shape == (2, 3, 16, BANDS)
    assert crops[0, :, 0, 0].tolist() == [0, 12, 24] and crops[0, 2, -1, 0] == 39
    middle = even_crops(stored([10]), 16, 1)[0, 0, :, 0]
    assert (middle[:3] == -RANGE_NEPER).all() and (middle[3:13] == np.arange(10)).all()


def test_masks_are_one_stretch_of_bands_and_one_of_time():
    crops = masked(np.ones((50, 30, BANDS), np.float32), CONFIG, 1.0, np.random.default_rng(0))
    bands, times = (crops == 0).all(1), (crops == 0).all(2)
    assert bands.sum(1).max() <= CONFIG.mask_bands * BANDS + 1 and bands.any() and times.any()
    assert (np.abs(np.diff(bands.astype(int), axis=1)).sum(1) <= 2).all()
    assert (masked(np.ones((9, 30, BANDS), np.float32), CONFIG, 0.0, np.random.default_rng(0)) == 1).all()


def test_scale_looks_at_sounding_frames_only():
    mean, spread = scale_of(stored([40, 3]))
    assert np.allclose(mean, (40 * 19.5 + 3 * 1) / 43, atol=0.05) and (spread > 5).all()
    mean, spread = scale_of(stored([0]))
    assert (mean == 0).all() and (spread == 1).all()
