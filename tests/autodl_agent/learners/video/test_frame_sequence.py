"""`FrameSequence` on a small stand-in for the pretrained network."""

import numpy as np
import pytest

from autodl_agent.data.task import Domain
from autodl_agent.learners.registry import LearnerSpec
from autodl_agent.learners.testing.contract import check_learner, examples_of, memory_dataset
from autodl_agent.learners.video import frame_sequence
from autodl_agent.learners.video.frame_sequence import FrameInputs, FrameSequence, InputSpec, frames_recipe
from autodl_agent.pretrained.models.efficientnet import FEATURES
from autodl_agent.system.clock import Budget

SPEC = LearnerSpec("frame-sequence", "video.frame_sequence:FrameSequence", fits=lambda task: task.shape[3] in (1, 3))


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """Features are fixed random projections of an 8×8 thumbnail; remembers how many pictures were looked at."""
    weights = np.random.default_rng(0).normal(size=(8 * 8 * 3, FEATURES)).astype(np.float32) / 14
    seen = []

    def features(pictures, name):
        seen.append(pictures.shape)
        rows, columns = (np.linspace(0, side - 1, 8).astype(int) for side in pictures.shape[1:3])
        small = pictures[:, rows][:, :, columns].astype(np.float32) / 128 - 1
        return np.maximum(small.reshape(len(small), -1) @ weights, 0)

    monkeypatch.setattr(frame_sequence, "frozen_features", features)
    return seen


def soon():
    return Budget.from_now(60).deadline(60)


def test_keeps_the_contract():
    check_learner(SPEC, Domain.VIDEO)


def test_the_recipe_keeps_every_frame(plain):
    train, _ = examples_of(memory_dataset("video", n_train=12, n_test=3)[0])
    clip = FrameInputs.config.clips[0]
    found = train.array(frames_recipe(train.task, "any", clip))
    assert found.shape == (12, clip.frames, FEATURES) and sum(shape[0] for shape in plain) == 12 * clip.frames
    assert not np.allclose(found[0, 0], found[0, -1])


def test_looks_and_changes_have_unit_spread():
    rng = np.random.default_rng(0)
    clips = np.square(rng.normal(3, 1, (40, 1, FEATURES)) + rng.normal(0, 0.1, (40, 6, FEATURES)))
    found = InputSpec.of(0, clips.astype(np.float16)).standardised(clips.astype(np.float16))
    feature_views, changes = found[..., :FEATURES], found[..., FEATURES:]
    assert found.dtype == np.float32 and np.isclose(feature_views.std(), 1, atol=0.02)
    assert np.isclose(changes.std(), 1, atol=0.02) and np.allclose(changes.mean(1), 0, atol=1e-3)


def test_looks_of_sorted_clips_are_those_of_all_classes():
    train, _ = examples_of(memory_dataset("video", n_train=12, n_test=3)[0])
    adapter = FrameInputs(train.task, 0)
    clips = np.repeat([0.0, 4.0], 1000)[:, None, None] * np.ones((1, 2, FEATURES))
    assert np.allclose(adapter.spec_of(0, clips.astype(np.float16)).mean, 1, atol=0.2)


def test_still_clips_do_no_harm():
    still = np.ones((3, 4, FEATURES), np.float16)
    assert (InputSpec.of(0, still).standardised(still) == 0).all()


def test_samplings_take_turns_and_a_new_network_starts_where_the_last_one_was():
    train, test = examples_of(memory_dataset("video", n_train=30, n_test=10)[0])
    learner, stages, planned = FrameSequence(train.task, 0), [], []
    for _ in range(4):
        assert learner.fit(train, soon())
        stages.append(learner.body.spec.stage)
        planned.append(learner.body.network.planned)
    assert stages == [0, 0, 1, 1] and planned == sorted(planned) and planned[2] > planned[1]
    assert np.isfinite(learner.predict(test)).all()
